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
    /// Ticks at which it has passed events in this trial.
    taken: Vec<u32>,
    /// Whether they may not be in order.
    mixed: bool,
    /// Places of the events that want to pass, where they are in each other's way.
    claims: Vec<u32>,
}

/// Events of a trial on their way.
#[derive(Debug, Clone, Default)]
pub struct Express {
    /// Four ports, eight outputs, eight buses.
    interfaces: [Interface; INTERFACES],
    waiting: Vec<(u64, u32)>,
    keys: Vec<Key>,
    spare: Vec<Key>,
}

const INTERFACES: usize = 20;
const OUTPUTS: usize = 4;
const ALL_BUSES: usize = 12;

impl Express {
    /// Begins a trial: `arrivals` becomes its input spikes at their synapses, sorted.
    pub fn external(&mut self, path: &EventPath, lines: &Lines, spikes: &[InputSpike], arrivals: &mut Vec<Key>) {
        for interface in &mut self.interfaces {
            interface.taken.clear();
            interface.mixed = false;
        }
        arrivals.clear();
        arrivals.extend(spikes.iter().map(|s| Key::new(tick(s.time_us), s.channel.into())));
        sort(arrivals, &mut self.spare);
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
    pub fn internal(&mut self, path: &EventPath, lines: &Lines, spikes: &mut Vec<Key>, arrivals: &mut Vec<Key>) {
        sort(spikes, &mut self.spare);
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
        merge(arrivals, &keys);
        self.keys = keys;
    }

    /// Lets sorted events pass their interfaces, one per tick each; sorted again afterwards.
    fn pass(&mut self, keys: &mut [Key], interface_of: impl Fn(Key) -> usize) {
        // Most interfaces have nobody who waits.
        let before = self.interfaces.each_ref().map(|i| i.taken.len());
        let (mut walked, mut free) = ([0; INTERFACES], [0; INTERFACES]);
        let mut crowded = 0_u32;
        for key in keys.iter() {
            let (i, wanted) = (interface_of(*key), key.tick());
            let Interface { taken, mixed, .. } = &mut self.interfaces[i];
            if *mixed {
                taken.sort_unstable();
                *mixed = false;
            }
            while walked[i] < before[i] && taken[walked[i]] < wanted {
                walked[i] += 1;
            }
            let is_taken = wanted < free[i] || walked[i] < before[i] && taken[walked[i]] == wanted;
            crowded |= u32::from(is_taken) << i;
            free[i] = wanted + 1;
            taken.push(wanted);
        }
        for (interface, before) in self.interfaces.iter_mut().zip(before) {
            interface.mixed |= before > 0 && interface.taken.len() > before;
        }
        if crowded == 0 {
            return;
        }
        for (place, key) in keys.iter().enumerate() {
            let i = interface_of(*key);
            if crowded & 1 << i != 0 {
                self.interfaces[i].claims.push(place as u32);
            }
        }
        while crowded != 0 {
            let i = crowded.trailing_zeros() as usize;
            crowded &= crowded - 1;
            let Interface { taken, claims, .. } = &mut self.interfaces[i];
            taken.truncate(before[i]);
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
}

/// Sorts, by buckets of ticks first.
fn sort(keys: &mut Vec<Key>, spare: &mut Vec<Key>) {
    const BUCKETS: usize = 256;
    const FEWEST: usize = 24;
    if keys.len() < FEWEST {
        return keys.sort_unstable();
    }
    let (first, last) =
        keys.iter().fold((u32::MAX, 0), |(first, last), key| (first.min(key.tick()), last.max(key.tick())));
    let shift = (u32::BITS - (last - first).leading_zeros()).saturating_sub(BUCKETS.ilog2());
    let bucket = |key: &Key| ((key.tick() - first) >> shift) as usize % BUCKETS;
    let mut places = [0_u32; BUCKETS];
    for key in keys.iter() {
        places[bucket(key)] += 1;
    }
    let mut sum = 0;
    for place in &mut places {
        sum += std::mem::replace(place, sum);
    }
    spare.clear();
    spare.resize(keys.len(), Key(0));
    for key in keys.iter() {
        let place = &mut places[bucket(key)];
        spare[*place as usize] = *key;
        *place += 1;
    }
    std::mem::swap(keys, spare);
    settle(keys);
}

/// Merges sorted events into sorted ones.
fn merge(all: &mut Vec<Key>, keys: &[Key]) {
    let mut old = all.len();
    all.extend(keys);
    let mut new = keys.len();
    let mut place = all.len();
    while new > 0 && old > 0 {
        place -= 1;
        if all[old - 1] > keys[new - 1] {
            old -= 1;
            all[place] = all[old];
        } else {
            new -= 1;
            all[place] = keys[new];
        }
    }
    all[..new].copy_from_slice(&keys[..new]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Stream};

    #[test]
    fn buckets_and_merging_are_sorting() {
        let mut draw = Stream::new(2, Purpose::Search, [0, 0, 0]);
        let mut spare = Vec::new();
        for (n, span) in [(0, 1), (5, 100), (23, 0), (24, 0), (200, 3), (200, 255), (200, 256), (300, 20_000)] {
            let mut list = |n: usize| -> Vec<Key> {
                let tick = |u: f64| 40 + (u * f64::from(span + 1)) as u32;
                (0..n).map(|_| Key::new(tick(draw.uniform()), (draw.uniform() * 500.0) as u64)).collect()
            };
            let (mut a, mut b) = (list(n), list(n / 2));
            let mut expected: Vec<Key> = a.iter().chain(&b).copied().collect();
            expected.sort_unstable();
            sort(&mut a, &mut spare);
            sort(&mut b, &mut spare);
            assert!(a.is_sorted() && b.is_sorted());
            merge(&mut a, &b);
            assert_eq!(a, expected, "{n} in {span}");
        }
    }
}
