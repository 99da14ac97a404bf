//! The way of events on the time grid, in whole ticks: what [`Traffic`](super::Traffic) does, without background events and losses,
//! in a fraction of the time.
//!
//! An event is one number, its tick above what tells it apart, so that sorting needs no comparison of fields. Of those that
//! wait at an interface the smallest number below the tick goes first ([`gates`]).

mod gates;
mod sorting;
#[cfg(test)]
mod tests;

use super::{Lines, TICK_US};
use crate::device::InputSpike;
use crate::spec::EventPath;

use gates::{Gates, Slot};
pub use sorting::sort;
use sorting::{merge, settle};

/// Bits below the tick.
const LOW: u32 = 36;
/// Bits of the tick at which a membrane has reached its threshold.
const CROSSED: u32 = 24;
/// Ticks that trials of this path can have.
pub const MOST_TICKS: u32 = 1 << CROSSED;

/// An event: its tick and its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u64);

impl Key {
    fn new(tick: u32, low: u64) -> Self {
        Self(u64::from(tick) << LOW | low)
    }

    /// The spike of a neuron whose membrane was at the threshold before the end of tick `crossed`.
    pub fn spike(tick: u32, neuron: u32, crossed: u32) -> Self {
        Self::new(tick, u64::from(neuron) << CROSSED | u64::from(crossed))
    }

    pub fn tick(self) -> u32 {
        (self.0 >> LOW) as u32
    }

    fn low(self) -> u64 {
        self.0 & ((1 << LOW) - 1)
    }

    /// The line of an arrival.
    pub fn line(self) -> u32 {
        self.low() as u32
    }

    /// The neuron of a spike.
    pub fn neuron(self) -> u32 {
        (self.low() >> CROSSED) as u32
    }

    fn crossed(self) -> u32 {
        self.low() as u32 & (MOST_TICKS - 1)
    }
}

/// The tick nearest to a time that is not negative.
#[inline]
pub fn tick(time_us: f64) -> u32 {
    // 1.5 * 2^52: adding it to a small number leaves the nearest integer in the lowest bits.
    const INTEGER: f64 = 6_755_399_441_055_744.0;
    (time_us / TICK_US + INTEGER).to_bits() as u32
}

/// Which interfaces a layer and those behind it send through, and which lines they listen to.
#[derive(Debug, Clone, Default)]
pub struct Behind {
    /// A bit for each event output.
    pub outputs: u8,
    /// A bit for each bus.
    pub buses: u8,
    /// By line.
    pub wanted: Vec<bool>,
}

/// What the events of a trial have taken so far of the interfaces that layers behind use.
#[derive(Debug, Clone, Default)]
pub struct Passed {
    outputs: Vec<Slot>,
    buses: Vec<Slot>,
}

/// The way of events, with its memory: one for all trials of a thread.
#[derive(Debug, Clone, Default)]
pub struct Express {
    gates: Gates,
    keys: Vec<Key>,
    spare: Vec<Key>,
}

impl Express {
    /// Begins a trial: `arrivals` becomes those of its input spikes at their synapses that somebody wants, sorted.
    pub fn external(
        &mut self,
        (path, lines): (&EventPath, &Lines),
        spikes: &[InputSpike],
        behind: &Behind,
        (passed, arrivals): (&mut Passed, &mut Vec<Key>),
    ) {
        passed.outputs.clear();
        passed.buses.clear();
        arrivals.clear();
        arrivals.extend(spikes.iter().map(|s| Key::new(tick(s.time_us), s.channel.into())));
        sort(arrivals, &mut self.spare);
        let latency = tick(path.latency_external_us);
        if path.serialisation && self.gates.pass(arrivals, &[], |key| lines.port(key.line())) {
            settle(arrivals);
        }
        for key in arrivals.iter_mut() {
            *key = Key::new(key.tick() + latency, key.low());
        }
        if path.serialisation {
            if self.gates.pass(arrivals, &[], |key| lines.bus(key.line())) {
                settle(arrivals);
            }
            let slots = arrivals.iter().map(|key| (lines.bus(key.line()), key.tick()));
            passed.buses.extend(slots.filter(|(bus, _)| behind.buses & 1 << bus != 0).map(Slot::from));
        }
        arrivals.retain(|key| behind.wanted[key.line() as usize]);
    }

    /// Lets the spikes of neurons out: they get their final ticks. If there are layers behind, brings them onto the chip: `arrivals`
    /// becomes all events so far that those layers want, sorted.
    pub fn internal(
        &mut self,
        (path, lines): (&EventPath, &Lines),
        spikes: &mut Vec<Key>,
        behind: Option<&Behind>,
        (passed, arrivals): (&mut Passed, &mut Vec<Key>),
    ) {
        let Self { gates, keys, spare } = self;
        sort(spikes, spare);
        if path.serialisation {
            gates.pass(spikes, &passed.outputs, |key| lines.output(key.neuron()));
        }
        let Some(behind) = behind else { return };
        let latency = tick(path.latency_internal_us);
        keys.clear();
        for spike in spikes.iter() {
            let at = (spike.tick() + latency).max(spike.crossed());
            keys.extend(lines.of_neuron(spike.neuron()).map(|line| Key::new(at, line.into())));
        }
        settle(keys);
        if path.serialisation {
            let slots = spikes.iter().map(|key| (lines.output(key.neuron()), key.tick()));
            passed.outputs.extend(slots.filter(|(output, _)| behind.outputs & 1 << output != 0).map(Slot::from));
            if gates.pass(keys, &passed.buses, |key| lines.bus(key.line())) {
                settle(keys);
            }
            let slots = keys.iter().map(|key| (lines.bus(key.line()), key.tick()));
            passed.buses.extend(slots.filter(|(bus, _)| behind.buses & 1 << bus != 0).map(Slot::from));
        }
        keys.retain(|key| behind.wanted[key.line() as usize]);
        arrivals.retain(|key| behind.wanted[key.line() as usize]);
        merge(arrivals, keys);
    }
}
