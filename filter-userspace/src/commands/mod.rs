//! The verbs, one file each: from what the user typed to what is printed and the exit code.

pub mod exit;

mod audit;
mod check;
mod detach;
mod doctor;
mod explain;
mod generate;
mod inputs;
mod order;
mod print;
mod region;
mod run;
mod simulate;
mod stats;
mod status;
mod version;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::args::{AuditVerb, Cli, DEFAULT_SOCKET, LogFormat, Verb};
use crate::config::Overrides;
use crate::control::client::{Client, ClientError};
use exit::{Exit, Failure};
use print::Output;

/// What a verb ends with.
pub type Outcome = Result<Exit, Failure>;

/// Parses the command line, runs the verb and prints the error chain, if there is one.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(Failure::from(error)),
    };
    let outcome = runtime.block_on(dispatch(cli));
    // a blocked reader of standard input must not hold the process
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => report(failure),
    }
}

fn report(failure: Failure) -> ExitCode {
    eprintln!("interdict: {}", failure.chain());
    failure.exit.into()
}

async fn dispatch(cli: Cli) -> Outcome {
    let output = Output::new(cli.json);
    let socket = cli.socket.as_deref();
    match cli.verb {
        Verb::Run(args) => run::run(args, cli.socket).await,
        Verb::Status => status::run(&client(socket), &output).await,
        Verb::Stats => stats::run(&client(socket), &output).await,
        Verb::Explain(args) => explain::run(args, &client(socket), &output).await,
        Verb::Region { address } => region::run(address, &client(socket), &output).await,
        Verb::Order(verb) => order::run(verb, &client(socket), &output).await,
        Verb::Block(args) => order::names(args, crate::control::Edit::Block, &client(socket), &output).await,
        Verb::Unblock(args) => {
            order::names(args, crate::control::Edit::Unblock, &client(socket), &output).await
        }
        Verb::Simulate(args) => simulate::run(&args, &output),
        Verb::Detach { pin_dir } => detach::run(pin_dir, &client(socket), &output).await,
        Verb::Doctor(args) => doctor::run(&args, &socket_path(socket), &output).await,
        Verb::Check { files } => check::run(&files, &output),
        Verb::Audit(AuditVerb::Verify { file }) => audit::verify(file, &output),
        Verb::Version => version::run(&output),
        Verb::Generate { kind, dir } => generate::run(kind, &dir),
    }
}

/// The socket that is named, else the configured one, else the usual one.
fn socket_path(socket: Option<&Path>) -> PathBuf {
    let configured = || inputs::config(None, Overrides::default()).ok().map(|config| config.control);
    socket.map(Path::to_owned).or_else(configured).unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET))
}

fn client(socket: Option<&Path>) -> Client {
    Client::new(&socket_path(socket))
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        let exit = match &error {
            ClientError::NotRunning(_) => Exit::Temporary,
            ClientError::NotPermitted(_) => Exit::NotPermitted,
            ClientError::Problem(problem) => Exit::from_code(problem.exit),
            _ => Exit::Failed,
        };
        Failure::new(exit, anyhow::Error::new(error))
    }
}

/// Logs go to stderr: data is on stdout.
fn start_log(cli: &Cli) {
    let filter = EnvFilter::try_new(&cli.log).unwrap_or_else(|error| {
        eprintln!("interdict: --log {}: {error}; info is used", cli.log);
        EnvFilter::new("info")
    });
    let colored = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colored);
    // a second subscriber cannot be there; were it, its log is as good
    let _ = match cli.log_format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
