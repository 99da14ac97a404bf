//! `bss2 calib show`.

use std::process::ExitCode;

use ::calib::Calibration;

use super::check_place;
use super::parameters::{Outcome, PARAMETERS, common_target, say_spreads, spreads};
use crate::cli::TableArgs;
use crate::console::Console;
use crate::figures::{CalibrationOutcome, ParameterHistogram, calibration, check_name};

/// Prints what a table says, and draws it.
///
/// # Errors
/// If the table cannot be read or the figure not be written.
pub fn run(args: &TableArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.json);
    if let Some(path) = &args.out {
        check_name(path)?;
        check_place(path)?;
    }
    let table = Calibration::load(&args.table)?;
    let outcome = Outcome::of(&table);
    console.say(format_args!("table of chip {}: {}", table.chip, outcome.said()));
    console.say(match table.codes {
        Some(_) => format!(
            "codes of 24 cells and 16 switches per neuron; {} runs, {} trials, {:.2} s on the chip",
            table.measurements,
            table.trials,
            table.hardware_time_us * 1e-6
        ),
        None => "no codes: the chip is set directly".to_owned(),
    });
    let targets = toml::Table::try_from(table.targets)?;
    let targets: Vec<String> = targets.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    console.say("targets");
    for line in targets.chunks(4) {
        console.say(format_args!("  {}", line.join(", ")));
    }
    let own: Vec<&str> =
        table.per_neuron.lists().into_iter().filter(|(_, list)| !list.is_empty()).map(|(key, _)| key).collect();
    if !own.is_empty() {
        console.say(format_args!("  for each neuron its own: {}", own.join(", ")));
    }
    say_spreads(console, &table, &outcome);
    let missed = if outcome.is_measured { outcome.missed.as_slice() } else { &[] };
    if !missed.is_empty() {
        let shown: Vec<String> = missed.iter().take(20).map(ToString::to_string).collect();
        let more = if missed.len() > 20 { ", ..." } else { "" };
        console.say(format_args!("neurons that are not calibrated: {}{more}", shown.join(", ")));
    }
    if let Some(path) = &args.out {
        draw(&table, &outcome).save_as(path)?;
        console.say(format_args!("figure written to {}", path.display()));
    }
    console.result(&serde_json::json!({
        "chip": table.chip,
        "targets": table.targets,
        "targets_per_neuron": own,
        "neurons_calibrated": outcome.calibrated.len(),
        "neurons_near_target": outcome.near_target,
        "missed": missed,
        "measurements": table.measurements,
        "trials": table.trials,
        "hardware_time_s": table.hardware_time_us * 1e-6,
        "measured": spreads(&table, &outcome),
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// What was measured with one code for all neurons, if the table has it.
fn before(table: &Calibration, name: &str) -> Vec<f64> {
    let list = table.uncalibrated.as_ref().and_then(|u| u.list(name)).unwrap_or_default();
    list.iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

fn draw(table: &Calibration, outcome: &Outcome) -> crate::figures::Figure {
    let histograms: Vec<ParameterHistogram> = PARAMETERS
        .iter()
        .map(|parameter| ParameterHistogram {
            caption: parameter.label.to_owned(),
            unit: parameter.unit.replace("us", "\u{b5}s"),
            values: if outcome.is_measured { table.measured.iter().map(parameter.value).collect() } else { Vec::new() },
            before: before(table, parameter.name),
            target: common_target(table, parameter),
        })
        .collect();
    let outcome = outcome
        .is_measured
        .then_some(CalibrationOutcome { calibrated: &table.success, near_target: outcome.near_target });
    calibration(&histograms, outcome, &format!("Calibration of chip {}", table.chip))
}
