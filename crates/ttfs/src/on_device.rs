//! A network on a chip: placed, run in trials, and measured.

use bss2_emu::codes::NEURONS;
use bss2_emu::routing::DelayPair;
use bss2_emu::{Device, Experiment, InputSpike, NeuronId, Record, RunId, Trial, TrialRecording};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::network::{Delays, Layer, Network};
use crate::placement::{Placement, PlacementError};
use crate::scaling::Scaling;
use crate::substrate::{Spikes, Substrate};
use crate::{Error, error};

/// A network placed on a configured chip.
///
/// Every sample is a trial of its own, `slot_us` long. The first spike of each neuron in the slot counts, as the chip stamped
/// it: neither latency nor the neurons' own deviations are corrected for. What layers receive of a neuron that fires again is
/// said at [`Spikes`].
///
/// *Delays* are axonal, on the grid of 125 ns. Those of inputs are made by sending the inputs later: they come from outside
/// anyway. Those of hidden neurons are made by delay pairs in the lower row of circuits, 8.25 to 33.25 us, whose own spikes are
/// recorded ([`Spikes::delayed`]): the gradient knows when a delay really ended. A pair adds one more internal latency, from
/// the hidden neuron to the pair.
#[derive(Debug)]
pub struct OnDevice<D> {
    device: D,
    placement: Placement,
    scaling: Scaling,
    slot_us: f64,
    /// What each neuron circuit is in the network.
    place: Vec<Option<Role>>,
    trials: u64,
}

/// What a circuit is in the network.
#[derive(Debug, Clone, Copy)]
enum Role {
    /// The neuron of a layer at a position.
    Neuron(usize, usize),
    /// The delay pair of a hidden neuron.
    Relay(usize),
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
                place[neuron.index()] = Some(Role::Neuron(layer, position));
            }
        }
        for (hidden, relay) in placement.relays.iter().enumerate() {
            place[relay.index()] = Some(Role::Relay(hidden));
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
        network: &Network,
        inputs: ArrayView2<f64>,
        run: RunId,
        lead_us: f64,
        prepare: impl FnOnce(&mut Vec<Trial>),
    ) -> Result<Vec<TrialRecording>, Error> {
        network.check(inputs)?;
        let layers = network.layers(Some(&self.scaling));
        self.set_delays(&layers)?;
        self.device.write_weights(&self.placement.rows(&network.weights, &self.scaling))?;
        let mut trials: Vec<Trial> = match layers.first().map(|layer| &layer.delays) {
            Some(Delays::Axonal(delays)) => {
                (&inputs + delays).rows().into_iter().map(|times| self.trial(times, lead_us)).collect()
            }
            _ => inputs.rows().into_iter().map(|times| self.trial(times, lead_us)).collect(),
        };
        prepare(&mut trials);
        let experiment = Experiment { run, duration_us: self.slot_us + lead_us, trials, record: Record::default() };
        let recording = self.device.run(&experiment)?;
        self.trials += recording.trials.len() as u64;
        Ok(recording.trials)
    }

    /// Sets the delay pairs of the chip where they differ from what it has.
    fn set_delays(&mut self, layers: &[Layer]) -> Result<(), Error> {
        for layer in layers {
            match layer.delays {
                Delays::None | Delays::Axonal(_) => (),
                Delays::Dendritic(_) => return Err(PlacementError::Delays { kind: "dendritic" }.into()),
                Delays::Synaptic(_) => return Err(PlacementError::Delays { kind: "synaptic" }.into()),
            }
        }
        let none = Array1::zeros(0);
        let delays = match layers.get(1).map(|layer| &layer.delays) {
            Some(Delays::Axonal(delays)) => delays,
            _ => &none,
        };
        let relays = &self.placement.relays;
        if relays.len() != delays.len() {
            let (found, expected) = (vec![relays.len()], vec![delays.len()]);
            return Err(Error::Shape { what: "delay pairs of the placement", found, expected });
        }
        let pair = |(neuron, delay): (&NeuronId, &f64)| {
            Ok(DelayPair { neuron: *neuron, code: self.scaling.delay_code(*delay)? })
        };
        let pairs: Vec<DelayPair> = relays.iter().zip(delays).map(pair).collect::<Result<_, Error>>()?;
        if pairs != self.placement.routing.delay_pairs {
            self.placement.routing.delay_pairs = pairs;
            self.device.connect(&self.placement.routing)?;
        }
        Ok(())
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
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, Error> {
        let trials = self.record(network, inputs, run, 0.0, |_| ())?;
        let silent = |n| Array2::from_elem((inputs.nrows(), n), f64::INFINITY);
        let mut spikes = Spikes::first(network.sizes().into_iter().map(silent).collect());
        let mut delayed = silent(self.placement.relays.len());
        for (sample, trial) in trials.iter().enumerate() {
            for spike in &trial.spikes {
                let time = self.scaling.to_time(spike.time_us);
                match self.place[spike.neuron.index()] {
                    Some(Role::Neuron(layer, position)) => {
                        let first = &mut spikes.layers[layer][[sample, position]];
                        spikes.repeats[layer] += u64::from(first.is_finite());
                        *first = first.min(time);
                    }
                    Some(Role::Relay(hidden)) => {
                        let first = &mut delayed[[sample, hidden]];
                        *first = first.min(time);
                    }
                    None => (),
                }
            }
        }
        if let (false, Some(measured)) = (self.placement.relays.is_empty(), spikes.delayed.get_mut(1)) {
            *measured = Some(delayed);
        }
        Ok(spikes)
    }
}
