//! `bss2 calib verify`.

use std::process::ExitCode;
use std::time::Instant;

use ::calib::{Calibration, remeasure};
use anyhow::{Context as _, bail};
use bss2_emu::Device as _;
use serde::Serialize;

use super::parameters::{Outcome, PARAMETERS, Parameter, Tolerance, common_target, median_and_sd};
use crate::cli::VerifyArgs;
use crate::commands::{configure, set_threads, warn_of_other_chip};
use crate::console::Console;
use crate::laboratory::{GivenTable, draw};

/// Share of the neurons that must be near what the table says of them.
const ENOUGH: f64 = 0.9;

/// Of a neuron: what the table says, what the chip says, what was aimed at.
type Row = (f64, f64, Option<f64>);

/// A parameter, measured again.
#[derive(Debug, Clone, Serialize)]
struct Checked {
    parameter: &'static str,
    name: String,
    target: Option<f64>,
    /// None if nothing was measured with the table's codes.
    stored: Option<f64>,
    achieved: f64,
    /// Standard deviation of what is achieved.
    spread: f64,
    /// Standard deviation of (achieved - stored).
    sd: Option<f64>,
    /// Share of the neurons whose value is within the tolerance of the stored one.
    near_stored: Option<f64>,
    /// The same for the target, or for the median of what is achieved where the aim is that all are equal.
    near_target: f64,
    tolerance: String,
}

impl Checked {
    /// Of the parameter of some neurons.
    fn new(p: &Parameter, target: Option<f64>, rows: &[Row], is_measured: bool) -> Self {
        let (achieved, spread) = median_and_sd(rows.iter().map(|row| row.1).collect());
        let share =
            |near: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| near(row)).count() as f64 / rows.len().max(1) as f64;
        Self {
            parameter: p.name,
            name: format!("{} ({})", p.label, p.unit),
            target,
            stored: is_measured.then(|| median_and_sd(rows.iter().map(|row| row.0).collect()).0),
            achieved,
            spread,
            sd: is_measured.then(|| median_and_sd(rows.iter().map(|row| row.1 - row.0).collect()).1),
            near_stored: is_measured.then(|| share(&|row| p.tolerance.allows(row.1, row.0))),
            near_target: share(&|row| p.tolerance.allows(row.1, row.2.unwrap_or(achieved))),
            tolerance: match p.tolerance {
                Tolerance::Absolute(most) => format!("{most} {}", p.unit),
                Tolerance::Relative(share) => format!("{} %", 100.0 * share),
            },
        }
    }

    fn say(&self, console: Console) {
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
        let share = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{:.1} %", 100.0 * value));
        console.say(format_args!(
            "  {:<22} {:>8} {:>9} {:>9.3} {:>8.3} {:>11} {:>11} {:>12} {:>12}",
            self.name,
            number(self.target),
            number(self.stored),
            self.achieved,
            self.spread,
            number(self.sd),
            self.tolerance,
            share(self.near_stored),
            share(Some(self.near_target))
        ));
    }
}

/// Whether the chip is as the table says, and how that is said; `None` where nothing is stored to compare with.
fn verdict(checked: &[Checked], n_neurons: usize) -> (Option<bool>, String) {
    let shares: Option<Vec<(f64, &str)>> = checked.iter().map(|c| Some((c.near_stored?, c.name.as_str()))).collect();
    let Some(shares) = shares else {
        return (None, "nothing was measured with the codes of this table: there is nothing to verify".to_owned());
    };
    let worst = shares.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
    match worst.filter(|_| n_neurons > 0) {
        None => (Some(false), "not verified: no neuron could be compared".to_owned()),
        Some((share, name)) => {
            let is_enough = share >= ENOUGH;
            let (word, percent, enough) =
                (if is_enough { "verified" } else { "not verified" }, 100.0 * share, 100.0 * ENOUGH);
            let line = format!(
                "{word}: {percent:.1} % of the neurons are near the stored {name}, the worst parameter; {enough} % are enough"
            );
            (Some(is_enough), line)
        }
    }
}

/// Measures a chip with the codes of a table, and compares with what it says.
///
/// The exit code is 1 if fewer than nine tenths of the compared neurons are near the stored value of any parameter.
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
    let outcome = Outcome::of(&table);
    let used: Vec<usize> = outcome.shown().iter().copied().filter(|n| seen[*n]).collect();
    let checked: Vec<Checked> = PARAMETERS
        .iter()
        .map(|p| {
            let row = |n: &usize| {
                let target = (p.target)(&table.targets_of(*n));
                ((p.value)(&table.measured[*n]), (p.value)(&measured[*n]), target)
            };
            let rows: Vec<Row> = used.iter().map(row).collect();
            Checked::new(p, common_target(&table, p), &rows, outcome.is_measured)
        })
        .collect();
    console.say(format_args!(
        "chip {identity} measured again with the codes of {} ({}): {} neurons could be measured",
        args.table.display(),
        outcome.said(),
        used.len()
    ));
    console.say(
        "                           target    stored  achieved   spread  sd of diff   tolerance  near stored  near target",
    );
    for c in &checked {
        c.say(console);
    }
    let (is_verified, line) = verdict(&checked, used.len());
    console.say(line);
    console.result(&serde_json::json!({
        "chip": identity,
        "chip_of_table": table.chip,
        "neurons": used.len(),
        "verified": is_verified,
        "parameters": checked,
        "wall_s": begun.elapsed().as_secs_f64(),
    }))?;
    Ok(if is_verified == Some(false) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
