//! `--scale auto`: the mapping that loses least on validation samples.

use anyhow::bail;
use bss2_emu::ChipSpec;
use bss2_emu::spec::{ParameterSource, Preset};
use deploy::Mapping;
use deploy::search::{Judged, Shape, best, candidates};
use ttfs::samples::Samples;

use super::job::{Fitted, Job, Placed};
use crate::config::Config;
use crate::console::Console;
use crate::data_sets::Split;

/// Chips on which candidates are judged, set directly: far from those that anyone rehearses on.
const JUDGES: [u64; 3] = [2_000_001, 2_000_002, 2_000_003];
/// Chips on which the best of them are judged, calibrated: of a network in one pass; one chip has to do for others.
const CALIBRATED: [u64; 3] = [2_000_011, 2_000_012, 2_000_013];
/// How many of them.
const FINALISTS: usize = 4;
/// Validation samples: of a network in one pass, and in several.
const SAMPLES: [usize; 2] = [600, 200];
/// Accuracy that a faster mapping may lack.
const MARGIN: f64 = 0.01;
/// Part of the addresses of noise.
const PART: u32 = 1 << 21;

/// The best mapping.
///
/// First all candidates on three chips that are set directly, then the best four on chips that are calibrated to them by measurement; of
/// those within a percent of the best, the fastest.
///
/// # Errors
/// If there is no data to judge by, or no mapping works.
pub fn auto(job: &Job, console: Console) -> anyhow::Result<Mapping> {
    let plain = job.fitted(&Mapping::default())?;
    let config = job.config(&plain)?;
    let all = job.samples(&config, Split::Validation)?;
    let trained = job.trained();
    let has_bias = trained.biases.first().is_some_and(Option::is_some);
    let sizes = job.network.layers();
    let shape = Shape {
        inputs: job.network.architecture.sizes[0],
        hidden: sizes.first().copied().unwrap_or(0) + usize::from(has_bias),
        layers: sizes.len(),
        circuits: plain.site.circuits_per_neuron(),
        has_bias,
    };
    let n = SAMPLES[usize::from(plain.site.n_passes() > 1)].min(all.n_samples());
    let found = candidates(&trained, shape)?;
    console.say(format_args!(
        "--scale auto: {} mappings, {n} validation samples each, on {} chips that are set directly",
        found.len(),
        JUDGES.len()
    ));
    let mut judged: Vec<Judged> = Vec::new();
    for mapping in found {
        // A network may fit with few copies alone.
        let Ok(fitted) = job.fitted(&mapping) else { continue };
        let chips = JUDGES.map(|seed| ChipSpec::new(Preset::Bss2Calibrated, seed));
        let score = judge(job, &fitted, &all, n, &chips)?;
        judged.push(Judged { mapping, accuracy: score.0, loss: score.1 });
    }
    judged.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy).then(a.loss.total_cmp(&b.loss)));
    let judges = if plain.site.n_passes() > 1 { &CALIBRATED[..1] } else { &CALIBRATED };
    let chips: Vec<ChipSpec> = judges.iter().map(|seed| ChipSpec::new(Preset::Bss2, *seed)).collect();
    let mut finalists: Vec<Judged> = Vec::new();
    for candidate in judged.iter().take(FINALISTS) {
        let fitted = job.fitted(&candidate.mapping)?;
        match judge(job, &fitted, &all, n, &chips) {
            Ok((accuracy, loss)) => {
                console.say(format_args!(
                    "  {}: {:.1} % set directly, {:.1} % calibrated",
                    described(&fitted),
                    100.0 * candidate.accuracy,
                    100.0 * accuracy
                ));
                finalists.push(Judged { accuracy, loss, ..*candidate });
            }
            Err(error) => console.say(format_args!("  {}: {error:#}", described(&fitted))),
        }
    }
    match best(&finalists, MARGIN) {
        Some(winner) => Ok(winner.mapping),
        None => bail!("no mapping of {} works: none could be calibrated", job.path.display()),
    }
}

/// Mean accuracy and loss over some chips.
fn judge(job: &Job, fitted: &Fitted, all: &Samples, n: usize, chips: &[ChipSpec]) -> anyhow::Result<(f64, f64)> {
    let base = job.config(fitted)?;
    let samples = all.first(n);
    let mut sums = (0.0, 0.0);
    for spec in chips {
        let config = Config { chip: *spec, residual_table: String::new(), ..base.clone() };
        let mut placed: Placed = job.on_chip(&config, fitted, None)?;
        if spec.parameters == ParameterSource::Codes && placed.missed > bss2_emu::codes::NEURONS / 10 {
            bail!("{} neurons miss their calibration targets", placed.missed);
        }
        let score = placed.evaluate(&config, fitted, &samples, PART)?.score;
        sums = (sums.0 + score.accuracy, sums.1 + score.loss);
    }
    Ok((sums.0 / chips.len() as f64, sums.1 / chips.len() as f64))
}

/// A mapping in a line.
pub fn described(fitted: &Fitted) -> String {
    let Mapping { us_per_time, input_copies, i_synin_gm, synapse_dac_bias, membrane_capacitance, .. } = fitted.mapping;
    let twins: usize = fitted
        .expansion
        .layers()
        .iter()
        .flatten()
        .filter(|o| matches!(o, deploy::Origin::Neuron { twin: 1, .. }))
        .count();
    format!(
        "{us_per_time} us, gm {i_synin_gm}, DAC {synapse_dac_bias}, C {membrane_capacitance}: a threshold is {:.1} codes; {input_copies} rows for each input, {twins} twins",
        fitted.codes
    )
}
