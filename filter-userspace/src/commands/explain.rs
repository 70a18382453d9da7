//! To come.
pub(super) async fn run(
    _args: crate::args::ExplainArgs,
    _client: &crate::control::client::Client,
    _output: &super::print::Output,
) -> super::Outcome {
    Ok(super::exit::Exit::Ok)
}
