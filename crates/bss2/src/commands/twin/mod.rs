//! `bss2 twin`: record chips, fit twins to recordings, and hold them against each other.

mod fit;
mod record;
mod score;
mod show;
mod views;

pub use fit::run as fit;
pub use record::run as record;
pub use score::run as score;
pub use show::run as show;

use std::ops::Range;

use anyhow::{Context as _, bail};
use twin::fit::Rows;
use twin::score::OutputScore;
use twin::{Profile, Recording, Twin};

use crate::cli::RowArgs;

/// Share of the training samples that a fit looks at, in tenths.
const FITTED_TENTHS: usize = 7;

/// The rows that the arguments name.
fn rows(args: &RowArgs, recording: &Recording) -> anyhow::Result<Rows> {
    let outputs = match &args.rows {
        Some(text) => range(text).with_context(|| format!("--rows {text}: expected FIRST..END, such as 0..3500"))?,
        None => 0..(recording.train.n_samples() * FITTED_TENTHS / 10).max(1),
    };
    recording.train.check_rows("--rows", &outputs)?;
    Ok(Rows { outputs, hidden: usize::from(args.hidden_rows) })
}

fn range(text: &str) -> anyhow::Result<Range<usize>> {
    let Some((first, end)) = text.split_once("..") else { bail!("there is no `..`") };
    Ok(first.trim().parse()?..end.trim().parse()?)
}

/// Refuses a twin of another network.
fn check_pair(twin: &Twin, recording: &Recording) -> anyhow::Result<()> {
    let (of_twin, of_recording) = (twin.profile.sizes(), recording.sizes());
    if of_twin != of_recording {
        return Err(twin::TwinError::OtherNetwork { twin: of_twin.to_vec(), recording: of_recording.to_vec() }.into());
    }
    Ok(())
}

/// A score of outputs in words.
fn said(score: &OutputScore) -> String {
    format!(
        "RMSE {:.4}  robust {:.4}  agreement {:.1} %  accuracy {:.1} % (chip {:.1} %)  silent {:.1} % (chip {:.1} %)",
        score.rmse,
        score.robust,
        100.0 * score.agreement,
        100.0 * score.accuracy,
        100.0 * score.chip_accuracy,
        100.0 * score.silent,
        100.0 * score.chip_silent
    )
}

/// Mean and standard deviation.
fn spread(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, square.sqrt())
}

/// Spreads of the parameters of the hidden neurons and outputs of a profile: name, layer, mean, standard deviation.
fn spreads(profile: &Profile) -> Vec<(&'static str, usize, f64, f64)> {
    let mut found = Vec::new();
    for (layer, neurons) in profile.neurons.iter().enumerate() {
        let of =
            |value: fn(&twin::profile::NeuronProfile) -> f64| spread(&neurons.iter().map(value).collect::<Vec<_>>());
        for (name, (mean, std)) in [
            ("log gain", of(|n| n.log_gain)),
            ("log excitation/inhibition", of(|n| n.log_ratio)),
            ("log tau_mem", of(|n| n.log_tau_mem)),
            ("log tau_syn", of(|n| n.log_tau_syn)),
        ] {
            found.push((name, layer, mean, std));
        }
        let (mean, std) = spread(&profile.synapses[layer].iter().copied().collect::<Vec<_>>());
        found.push(("synapse factor", layer, mean, std));
    }
    found
}

/// Layers as people call them.
const LAYERS: [&str; 2] = ["hidden", "output"];
