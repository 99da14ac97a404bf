//! `--verify`: the fast engine against its twin in double precision, spike by spike.

use anyhow::bail;
use bss2_emu::agreement::Difference;
use bss2_emu::chip::Engine;
use bss2_emu::{NeuronId, RunId, TrialRecording};
use ndarray::Array1;
use serde::Serialize;
use ttfs::loss::Loss;
use ttfs::on_device::OnDevice;

use super::job::Job;
use super::progress;

/// Samples that are compared.
pub const SAMPLES: usize = 1000;
/// Samples of one run.
const BATCH: usize = 100;
/// Series of runs whose noise both engines draw.
const SESSION: u32 = 7;

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verified {
    pub samples: usize,
    #[serde(flatten)]
    pub difference: Difference,
    /// Samples that both give the same class.
    pub same_class: usize,
}

impl Verified {
    fn of(exact: &[TrialRecording], fast: &[TrialRecording], (outputs, loss): (&[NeuronId], &Loss)) -> Self {
        let mut found = Self { samples: exact.len(), difference: Difference::default(), same_class: 0 };
        for (a, b) in exact.iter().zip(fast) {
            found.difference += Difference::of(a, b);
            found.same_class += usize::from(class(a, outputs, loss) == class(b, outputs, loss));
        }
        found
    }

    fn add(&mut self, other: &Self) {
        self.samples += other.samples;
        self.difference += other.difference;
        self.same_class += other.same_class;
    }

    /// Refuses engines that differ by more than the tests of the engines allow.
    ///
    /// # Errors
    /// With what was found, and the bound.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.difference.is_within_bound() {
            return Ok(());
        }
        bail!(
            "the fast engine differs from its twin by more than it may: {self}; allowed are a tick in 1 of 1000 spikes and anything \
             else in 1 of 10,000"
        )
    }
}

impl std::fmt::Display for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { samples, difference: Difference { spikes, tick_off, otherwise }, same_class } = self;
        write!(
            f,
            "{spikes} spikes of {samples} samples, {tick_off} a tick off, {otherwise} otherwise different, {same_class} samples of \
             the same class"
        )
    }
}

/// The class of a trial by its first output spikes.
fn class(trial: &TrialRecording, outputs: &[NeuronId], loss: &Loss) -> Option<usize> {
    let first = |neuron: &NeuronId| {
        let spikes = trial.spikes.iter().filter(|s| s.neuron == *neuron);
        spikes.map(|s| s.time_us).fold(f64::INFINITY, f64::min)
    };
    let times: Array1<f64> = outputs.iter().map(first).collect();
    loss.classify(times.view())
}

/// Runs the first samples of a job by both engines, with the same draws of all noise.
///
/// # Errors
/// If a chip refuses. What is found is for [`Verified::check`].
pub fn verify(job: &Job) -> anyhow::Result<Verified> {
    let n = job.test.n_samples().min(SAMPLES);
    let mut found = Verified { samples: 0, difference: Difference::default(), same_class: 0 };
    let mut exact = job.whole(&job.spec, Engine::Layered)?;
    let mut fast = job.whole(&job.spec, Engine::Fast)?;
    let outputs = fast.placement().neurons.last().cloned().unwrap_or_default();
    let step = progress::counted(&format!("{}: {n} samples in double precision", job.name), n);
    for first in (0..n).step_by(BATCH) {
        let inputs = job.test.times(first..n.min(first + BATCH));
        let run = RunId { session: SESSION, index: (first / BATCH) as u32 };
        let record = |device: &mut OnDevice<_>| device.record(&job.state.network, inputs.view(), run, 0.0, |_| ());
        found.add(&Verified::of(&record(&mut exact)?, &record(&mut fast)?, (&outputs, &job.config.training.loss)));
        step.done(inputs.nrows());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use bss2_emu::Spike;

    use super::*;

    fn recordings() -> Vec<TrialRecording> {
        let spike = |k: i64| Spike { time_us: 1.0 + 0.08 * k as f64, neuron: NeuronId::new(k % 300).unwrap() };
        let trial = |t: i64| TrialRecording { spikes: (t..t + 200).map(spike).collect(), ..TrialRecording::default() };
        (0..30).map(trial).collect()
    }

    fn found(change: impl FnOnce(&mut Vec<TrialRecording>)) -> Verified {
        let outputs: Vec<NeuronId> = (100..103).map(|n| NeuronId::new(n).unwrap()).collect();
        let mut corrupted = recordings();
        change(&mut corrupted);
        Verified::of(&recordings(), &corrupted, (&outputs, &Loss::default()))
    }

    #[test]
    fn equal_recordings_pass() {
        let same = found(|_| ());
        assert_eq!((same.samples, same.same_class, same.difference.spikes), (30, 30, 6000));
        assert!(same.check().is_ok());
    }

    #[test]
    fn corrupted_recordings_are_refused() {
        let ticks = |n: usize| found(|trials| trials[3].spikes[..n].iter_mut().for_each(|s| s.time_us += 0.008));
        assert!(ticks(6).check().is_ok());
        let error = ticks(7).check().unwrap_err().to_string();
        assert!(error.contains("7 a tick off") && error.contains("1 of 1000"), "{error}");
        assert!(found(|trials| trials[3].spikes.truncate(100)).check().is_err());
        assert!(found(|trials| trials.iter_mut().for_each(|t| t.spikes.clear())).check().is_err());
        // An output that comes first changes a class, too.
        let early = |trials: &mut Vec<TrialRecording>| {
            let output = trials[0].spikes.iter_mut().find(|s| s.neuron.get() == 102).unwrap();
            output.time_us = 0.5;
        };
        assert_eq!(found(early).same_class, 29);
        assert!(found(early).check().is_err());
    }

    #[test]
    fn nothing_is_not_agreement() {
        let none = Verified { samples: 0, difference: Difference::default(), same_class: 0 };
        assert!(none.check().is_err());
    }
}
