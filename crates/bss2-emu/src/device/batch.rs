//! Trials of which only first spikes count, as those of a network that is trained.

use std::fmt;

use super::{Device, DeviceError, Experiment, InputSpike, Record, RunId, Trial};
use crate::codes::{NEURONS, NeuronId};

/// A run of many trials of equal length of which the first spikes of some neurons are wanted.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// Address of the temporal noise.
    pub run: RunId,
    /// Length of a trial in us.
    pub duration_us: f64,
    /// Number of trials.
    pub n_trials: usize,
    /// Adds the input spikes of a trial, in any order, to an empty list.
    pub stimulus: &'a (dyn Fn(usize, &mut Vec<InputSpike>) + Sync),
    /// The neurons, each once.
    pub neurons: &'a [NeuronId],
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, duration_us, n_trials, neurons, .. } = self;
        f.debug_struct("Batch")
            .field("run", run)
            .field("duration_us", duration_us)
            .field("n_trials", n_trials)
            .field("neurons", neurons)
            .finish_non_exhaustive()
    }
}

/// What the neurons of a [`Batch`] did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FirstSpikes {
    /// Time stamps in us of the first spikes, `(n_trials, n_neurons)` row after row, `+inf` for silence.
    pub times_us: Vec<f64>,
    /// Spikes of each neuron after the first ones, over all trials.
    pub repeats: Vec<u64>,
}

impl FirstSpikes {
    /// Nobody has fired.
    pub(crate) fn clear(&mut self, batch: &Batch<'_>) {
        let n = batch.neurons.len();
        self.times_us.clear();
        self.times_us.resize(batch.n_trials * n, f64::INFINITY);
        self.repeats.clear();
        self.repeats.resize(n, 0);
    }
}

impl Batch<'_> {
    /// The run without its trials.
    pub(crate) fn empty(&self) -> Experiment {
        Experiment { run: self.run, duration_us: self.duration_us, trials: Vec::new(), record: Record::default() }
    }

    /// Records everything and looks for the first spikes.
    ///
    /// # Errors
    /// As [`Device::run`].
    pub(crate) fn by_recording(
        &self,
        device: &mut (impl Device + ?Sized),
        out: &mut FirstSpikes,
    ) -> Result<(), DeviceError> {
        let mut experiment = self.empty();
        experiment.trials.resize_with(self.n_trials, Trial::default);
        for (number, trial) in experiment.trials.iter_mut().enumerate() {
            (self.stimulus)(number, &mut trial.spikes);
        }
        let recording = device.run(&experiment)?;
        let mut place_of_neuron = [None; NEURONS];
        for (place, neuron) in self.neurons.iter().enumerate() {
            place_of_neuron[neuron.index()] = Some(place);
        }
        out.clear(self);
        let rows = out.times_us.chunks_mut(self.neurons.len().max(1));
        for (row, trial) in rows.zip(&recording.trials) {
            for spike in &trial.spikes {
                if let Some(place) = place_of_neuron[spike.neuron.index()] {
                    out.repeats[place] += u64::from(row[place].is_finite());
                    row[place] = row[place].min(spike.time_us);
                }
            }
        }
        Ok(())
    }
}
