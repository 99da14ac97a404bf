//! `bss2 calib run`.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;
use bss2_emu::spec::ParameterSource;

use super::{configure, set_threads};
use crate::cli::CalibArgs;
use crate::console::Console;
use crate::laboratory::Laboratory;

/// Calibrates a chip and writes the table.
///
/// # Errors
/// If the configuration is wrong, the calibration fails or the table cannot be written.
pub fn run(args: &CalibArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    if args.chip.calibration.is_some() {
        bail!("calib run makes a table; --calibration has no meaning here");
    }
    let (config, _) = configure(None, &args.config, &args.chip, Vec::new())?;
    if config.chip.parameters == ParameterSource::Direct {
        bail!("this chip is set directly (chip.parameters = \"direct\"): there is nothing to calibrate");
    }
    let begun = Instant::now();
    let laboratory = Laboratory::set_up(&config.chip, &config.calibration, &config.scaling, None, &mut |step| {
        console.say(format_args!("{:2}/{} {}", step.index, step.of, step.name));
    })?;
    let table = &laboratory.calibration;
    table.save(&args.out)?;
    let good = table.success.iter().filter(|s| **s).count();
    console.say(format_args!(
        "chip {}: {good} of {} neurons on target; {} runs, {:.2} s on the chip, {:.1} s here; threshold {:.3} weight units",
        table.chip,
        table.success.len(),
        table.measurements,
        table.hardware_time_us * 1e-6,
        begun.elapsed().as_secs_f64(),
        laboratory.scaling.threshold,
    ));
    console.say(format_args!("written to {}", args.out.display()));
    console.result(&serde_json::json!({
        "chip": table.chip,
        "file": args.out,
        "neurons_on_target": good,
        "measurements": table.measurements,
        "hardware_time_s": table.hardware_time_us * 1e-6,
        "threshold": laboratory.scaling.threshold,
        "wall_s": begun.elapsed().as_secs_f64(),
    }));
    Ok(ExitCode::SUCCESS)
}
