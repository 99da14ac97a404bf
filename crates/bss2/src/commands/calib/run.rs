//! `bss2 calib run`.

use std::process::ExitCode;
use std::time::Instant;

use ::calib::{FileFormat, evaluate};
use anyhow::{Context as _, bail};
use bss2_emu::spec::ParameterSource;

use super::parameters::{say_spreads, spreads};
use super::{check_destination, preset};
use crate::cli::CalibArgs;
use crate::commands::{configure, flag, set_threads};
use crate::console::{Console, Routines};
use crate::laboratory::{Laboratory, draw};

/// Calibrates a chip and writes the table.
///
/// # Errors
/// If the configuration is wrong, the calibration fails or the table cannot be written.
pub fn run(args: &CalibArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    if args.chip.calibration.is_some() || args.chip.force {
        bail!("calib run makes a table; --calibration and --force have no meaning here");
    }
    let format = check_destination(&args.out)?;
    let mut flags = Vec::new();
    if let Some(name) = &args.target {
        let targets = preset::named(name)?;
        flags.push(flag("--target", "calibration", toml::Table::try_from(targets)?));
    }
    let (config, _) = configure(None, &args.config, &args.chip, flags)?;
    if config.chip.parameters == ParameterSource::Direct {
        bail!("this chip is set directly (chip.parameters = \"direct\"): there is nothing to calibrate");
    }
    let begun = Instant::now();
    let mut routines = Routines::new(console);
    let mut laboratory = Laboratory::set_up(
        draw(&config.chip, &config.residual_table)?,
        &config.calibration,
        &config.scaling,
        None,
        &mut |step| routines.begin(step),
    )?;
    routines.finish();
    let table = &laboratory.calibration;
    if format == FileFormat::Npz {
        console.say("measuring the same chip with common codes");
        let evaluation = evaluate(&mut laboratory.chip, table).context("the chip cannot be measured")?;
        table.save_with(&args.out, &evaluation.arrays())?;
    } else {
        table.save(&args.out)?;
    }
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
    say_spreads(console, table);
    console.say(format_args!("written to {}", args.out.display()));
    console.result(&serde_json::json!({
        "chip": table.chip,
        "targets": table.targets,
        "file": args.out.display().to_string(),
        "neurons_on_target": good,
        "measurements": table.measurements,
        "hardware_time_s": table.hardware_time_us * 1e-6,
        "threshold": laboratory.scaling.threshold,
        "measured": spreads(table),
        "wall_s": begun.elapsed().as_secs_f64(),
    }))?;
    Ok(ExitCode::SUCCESS)
}
