//! To come.
pub(super) fn run(_args: &crate::args::SimulateArgs) -> super::Outcome {
    Ok(super::exit::Exit::Ok)
}
