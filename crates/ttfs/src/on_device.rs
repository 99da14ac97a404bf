//! A network on a chip: placed, run in trials, and measured.

use bss2_emu::codes::NEURONS;
use bss2_emu::{Device, Experiment, InputSpike, Record, RunId, Trial, TrialRecording};
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::placement::Placement;
use crate::scaling::Scaling;
use crate::substrate::{Substrate, check_shapes};
use crate::{Error, error};

/// A network placed on a configured chip.
///
/// Every sample is a trial of its own, `slot_us` long. The first spike of each neuron in the slot counts, as the chip stamped
/// it: neither latency nor the neurons' own deviations are corrected for.
#[derive(Debug)]
pub struct OnDevice<D> {
    device: D,
    placement: Placement,
    scaling: Scaling,
    slot_us: f64,
    /// Layer and position of each neuron circuit.
    place: Vec<Option<(usize, usize)>>,
    trials: u64,
}

impl<D: Device> OnDevice<D> {
    /// Connects the network on a chip whose neurons are configured already.
    ///
    /// # Errors
    /// If the slot is not positive or the device refuses the routing.
    pub fn new(mut device: D, placement: Placement, scaling: Scaling, slot_us: f64) -> Result<Self, Error> {
        error::positive("slot_us", slot_us)?;
        device.connect(&placement.routing)?;
        let mut place = vec![None; NEURONS];
        for (layer, neurons) in placement.neurons.iter().enumerate() {
            for (position, neuron) in neurons.iter().enumerate() {
                place[neuron.index()] = Some((layer, position));
            }
        }
        Ok(Self { device, placement, scaling, slot_us, place, trials: 0 })
    }

    /// Where the network sits.
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Trials run so far: samples, and slots of hardware time.
    pub fn trials(&self) -> u64 {
        self.trials
    }

    /// Runs one trial per sample and returns everything that was recorded.
    ///
    /// Inputs begin `lead_us` after the start of a trial, which is longer by that time; recorded times count from the start of the
    /// trial. `prepare` may change the trials before they run (to look at a neuron with the MADC, say).
    ///
    /// # Errors
    /// If shapes do not fit or the device refuses.
    pub fn record(
        &mut self,
        weights: &[Array2<f64>],
        inputs: ArrayView2<f64>,
        run: RunId,
        lead_us: f64,
        prepare: impl FnOnce(&mut Vec<Trial>),
    ) -> Result<Vec<TrialRecording>, Error> {
        check_shapes(weights, inputs)?;
        self.device.write_weights(&self.placement.rows(weights, &self.scaling))?;
        let mut trials: Vec<Trial> = inputs.rows().into_iter().map(|times| self.trial(times, lead_us)).collect();
        prepare(&mut trials);
        let experiment = Experiment { run, duration_us: self.slot_us + lead_us, trials, record: Record::default() };
        let recording = self.device.run(&experiment)?;
        self.trials += recording.trials.len() as u64;
        Ok(recording.trials)
    }

    /// The input spikes of a sample; silent inputs and those after the slot are left out.
    fn trial(&self, times: ArrayView1<f64>, lead_us: f64) -> Trial {
        let mut spikes = Vec::with_capacity(times.len());
        spikes.extend(
            times
                .iter()
                .enumerate()
                .map(|(channel, time)| InputSpike { time_us: self.scaling.to_us(*time), channel: channel as u16 })
                .filter(|spike| spike.time_us <= self.slot_us)
                .map(|spike| InputSpike { time_us: spike.time_us + lead_us, ..spike }),
        );
        Trial { spikes, ..Trial::default() }
    }
}

impl<D: Device> Substrate for OnDevice<D> {
    fn forward(
        &mut self,
        weights: &[Array2<f64>],
        inputs: ArrayView2<f64>,
        run: RunId,
    ) -> Result<Vec<Array2<f64>>, Error> {
        let trials = self.record(weights, inputs, run, 0.0, |_| ())?;
        let mut layers: Vec<Array2<f64>> =
            weights.iter().map(|w| Array2::from_elem((inputs.nrows(), w.ncols()), f64::INFINITY)).collect();
        for (sample, trial) in trials.iter().enumerate() {
            for spike in &trial.spikes {
                if let Some((layer, position)) = self.place[spike.neuron.index()] {
                    let first = &mut layers[layer][[sample, position]];
                    *first = first.min(self.scaling.to_time(spike.time_us));
                }
            }
        }
        Ok(layers)
    }
}
