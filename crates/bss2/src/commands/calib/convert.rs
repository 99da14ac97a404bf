//! `bss2 calib convert`.

use std::process::ExitCode;

use ::calib::Calibration;

use super::check_destination;
use crate::cli::ConvertArgs;
use crate::console::Console;

/// Writes a table in another format.
///
/// # Errors
/// If the table cannot be read or written.
pub fn run(args: &ConvertArgs) -> anyhow::Result<ExitCode> {
    check_destination(&args.to)?;
    let table = Calibration::load(&args.from)?;
    table.save(&args.to)?;
    Console::new(false).say(format_args!("table of chip {} written to {}", table.chip, args.to.display()));
    Ok(ExitCode::SUCCESS)
}
