//! `bss2 calib run`.

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ::calib::{PerNeuron, Targets};
use anyhow::{Context as _, bail};
use bss2_emu::spec::ParameterSource;
use ttfs::scaling::Scaling;

use super::parameters::{Outcome, say_spreads, spreads};
use super::{check_destination, preset};
use crate::cli::CalibArgs;
use crate::commands::{configure, flag, set_threads};
use crate::console::{Console, Routines};
use crate::laboratory::{Survey, draw, surveyed};

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
    check_destination(&args.out)?;
    let (flags, aims) = match &args.target {
        Some(given) => {
            let (targets, each) = preset::given(given)?;
            (vec![flag("--target", "calibration", toml::Table::try_from(targets)?)], Some((targets, each)))
        }
        None => (Vec::new(), None),
    };
    let (config, _) = configure(None, &args.config, &args.chip, flags)?;
    if config.chip.parameters == ParameterSource::Direct {
        bail!("this chip is set directly (chip.parameters = \"direct\"): there is nothing to calibrate");
    }
    let each =
        aims.map_or(Ok(PerNeuron::default()), |(targets, each)| undisturbed(each, &targets, &config.calibration))?;
    for warning in each.warnings(&config.calibration) {
        console.say(format_args!("warning: calibration.{warning}; some neurons will miss it"));
    }
    let begun = Instant::now();
    let mut routines = Routines::new(console);
    let spec = draw(&config.chip, &config.residual_table)?.spec().to_owned();
    let mut say = |survey| match survey {
        Survey::Calibrating(step) => routines.begin(step),
        Survey::Comparing => {
            routines.finish();
            console.say("measuring the same chip with common codes");
        }
    };
    let table = surveyed(&spec, &config.calibration, &each, &mut say, &AtomicBool::new(false))?;
    let units = &config.scaling;
    let scaling = Scaling::measured(&table.measured, units.us_per_time, units.lsb_per_weight, units.latency)
        .context("the calibration gives no usable threshold")?;
    table.save(&args.out)?;
    let outcome = Outcome::of(&table);
    console.say(format_args!(
        "chip {}: {}; {} runs, {:.2} s on the chip, {:.1} s here; threshold {:.3} weight units",
        table.chip,
        outcome.said(),
        table.measurements,
        table.hardware_time_us * 1e-6,
        begun.elapsed().as_secs_f64(),
        scaling.threshold,
    ));
    say_spreads(console, &table, &outcome);
    console.say(format_args!("written to {}", args.out.display()));
    console.result(&serde_json::json!({
        "chip": table.chip,
        "targets": table.targets,
        "file": args.out.display().to_string(),
        "neurons_calibrated": outcome.calibrated.len(),
        "neurons_near_target": outcome.near_target,
        "measurements": table.measurements,
        "hardware_time_s": table.hardware_time_us * 1e-6,
        "threshold": scaling.threshold,
        "measured": spreads(&table, &outcome),
        "wall_s": begun.elapsed().as_secs_f64(),
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses `--set` of a target that a file gives for each neuron.
fn undisturbed(each: PerNeuron, given: &Targets, resolved: &Targets) -> anyhow::Result<PerNeuron> {
    let (given, resolved) = (toml::Table::try_from(given)?, toml::Table::try_from(resolved)?);
    let changed =
        each.lists().into_iter().find(|(key, list)| !list.is_empty() && given.get(*key) != resolved.get(*key));
    match changed {
        Some((key, _)) => bail!("--set calibration.{key}: the file of --target gives it for each neuron"),
        None => Ok(each),
    }
}
