//! `bss2 calib diff`.

use std::process::ExitCode;

use ::calib::Calibration;
use bss2_emu::{CapMemCode, NeuronCodes};
use serde::Serialize;

use super::parameters::{Outcome, PARAMETERS, median_and_sd};
use crate::cli::DiffArgs;
use crate::console::Console;

/// A code that a calibration searches.
type Code = (&'static str, fn(&mut NeuronCodes) -> &mut CapMemCode);

const CODES: [Code; 10] = [
    ("v_leak", |c| &mut c.v_leak),
    ("v_reset", |c| &mut c.v_reset),
    ("v_threshold", |c| &mut c.v_threshold),
    ("i_bias_leak", |c| &mut c.i_bias_leak),
    ("i_bias_synin_exc_tau", |c| &mut c.i_bias_synin_exc_tau),
    ("i_bias_synin_inh_tau", |c| &mut c.i_bias_synin_inh_tau),
    ("i_bias_synin_exc_shift", |c| &mut c.i_bias_synin_exc_shift),
    ("i_bias_synin_inh_shift", |c| &mut c.i_bias_synin_inh_shift),
    ("i_bias_synin_exc_gm", |c| &mut c.i_bias_synin_exc_gm),
    ("i_bias_synin_inh_gm", |c| &mut c.i_bias_synin_inh_gm),
];

/// Differences B - A of something over the neurons.
#[derive(Debug, Clone, Serialize)]
struct Difference {
    name: String,
    /// Neurons in which it differs.
    changed: usize,
    median: f64,
    sd: f64,
    /// Largest magnitude.
    max: f64,
}

impl Difference {
    fn new(name: impl Into<String>, values: Vec<f64>) -> Self {
        let changed = values.iter().filter(|v| **v != 0.0).count();
        let max = values.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
        let (median, sd) = median_and_sd(values);
        Self { name: name.into(), changed, median, sd, max }
    }

    fn say(&self, console: Console) {
        let Self { name, changed, median, sd, max } = self;
        console.say(format_args!("  {name:<24} {changed:>8} {median:>10.3} {sd:>9.3} {max:>9.3}"));
    }
}

/// Compares two tables. That they differ is a result, no error.
///
/// # Errors
/// If a table cannot be read.
pub fn run(args: &DiffArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.json);
    let (a, b) = (Calibration::load(&args.a)?, Calibration::load(&args.b)?);
    let same_chip = a.chip == b.chip;
    if same_chip {
        console.say(format_args!("both of chip {}", a.chip));
    } else {
        console.say(format_args!("different chips: {} and {}; their codes have nothing in common", a.chip, b.chip));
    }
    let (targets_a, targets_b) = (toml::Table::try_from(a.targets)?, toml::Table::try_from(b.targets)?);
    let differing: Vec<String> = targets_a
        .iter()
        .filter_map(|(key, value)| {
            let other = targets_b.get(key)?;
            (other != value).then(|| format!("{key} {value} and {other}"))
        })
        .collect();
    let differing: Vec<String> = if a.per_neuron == b.per_neuron {
        differing
    } else {
        differing.into_iter().chain(["those of single neurons".to_owned()]).collect()
    };
    if differing.is_empty() {
        console.say("the same targets");
    } else {
        console.say(format_args!("different targets: {}", differing.join(", ")));
    }
    let unmeasured: Vec<String> = [(&args.a, &a), (&args.b, &b)]
        .into_iter()
        .filter(|(_, table)| !Outcome::of(table).is_measured)
        .map(|(path, _)| path.display().to_string())
        .collect();
    let are_measured = unmeasured.is_empty();
    let success = are_measured.then(|| a.success.iter().zip(&b.success).filter(|(a, b)| a != b).count());
    if let Some(success) = success {
        console.say(format_args!("{success} neurons are calibrated in one table and not in the other"));
    }

    let codes = a.codes.as_ref().zip(b.codes.as_ref()).map(|(a, b)| {
        let pairs = || a.neurons.iter().zip(&b.neurons);
        let read =
            |mut codes: NeuronCodes, code: fn(&mut NeuronCodes) -> &mut CapMemCode| f64::from(code(&mut codes).get());
        let mut codes: Vec<Difference> = CODES
            .iter()
            .map(|(name, code)| {
                Difference::new(*name, pairs().map(|(a, b)| read(*b, *code) - read(*a, *code)).collect())
            })
            .collect();
        let offsets = a.cadc_offset.iter().zip(&b.cadc_offset).map(|(a, b)| f64::from(*b) - f64::from(*a));
        codes.push(Difference::new("cadc_offset", offsets.collect()));
        // All the rest of a neuron: switches, capacitor, refractory counter.
        let rest = |mut codes: NeuronCodes| {
            for (_, code) in &CODES {
                *code(&mut codes) = CapMemCode::default();
            }
            codes
        };
        let rest = pairs().filter(|(a, b)| rest(**a) != rest(**b)).count();
        let shared = (a.synapse_dac_bias, a.cadc_ramp_offset, a.cadc_ramp_slope)
            != (b.synapse_dac_bias, b.cadc_ramp_offset, b.cadc_ramp_slope);
        (codes, rest, shared)
    });
    let heading = |what: &str| {
        console.say(format_args!("{what:<26} {:>8} {:>10} {:>9} {:>9}", "changed", "median", "sd", "max"));
    };
    match &codes {
        Some((codes, rest, shared)) => {
            heading("codes, B - A");
            for difference in codes {
                difference.say(console);
            }
            console.say(format_args!("  {:<24} {rest:>8}", "switches and the rest"));
            if *shared {
                console.say("  codes that neurons share differ");
            }
        }
        None => console.say("codes are not compared: a table without codes is of a chip that is set directly"),
    }
    let measured: Option<Vec<Difference>> = are_measured.then(|| differences(&a, &b));
    match &measured {
        Some(measured) => {
            heading("measured, B - A");
            for difference in measured {
                difference.say(console);
            }
        }
        None => console.say(format_args!(
            "measured values are not compared: nothing was measured with the codes of {}",
            unmeasured.join(" and ")
        )),
    }
    console.result(&serde_json::json!({
        "same_chip": same_chip,
        "different_targets": differing,
        "success_differs": success,
        "codes": codes.as_ref().map(|(codes, _, _)| codes),
        "switches_differ": codes.as_ref().map(|(_, rest, _)| rest),
        "shared_codes_differ": codes.as_ref().map(|(_, _, shared)| shared),
        "not_measured": unmeasured,
        "measured": measured,
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// Differences of what was measured.
fn differences(a: &Calibration, b: &Calibration) -> Vec<Difference> {
    PARAMETERS
        .iter()
        .map(|p| {
            let pairs = a.measured.iter().zip(&b.measured);
            let values = pairs.map(|(a, b)| (p.value)(b) - (p.value)(a)).collect();
            Difference::new(format!("{} ({})", p.label, p.unit), values)
        })
        .collect()
}
