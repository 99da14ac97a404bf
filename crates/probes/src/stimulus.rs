//! Input: one source whose spikes reach every neuron through a few synapse rows at once.
//!
//! The source's spikes enter as two input channels, one per hemisphere, on bus 0. The first drivers of that bus listen to all
//! row selects; of each driver's two rows one is excitatory, one inhibitory, and the weights choose.

use bss2_emu::codes::{BUSES, COLUMNS, DRIVERS_PER_BUS, NEURONS};
use bss2_emu::device::RowWrite;
use bss2_emu::rng::{Purpose, Stream};
use bss2_emu::routing::{EventAddress, InputChannel, Routing, RowMode};
use bss2_emu::{Hemisphere, InputSpike, Label, WeightCode};

/// Sign of a synapse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Raises the membrane.
    Excitatory,
    /// Lowers it.
    Inhibitory,
}

/// One source and the drivers that listen to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    drivers: usize,
}

impl Source {
    /// A source with this many synapses of each sign per neuron, 1..=32.
    pub fn new(synapses: usize) -> Self {
        Self { drivers: synapses.clamp(1, DRIVERS_PER_BUS) }
    }

    pub fn routing(self) -> Routing {
        let mut routing = Routing::default();
        for hemisphere in 0..2 {
            for driver in (0..self.drivers).map(|position| position * BUSES) {
                routing.driver_masks[hemisphere][driver] = 0;
                routing.row_modes[hemisphere][2 * driver] = RowMode::Excitatory;
                routing.row_modes[hemisphere][2 * driver + 1] = RowMode::Inhibitory;
            }
        }
        let address = |hemisphere| EventAddress { hemisphere, bus: 0, row_select: 0, label: Label::default() };
        let channel =
            |hemisphere: Hemisphere| InputChannel { port: hemisphere.index() as u8, address: address(hemisphere) };
        routing.inputs = Hemisphere::BOTH.map(channel).to_vec();
        routing
    }

    /// Weights of the synapses, the same for every neuron: those of `sign`, one per synapse, the rest zero. The other sign's
    /// are zero.
    pub fn weights(self, sign: Sign, weights: &[u8]) -> Vec<RowWrite> {
        self.writes(|this, synapse, _| if this == sign { weights.get(synapse).copied().unwrap_or(0) } else { 0 })
    }

    /// One excitatory synapse per neuron, each with its own weight.
    pub fn weights_by_neuron(self, weights: &[u8; NEURONS]) -> Vec<RowWrite> {
        self.writes(|sign, synapse, neuron| if sign == Sign::Excitatory && synapse == 0 { weights[neuron] } else { 0 })
    }

    fn writes(self, weight: impl Fn(Sign, usize, usize) -> u8) -> Vec<RowWrite> {
        let mut writes = Vec::new();
        for hemisphere in Hemisphere::BOTH {
            for synapse in 0..self.drivers {
                for (k, sign) in [Sign::Excitatory, Sign::Inhibitory].into_iter().enumerate() {
                    let of_column = |column| {
                        WeightCode::saturating(weight(sign, synapse, hemisphere.index() * COLUMNS + column).into())
                    };
                    let weights = (0..COLUMNS).map(of_column).collect();
                    writes.push(RowWrite { hemisphere, row: 2 * synapse * BUSES + k, first_column: 0, weights });
                }
            }
        }
        writes
    }
}

/// A spike of the source: one event in each hemisphere.
pub(crate) fn spike(time_us: f64) -> [InputSpike; 2] {
    [0, 1].map(|channel| InputSpike { time_us, channel })
}

/// The weights, of at most 63 each, whose sum this is.
pub(crate) fn split(total: u16) -> Vec<u8> {
    let most = u16::from(WeightCode::MAX.get());
    let mut weights = vec![WeightCode::MAX.get(); usize::from(total / most)];
    weights.push((total % most) as u8);
    weights
}

/// A Poisson train in `0..duration_us`, drawn by the host.
pub(crate) fn poisson(rate_khz: f64, duration_us: f64, seed: u64, trial: usize) -> Vec<f64> {
    let mut stream = Stream::new(seed, Purpose::HostSpikes, [0, trial as u32, 0]);
    let mean_us = 1e3 / rate_khz;
    let mut time = 0.0;
    let mut times = Vec::new();
    loop {
        // 1 - u is never zero.
        time -= mean_us * libm::log(1.0 - stream.uniform());
        if time >= duration_us {
            return times;
        }
        times.push(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_split_into_weights_that_exist() {
        assert_eq!(split(0), [0]);
        assert_eq!(split(64), [63, 1]);
        assert_eq!(split(288), [63, 63, 63, 63, 36]);
    }

    #[test]
    fn a_source_is_a_valid_routing_and_reaches_every_neuron() {
        let source = Source::new(5);
        assert!(source.routing().check().is_ok());
        let sum: u32 = source
            .weights(Sign::Inhibitory, &split(288))
            .iter()
            .filter(|w| w.hemisphere == Hemisphere::Bottom)
            .map(|w| u32::from(w.weights[7].get()))
            .sum();
        assert_eq!(sum, 288);
    }

    /// 12000 expected; bound five standard deviations.
    #[test]
    fn a_train_has_its_rate_and_repeats() {
        let train = poisson(120.0, 1e5, 7, 0);
        assert!((train.len() as f64 - 12_000.0).abs() < 5.0 * 12_000_f64.sqrt(), "{}", train.len());
        assert_eq!(train, poisson(120.0, 1e5, 7, 0));
        assert_ne!(train, poisson(120.0, 1e5, 7, 1));
    }
}
