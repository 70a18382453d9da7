//! `cargo xtask`: everything a developer does with this repository, one file a subcommand.

mod bench;
mod build;
mod check;
mod command;
mod demo;
mod dist;
mod kernels;
mod privilege;
mod program;
mod setup;
mod tally;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// Everything a developer does with this repository.
///
/// From a fresh checkout: `cargo xtask demo` shows the product at work, `cargo xtask test` proves it. Both install what
/// they need first (on Debian 12: packages by apt-get, and bpf-linker under target/tools).
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
enum Task {
    Setup(setup::Arguments),
    Build(build::Arguments),
    Demo(demo::Arguments),
    Check(check::Arguments),
    Test(test::Arguments),
    Kernels(kernels::Arguments),
    Bench(bench::Arguments),
    Dist(dist::Arguments),
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Setup(arguments) => setup::run(&arguments),
        Task::Build(arguments) => build::run(&arguments),
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Check(arguments) => check::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Kernels(arguments) => kernels::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Dist(arguments) => dist::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
