//! The program `bss2`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bss2::run(std::env::args_os())
}
