//! A network larger than the chip, run in several passes.

use bss2_emu::{Device, RunId};
use ndarray::{Array2, ArrayView2, Axis, s};

use crate::network::Network;
use crate::on_device::OnDevice;
use crate::placement::{Pass, Passes};
use crate::scaling::Scaling;
use crate::substrate::{Spikes, Substrate};
use crate::{Error, error};

/// One clock cycle of the event path, in us.
const TICK_US: f64 = 0.008;

/// A network in several passes on one chip, which is configured anew for each of them.
///
/// For every batch each pass connects its part of the network, writes its weights, and runs all samples, one trial each. The
/// *first* spike of every neuron that a pass recorded is sent from outside in the passes of the next layer: what learning
/// knows of a neuron is what the layer behind receives. (In one pass, it also receives the later spikes of a neuron that fires again.)
///
/// *Latency.* A spike sent from outside takes the external latency to its synapses, where the gradient expects the internal one
/// from the time stamp on. Replayed spikes are therefore sent
///
/// ```text
/// t = stamp + internal - external        by Scaling::latency
/// ```
/// and so arrive when they would have arrived on chip, as far as the latencies are known. A trial with replayed spikes begins as much
/// earlier as this is negative, in whole ticks; all times returned count from the same start.
///
/// *Noise.* The passes of a batch are runs of their own, one after the other: pass `p` of `n` in run `i` is run `i n + p` of the
/// session. With one pass everything is as on [`OnDevice`].
///
/// *Cost.* Every pass of a sample is a trial ([`Self::trials`]). The time that the chip takes to be configured anew is not counted, as
/// nowhere.
#[derive(Debug)]
pub struct InPasses<D> {
    device: D,
    passes: Passes,
    scaling: Scaling,
    slot_us: f64,
    trials: u64,
}

impl<D: Device> InPasses<D> {
    /// Takes a chip whose neurons are configured already; `scaling` in the units of the passes ([`Passes::scaling`]).
    ///
    /// # Errors
    /// If the slot is not positive or the device refuses the routing of a pass.
    pub fn new(mut device: D, passes: Passes, scaling: Scaling, slot_us: f64) -> Result<Self, Error> {
        error::positive("slot_us", slot_us)?;
        for pass in passes.passes() {
            device.connect(&pass.placement.routing)?;
        }
        Ok(Self { device, passes, scaling, slot_us, trials: 0 })
    }

    /// Where the network sits.
    pub fn passes(&self) -> &Passes {
        &self.passes
    }

    /// The device, for another network.
    pub fn into_device(self) -> D {
        self.device
    }

    /// Trials run so far: samples times passes, and slots of hardware time.
    pub fn trials(&self) -> u64 {
        self.trials
    }

    /// Later by this, in us, replayed spikes are sent than they were stamped; and by how much earlier their trials begin.
    fn replay_us(&self) -> (f64, f64) {
        let shift = self.scaling.latency.internal_us - self.scaling.latency.external_us;
        let ticks = libm::ceil((-shift).max(0.0) / TICK_US);
        (shift, ticks * TICK_US)
    }

    fn check(&self, network: &Network, inputs: ArrayView2<f64>) -> Result<(), Error> {
        network.check(inputs)?;
        if network.has_delays() {
            return Err(Error::DelaysInPasses);
        }
        let (found, expected) = (network.sizes(), self.passes.sizes().to_vec());
        if found != expected {
            return Err(Error::Shape { what: "layers of the network", found, expected });
        }
        if inputs.ncols() != self.passes.n_inputs() {
            let (found, expected) = (vec![inputs.ncols()], vec![self.passes.n_inputs()]);
            return Err(Error::Shape { what: "inputs of the network", found, expected });
        }
        Ok(())
    }
}

impl<D: Device> Substrate for InPasses<D> {
    fn forward(&mut self, network: &Network, inputs: ArrayView2<f64>, run: RunId) -> Result<Spikes, Error> {
        self.check(network, inputs)?;
        let silent = |n| Array2::from_elem((inputs.nrows(), n), f64::INFINITY);
        let mut spikes = Spikes::first(network.sizes().into_iter().map(silent).collect());
        let n = self.passes.passes().len() as u32;
        let replay_us = self.replay_us();
        for (number, pass) in self.passes.passes().iter().enumerate() {
            let Pass { layers, neurons, channels, placement } = pass;
            let (shift_us, lead_us) = if layers.start == 0 { (0.0, 0.0) } else { replay_us };
            let sources = layers.start.checked_sub(1).map_or(inputs, |before| spikes.layers[before].view());
            let shift = self.scaling.to_time(shift_us + lead_us);
            let times = sources.select(Axis(1), channels).mapv_into(|t| t + shift);
            let slot_us = self.slot_us + lead_us;
            let mut chip = OnDevice::new(&mut self.device, placement.clone(), self.scaling, slot_us)?;
            let run = RunId { index: run.index.wrapping_mul(n).wrapping_add(number as u32), ..run };
            let measured = chip.forward(&pass.network(network), times.view(), run)?;
            self.trials += chip.trials();
            let lead = self.scaling.to_time(lead_us);
            for ((layer, times), repeats) in layers.clone().zip(measured.layers).zip(measured.repeats) {
                let of_pass = if layers.len() == 1 { neurons.clone() } else { 0..times.ncols() };
                spikes.layers[layer].slice_mut(s![.., of_pass]).assign(&times.mapv_into(|t| t - lead));
                spikes.repeats[layer] += repeats;
            }
        }
        Ok(spikes)
    }
}
