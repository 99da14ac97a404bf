//! The stages of a fit, and what each adds.

use ndarray::{Array2, s};
use serde::{Deserialize, Serialize};

use super::{Fit, Ingredients, Rows};
use crate::population::Population;
use crate::recording::Part;
use crate::score::{OutputScore, differences, rms, robust, spikes};
use crate::{Profile, Recording, TwinError};

/// Steps of a stage at most; those before the last one only have to come near.
const STEPS: usize = 8;
const LAST_STEPS: usize = 20;

/// A stage: what it may use, and what it looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// What it adds, in words.
    pub name: &'static str,
    /// What it may use.
    pub with: Ingredients,
    /// Whether it looks at outputs and at hidden spikes.
    pub on: (bool, bool),
}

impl Stage {
    /// The stages for a recording: with delays or without, with hidden spikes or without.
    pub fn all(has_delays: bool, has_hidden: bool) -> Vec<Self> {
        let mut with = Ingredients { shared_gain: true, latency: true, ..Ingredients::default() };
        let mut stages = vec![Self { name: "one gain, latencies", with, on: (true, has_hidden) }];
        with.hidden_gains = true;
        if has_hidden {
            stages.push(Self { name: "+ gains of hidden neurons (hidden spikes alone)", with, on: (false, true) });
        }
        stages.push(Self { name: "+ gains of hidden neurons", with, on: (true, has_hidden) });
        with.output_gains = true;
        stages.push(Self { name: "+ gains of outputs", with, on: (true, has_hidden) });
        if has_delays {
            with.delays = true;
            stages.push(Self { name: "+ delays", with, on: (true, has_hidden) });
        }
        with.ratios = true;
        stages.push(Self { name: "+ excitation against inhibition", with, on: (true, has_hidden) });
        with.time_constants = true;
        stages.push(Self { name: "+ time constants", with, on: (true, has_hidden) });
        with.hidden_synapses = true;
        stages.push(Self { name: "+ synapses of hidden neurons", with, on: (true, has_hidden) });
        with.output_synapses = true;
        stages.push(Self { name: "+ synapses of outputs", with, on: (true, has_hidden) });
        stages
    }
}

/// How far a profile is from a recording, part by part. Spikes without a measurement do not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Outputs of the training samples that were fitted.
    pub fitted: OutputScore,
    /// Outputs of those that were held out; none if all were fitted.
    pub held_out: Option<OutputScore>,
    /// Outputs of the test samples, which no fit looks at.
    pub test: OutputScore,
    /// Root mean square and robust standard deviation of the hidden times that were fitted.
    pub hidden_fitted: Option<[f64; 2]>,
    /// The same of those that were held out.
    pub hidden_held_out: Option<[f64; 2]>,
}

impl Scores {
    /// Scores a profile with the recorded weights.
    pub fn new(recording: &Recording, profile: &Profile, rows: &Rows) -> Self {
        let weights = recording.weights();
        let Recording { train, test, .. } = recording;
        let [_, of_train] = spikes(recording, &weights, profile, train.inputs.view());
        let [hidden, of_test] = spikes(recording, &weights, profile, test.inputs.view());
        let (inside, outside): (Vec<usize>, Vec<usize>) =
            (0..train.n_samples()).partition(|row| rows.outputs.contains(row));
        let all: Vec<usize> = (0..test.n_samples()).collect();
        let hidden_of = |fitted: bool| {
            let measured = &test.hidden.as_ref()?.times;
            let errors = hidden_errors(&hidden, measured, |row| (row % 10 < rows.hidden) == fitted);
            (!errors.is_empty()).then(|| [rms(&errors), robust(&errors)])
        };
        Self {
            fitted: of_rows(&of_train, train, &inside),
            held_out: (!outside.is_empty()).then(|| of_rows(&of_train, train, &outside)),
            test: of_rows(&of_test, test, &all),
            hidden_fitted: hidden_of(true),
            hidden_held_out: hidden_of(false),
        }
    }
}

/// Differences of hidden times, model minus chip, of the rows that are chosen.
pub(crate) fn hidden_errors(model: &Array2<f64>, measured: &Array2<f64>, chosen: impl Fn(usize) -> bool) -> Vec<f64> {
    let rows = (0..model.nrows()).filter(|row| chosen(*row));
    rows.flat_map(|row| differences(model.slice(s![row..=row, ..]), measured.slice(s![row..=row, ..]))).collect()
}

fn of_rows(model: &Array2<f64>, part: &Part, rows: &[usize]) -> OutputScore {
    let labels: Vec<usize> = part.labels.iter().flat_map(|labels| rows.iter().map(|&row| labels[row])).collect();
    let axis = ndarray::Axis(0);
    OutputScore::new(model.select(axis, rows).view(), part.outputs.select(axis, rows).view(), &labels)
}

/// What a stage reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageReport {
    /// What it added.
    pub name: String,
    /// How far it came.
    pub scores: Scores,
}

/// Fits a recording in stages; `progress` is told each stage when it is done. The first entry of the report is the ideal network.
///
/// # Errors
/// [`TwinError::Rows`] for rows that are not there, [`TwinError::Fit`] if a search fails.
pub fn fit(
    recording: &Recording,
    population: Population,
    rows: &Rows,
    mut progress: impl FnMut(&StageReport),
) -> Result<(Profile, Vec<StageReport>), TwinError> {
    let mut fit = Fit::new(recording, population, rows.clone())?;
    let mut profile = Profile::ideal(recording.sizes());
    let mut reports = Vec::new();
    let mut report = |name: &str, profile: &Profile| {
        let report = StageReport { name: name.to_owned(), scores: Scores::new(recording, profile, rows) };
        progress(&report);
        reports.push(report);
    };
    report("ideal", &profile);
    let has_hidden = recording.test.hidden.is_some() && rows.hidden > 0;
    let stages = Stage::all(recording.delays.is_some(), has_hidden);
    let n = stages.len();
    for (number, stage) in stages.iter().enumerate() {
        let steps = if number + 1 == n { LAST_STEPS } else { STEPS };
        profile = fit.stage(&stage.with, stage.on, steps, |_, _| ())?;
        report(stage.name, &profile);
    }
    Ok((profile, reports))
}
