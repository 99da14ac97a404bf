//! `bss2 calib convert`.

use std::process::ExitCode;

use ::calib::Calibration;
use anyhow::bail;

use super::check_destination;
use crate::cli::ConvertArgs;
use crate::console::Console;

/// Writes a table in another format, or its chip with common codes.
///
/// # Errors
/// If the table cannot be read or written, or has no codes where they are wanted.
pub fn run(args: &ConvertArgs) -> anyhow::Result<ExitCode> {
    check_destination(&args.to)?;
    let table = Calibration::load(&args.from)?;
    let (table, what) = if args.uncalibrated {
        let Some(table) = table.with_common_codes() else {
            bail!("calibration {}: it has no codes: its chip is set directly", args.from.display());
        };
        (table, "table of common codes")
    } else {
        (table, "table")
    };
    table.save(&args.to)?;
    Console::new(false).say(format_args!("{what} of chip {} written to {}", table.chip, args.to.display()));
    Ok(ExitCode::SUCCESS)
}
