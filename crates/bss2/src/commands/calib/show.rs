//! `bss2 calib show`.

use std::process::ExitCode;

use ::calib::Calibration;

use super::check_place;
use super::parameters::{PARAMETERS, common_target, say_spreads, spreads};
use crate::cli::TableArgs;
use crate::console::Console;
use crate::figures::{ParameterHistogram, calibration, check_name};

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
    let missed: Vec<usize> = table.success.iter().enumerate().filter(|(_, s)| !**s).map(|(n, _)| n).collect();
    let total = table.success.len();
    console.say(format_args!("table of chip {}: {} of {total} neurons on target", table.chip, total - missed.len()));
    console.say(match table.codes {
        Some(_) => format!(
            "codes of 24 cells and 16 switches per neuron; {} runs, {} trials, {:.2} s on the chip",
            table.measurements,
            table.trials,
            table.hardware_time_us * 1e-6
        ),
        None => "no codes: the chip is set directly, nothing was measured".to_owned(),
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
    say_spreads(console, &table);
    if !missed.is_empty() {
        let shown: Vec<String> = missed.iter().take(20).map(ToString::to_string).collect();
        let more = if missed.len() > 20 { ", ..." } else { "" };
        console.say(format_args!("neurons that missed: {}{more}", shown.join(", ")));
    }
    if let Some(path) = &args.out {
        draw(&table).save_as(path)?;
        console.say(format_args!("figure written to {}", path.display()));
    }
    console.result(&serde_json::json!({
        "chip": table.chip,
        "targets": table.targets,
        "targets_per_neuron": own,
        "neurons_on_target": total - missed.len(),
        "missed": missed,
        "measurements": table.measurements,
        "trials": table.trials,
        "hardware_time_s": table.hardware_time_us * 1e-6,
        "measured": spreads(&table),
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// What was measured with one code for all neurons, if the table has it.
fn before(table: &Calibration, name: &str) -> Vec<f64> {
    let list = table.uncalibrated.as_ref().and_then(|u| u.list(name)).unwrap_or_default();
    list.iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

fn draw(table: &Calibration) -> crate::figures::Figure {
    let histograms: Vec<ParameterHistogram> = PARAMETERS
        .iter()
        .map(|parameter| ParameterHistogram {
            caption: parameter.label.to_owned(),
            unit: parameter.unit.replace("us", "\u{b5}s"),
            values: table.measured.iter().map(parameter.value).collect(),
            before: before(table, parameter.name),
            target: common_target(table, parameter),
        })
        .collect();
    calibration(&histograms, &table.success, &format!("Calibration of chip {}", table.chip))
}
