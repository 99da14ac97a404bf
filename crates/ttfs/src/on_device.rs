//! A network on a chip: placed, run in trials, and measured.

use bss2_emu::device::RowWrite;
use bss2_emu::routing::DelayPair;
use bss2_emu::{Batch, Device, Experiment, FirstSpikes, InputSpike, NeuronId, Record, RunId, Trial, TrialRecording};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::network::{Delays, Network};
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
    /// The neurons of all layers one after the other, then the delay pairs.
    observed: Vec<NeuronId>,
    trials: u64,
    /// Kept from run to run.
    rows: Vec<RowWrite>,
    measured: FirstSpikes,
}

impl<D: Device> OnDevice<D> {
    /// Connects the network on a chip whose neurons are configured already.
    ///
    /// # Errors
    /// If the slot is not positive or the device refuses the routing.
    pub fn new(mut device: D, placement: Placement, scaling: Scaling, slot_us: f64) -> Result<Self, Error> {
        error::positive("slot_us", slot_us)?;
        device.connect(&placement.routing)?;
        let observed = placement.neurons.iter().flatten().chain(&placement.relays).copied().collect();
        let (rows, measured) = (Vec::new(), FirstSpikes::default());
        Ok(Self { device, placement, scaling, slot_us, observed, trials: 0, rows, measured })
    }

    /// Where the network sits.
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The device, for another network.
    pub fn into_device(self) -> D {
        self.device
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
        let delays = self.load(network, inputs)?;
        let trial = |times| {
            let mut trial = Trial::default();
            stimulate(&self.scaling, self.slot_us, times, &delays, lead_us, &mut trial.spikes);
            trial
        };
        let mut trials: Vec<Trial> = inputs.rows().into_iter().map(trial).collect();
        prepare(&mut trials);
        let experiment = Experiment { run, duration_us: self.slot_us + lead_us, trials, record: Record::default() };
        let recording = self.device.run(&experiment)?;
        self.trials += recording.trials.len() as u64;
        Ok(recording.trials)
    }

    /// Brings delays and weights of a network onto the chip; the delays of its inputs.
    fn load(&mut self, network: &Network, inputs: ArrayView2<f64>) -> Result<Delays, Error> {
        network.check(inputs)?;
        let mut delays = network.rounded_delays(Some(&self.scaling));
        self.set_delays(&delays)?;
        self.placement.fill_rows(&network.weights, &self.scaling, &mut self.rows);
        self.device.write_weights(&self.rows)?;
        Ok(if delays.is_empty() { Delays::None } else { delays.swap_remove(0) })
    }

    /// Sets the delay pairs of the chip where they differ from what it has.
    fn set_delays(&mut self, layers: &[Delays]) -> Result<(), Error> {
        for delays in layers {
            match delays {
                Delays::None | Delays::Axonal(_) => (),
                Delays::Dendritic(_) => return Err(PlacementError::Delays { kind: "dendritic" }.into()),
                Delays::Synaptic(_) => return Err(PlacementError::Delays { kind: "synaptic" }.into()),
            }
        }
        let none = Array1::zeros(0);
        let delays = match layers.get(1) {
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
}

/// The input spikes of a sample; silent inputs and those after the slot are left out.
fn stimulate(
    scaling: &Scaling,
    slot_us: f64,
    times: ArrayView1<f64>,
    delays: &Delays,
    lead_us: f64,
    spikes: &mut Vec<InputSpike>,
) {
    // Which inputs are silent is hard to foresee: all are written, and those that are silent written over.
    spikes.resize(times.len(), InputSpike { time_us: 0.0, channel: 0 });
    let mut n = 0;
    let mut send = |(channel, time): (usize, f64)| {
        let time_us = scaling.to_us(time);
        spikes[n] = InputSpike { time_us: time_us + lead_us, channel: channel as u16 };
        n += usize::from(time_us <= slot_us);
    };
    match (delays, times.as_slice()) {
        (Delays::Axonal(delays), _) => {
            times.iter().zip(delays).map(|(time, delay)| time + delay).enumerate().for_each(&mut send);
        }
        (_, Some(times)) => times.iter().copied().enumerate().for_each(&mut send),
        _ => times.iter().copied().enumerate().for_each(&mut send),
    }
    spikes.truncate(n);
}

impl<D: Device> Substrate for OnDevice<D> {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, Error> {
        let delays = self.load(network, inputs)?;
        let Self { device, placement, scaling, slot_us, observed, trials, measured, .. } = self;
        let stimulus = |sample: usize, spikes: &mut Vec<InputSpike>| {
            stimulate(scaling, *slot_us, inputs.row(sample), &delays, 0.0, spikes);
        };
        let n_trials = inputs.nrows();
        let batch = Batch { run, duration_us: *slot_us, n_trials, stimulus: &stimulus, neurons: observed };
        device.first_spikes(&batch, measured)?;
        *trials += n_trials as u64;

        let (mut first, width) = (0, observed.len());
        let mut columns = |n: usize| {
            let of_layer = first..first + n;
            first += n;
            let mut times = Vec::with_capacity(n_trials * n);
            for row in measured.times_us.chunks_exact(width.max(1)) {
                scaling.extend_by_times(&mut times, &row[of_layer.clone()]);
            }
            let repeats = measured.repeats[of_layer].iter().sum();
            let shape = Error::Shape { what: "measured spikes", found: vec![times.len()], expected: vec![n_trials, n] };
            Array2::from_shape_vec((n_trials, n), times).map(|times| (times, repeats)).map_err(|_| shape)
        };
        let mut layers = Vec::new();
        let mut repeats = Vec::new();
        for neurons in &placement.neurons {
            let (times, again) = columns(neurons.len())?;
            layers.push(times);
            repeats.push(again);
        }
        let mut spikes = Spikes { repeats, ..Spikes::first(layers) };
        if let (false, Some(delayed)) = (placement.relays.is_empty(), spikes.delayed.get_mut(1)) {
            *delayed = Some(columns(placement.relays.len())?.0);
        }
        Ok(spikes)
    }
}
