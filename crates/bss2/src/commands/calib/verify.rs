//! `bss2 calib verify`.

use std::process::ExitCode;
use std::time::Instant;

use ::calib::{Calibration, remeasure};
use anyhow::{Context as _, bail};
use bss2_emu::Device as _;
use serde::Serialize;

use super::parameters::{PARAMETERS, Tolerance, common_target, median_and_sd};
use crate::cli::VerifyArgs;
use crate::commands::{configure, set_threads, warn_of_other_chip};
use crate::console::Console;
use crate::laboratory::{GivenTable, draw};

/// Of a neuron: what the table says, what the chip says, what was aimed at.
type Row = (f64, f64, Option<f64>);

/// A parameter, measured again.
#[derive(Debug, Clone, Serialize)]
struct Checked {
    parameter: &'static str,
    name: String,
    target: Option<f64>,
    stored: f64,
    achieved: f64,
    /// Standard deviation of (achieved - stored).
    sd: f64,
    /// Share of the neurons whose value is within the tolerance of the stored one.
    near_stored: f64,
    /// The same for the target, or for the median where the aim is that all are equal.
    near_target: f64,
    tolerance: String,
}

/// Measures a chip with the codes of a table.
///
/// # Errors
/// If the table is of another chip and this is not on purpose, or has no codes, or the measurement fails.
pub fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    if args.chip.calibration.is_some() {
        bail!("calib verify takes its table as an argument; --calibration has no meaning here");
    }
    let table = Calibration::load(&args.table)?;
    if table.codes.is_none() {
        bail!("calibration {}: it has no codes to measure with: its chip is set directly", args.table.display());
    }
    let (config, _) = configure(None, &args.config, &args.chip, Vec::new())?;
    let mut chip = draw(&config.chip, &config.residual_table)?;
    let identity = chip.identity().clone();
    let given = GivenTable { table, force: args.chip.force };
    warn_of_other_chip(console, &given, &identity)?;
    let table = given.table;
    let begun = Instant::now();
    let (measured, seen) = remeasure(&mut chip, &table).context("the chip cannot be measured")?;
    let used: Vec<usize> = (0..seen.len()).filter(|n| seen[*n] && table.success[*n]).collect();
    let checked: Vec<Checked> = PARAMETERS
        .iter()
        .map(|p| {
            let rows: Vec<Row> = used
                .iter()
                .map(|n| {
                    let target = (p.target)(&table.targets_of(*n));
                    ((p.value)(&table.measured[*n]), (p.value)(&measured[*n]), target)
                })
                .collect();
            let (stored, _) = median_and_sd(rows.iter().map(|row| row.0).collect());
            let (achieved, _) = median_and_sd(rows.iter().map(|row| row.1).collect());
            let (_, sd) = median_and_sd(rows.iter().map(|row| row.1 - row.0).collect());
            let target = common_target(&table, p);
            let share = |near: fn(Tolerance, f64, &Row) -> bool| {
                rows.iter().filter(|row| near(p.tolerance, stored, row)).count() as f64 / rows.len().max(1) as f64
            };
            Checked {
                parameter: p.name,
                name: format!("{} ({})", p.label, p.unit),
                target,
                stored,
                achieved,
                sd,
                near_stored: share(|tolerance, _, row| tolerance.allows(row.1, row.0)),
                near_target: share(|tolerance, median, row| tolerance.allows(row.1, row.2.unwrap_or(median))),
                tolerance: match p.tolerance {
                    Tolerance::Absolute(most) => format!("{most} {}", p.unit),
                    Tolerance::Relative(share) => format!("{} %", 100.0 * share),
                },
            }
        })
        .collect();
    console.say(format_args!(
        "chip {identity} measured again with the codes of {}: {} of {} neurons are on target in the table and could be measured",
        args.table.display(),
        used.len(),
        seen.len()
    ));
    console
        .say("                           target    stored  achieved  sd of diff   tolerance  near stored  near target");
    for c in &checked {
        let target = c.target.map_or("-".to_owned(), |t| format!("{t:.3}"));
        console.say(format_args!(
            "  {:<22} {target:>8} {:>9.3} {:>9.3} {:>11.3} {:>11} {:>10.1} % {:>10.1} %",
            c.name,
            c.stored,
            c.achieved,
            c.sd,
            c.tolerance,
            100.0 * c.near_stored,
            100.0 * c.near_target
        ));
    }
    console.result(&serde_json::json!({
        "chip": identity,
        "chip_of_table": table.chip,
        "neurons": used.len(),
        "parameters": checked,
        "wall_s": begun.elapsed().as_secs_f64(),
    }))?;
    Ok(ExitCode::SUCCESS)
}
