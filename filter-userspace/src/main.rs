//! The `interdict` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    interdict::commands::main()
}
