//! The way of events on the time grid, in whole ticks: what [`Traffic`](super::Traffic) does, without background events and losses,
//! in a fraction of the time.
//!
//! An event is one number, its tick above what tells it apart, so that sorting needs no comparison of fields. Of those that
//! wait at an interface the smallest number below the tick goes first.

use super::{Lines, TICK_US};
use crate::device::InputSpike;
use crate::spec::EventPath;

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

/// One interface.
#[derive(Debug, Clone, Default)]
struct Interface {
    /// Ticks at which it has passed events in this trial, ascending.
    taken: Vec<u32>,
    /// Places of the events that want to pass.
    claims: Vec<u32>,
}

/// Events of a trial on their way.
#[derive(Debug, Clone, Default)]
pub struct Express {
    /// Four ports, eight outputs, eight buses.
    interfaces: [Interface; 20],
    waiting: Vec<(u64, u32)>,
    keys: Vec<Key>,
}

const OUTPUTS: usize = 4;
const ALL_BUSES: usize = 12;

impl Express {
    /// Begins a trial: `arrivals` becomes its input spikes at their synapses, sorted.
    pub fn external(&mut self, path: &EventPath, lines: &Lines, spikes: &[InputSpike], arrivals: &mut Vec<Key>) {
        for interface in &mut self.interfaces {
            interface.taken.clear();
        }
        arrivals.clear();
        arrivals.extend(spikes.iter().map(|s| Key::new(tick(s.time_us), s.channel.into())));
        arrivals.sort_unstable();
        let latency = tick(path.latency_external_us);
        if path.serialisation {
            self.pass(arrivals, |key| usize::from(lines.port(key.line())));
        }
        for key in arrivals.iter_mut() {
            *key = Key::new(key.tick() + latency, key.low());
        }
        if path.serialisation {
            self.pass(arrivals, |key| ALL_BUSES + usize::from(lines.bus(key.line())));
        }
    }

    /// Lets the spikes of neurons out and onto the chip: `spikes` get their final ticks and are sorted; `arrivals`, all events
    /// so far, is extended by those at their synapses and sorted.
    pub fn internal(&mut self, path: &EventPath, lines: &Lines, spikes: &mut [Key], arrivals: &mut Vec<Key>) {
        spikes.sort_unstable();
        if path.serialisation {
            self.pass(spikes, |key| OUTPUTS + usize::from(lines.output(key.neuron())));
        }
        let latency = tick(path.latency_internal_us);
        let mut keys = std::mem::take(&mut self.keys);
        keys.clear();
        for spike in spikes.iter() {
            let at = (spike.tick() + latency).max(spike.crossed());
            keys.extend(lines.of_neuron(spike.neuron()).map(|line| Key::new(at, line.into())));
        }
        settle(&mut keys);
        if path.serialisation {
            self.pass(&mut keys, |key| ALL_BUSES + usize::from(lines.bus(key.line())));
        }
        if !keys.is_empty() {
            arrivals.extend(&keys);
            // Two runs: the sort knows them.
            arrivals.sort();
        }
        self.keys = keys;
    }

    /// Lets sorted events pass their interfaces, one per tick each; sorted again afterwards.
    fn pass(&mut self, keys: &mut [Key], interface_of: impl Fn(Key) -> usize) {
        let mut busy = 0_u32;
        for (place, key) in keys.iter().enumerate() {
            let interface = interface_of(*key);
            busy |= 1 << interface;
            self.interfaces[interface].claims.push(place as u32);
        }
        while busy != 0 {
            let Interface { taken, claims } = &mut self.interfaces[busy.trailing_zeros() as usize];
            busy &= busy - 1;
            one_by_one(keys, claims, taken, &mut self.waiting);
            claims.clear();
        }
        settle(keys);
    }
}

/// Lets the claims of an interface pass.
fn one_by_one(keys: &mut [Key], claims: &[u32], taken: &mut Vec<u32>, waiting: &mut Vec<(u64, u32)>) {
    let n_before = taken.len();
    let (mut next, mut before, mut tick) = (0, 0, 0);
    while next < claims.len() || !waiting.is_empty() {
        let arrived = claims.get(next).map(|place| (keys[*place as usize], *place));
        if waiting.is_empty()
            && let Some((key, place)) = arrived
        {
            // Nobody waits, and nobody else wants this tick.
            let wanted = key.tick().max(tick);
            while before < n_before && taken[before] < wanted {
                before += 1;
            }
            let alone = claims.get(next + 1).is_none_or(|place| keys[*place as usize].tick() > wanted);
            if alone && (before == n_before || taken[before] != wanted) {
                keys[place as usize] = Key::new(wanted, key.low());
                taken.push(wanted);
                (next, tick) = (next + 1, wanted + 1);
                continue;
            }
            tick = wanted;
        }
        while next < claims.len() && keys[claims[next] as usize].tick() <= tick {
            waiting.push((keys[claims[next] as usize].low(), claims[next]));
            next += 1;
        }
        while before < n_before && taken[before] < tick {
            before += 1;
        }
        if before == n_before || taken[before] != tick {
            let first = waiting.iter().enumerate().min_by_key(|(_, waiting)| **waiting).map(|(k, _)| k);
            if let Some(first) = first {
                let (low, place) = waiting.swap_remove(first);
                keys[place as usize] = Key::new(tick, low);
                taken.push(tick);
            }
        }
        tick += 1;
    }
    if n_before > 0 {
        taken.sort_unstable();
    }
}

/// Sorts what is nearly sorted.
fn settle(keys: &mut [Key]) {
    const MOST_MOVES: usize = 16;
    let mut moves = 0;
    for k in 1..keys.len() {
        let key = keys[k];
        let mut place = k;
        while place > 0 && keys[place - 1] > key {
            keys[place] = keys[place - 1];
            place -= 1;
        }
        keys[place] = key;
        moves += k - place;
        if moves > MOST_MOVES * keys.len() {
            return keys.sort_unstable();
        }
    }
}
