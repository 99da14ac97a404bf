//! The spikes that reach a layer in one sample, in order.

#![allow(clippy::inline_always, reason = "loops must be inlined into a function that is compiled for the processor")]

use bss2_emu::vectors::{Instructions, Loops};

/// Bits of a key that tell the input, below those of its time.
const INDEX_BITS: u32 = 12;
/// Up to so many spikes every one is compared with every other, which vectors do in no time and without a branch.
const RANKED: usize = 320;

/// One spike.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Event {
    pub(crate) input: u32,
}

/// The spikes that reach a layer, sorted by time.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) list: Vec<Event>,
    /// Time of each, in `tau`.
    pub(crate) times: Vec<f64>,
    sent: Vec<(f64, u32)>,
    keys: Vec<u32>,
    ranks: Vec<u32>,
}

impl Events {
    /// Sorts spike times, silence left out.
    pub(crate) fn sort(&mut self, times: &[f64], instructions: Instructions) {
        self.sent.clear();
        self.sent.resize(times.len(), (0.0, 0));
        let (mut n, mut first, mut last) = (0, f64::INFINITY, f64::NEG_INFINITY);
        // Without a branch, which would be foretold wrongly for every other input.
        for (input, &t) in times.iter().enumerate() {
            self.sent[n] = (t, input as u32);
            let comes = t < f64::INFINITY;
            n += usize::from(comes);
            first = first.min(t);
            last = last.max(if comes { t } else { f64::NEG_INFINITY });
        }
        self.sent.truncate(n);
        self.times.clear();
        self.times.resize(n, 0.0);
        self.list.clear();
        self.list.resize(n, Event::default());
        if n >> INDEX_BITS == 0 {
            self.sort_by_keys(first, last, instructions);
        } else {
            self.sent.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            for ((&(t, input), time), event) in self.sent.iter().zip(&mut self.times).zip(&mut self.list) {
                *time = t;
                event.input = input;
            }
        }
        self.straighten();
    }

    /// Puts spikes into the order of their times to one part in a million of the whole span.
    fn sort_by_keys(&mut self, first: f64, last: f64, instructions: Instructions) {
        let n = self.sent.len();
        let steps = f64::from((1_u32 << (32 - INDEX_BITS)) - 1);
        let scale = if last > first { steps / (last - first) } else { 0.0 };
        self.keys.clear();
        self.keys.extend(
            self.sent.iter().zip(0_u32..).map(|(&(t, _), place)| (((t - first) * scale) as u32) << INDEX_BITS | place),
        );
        if n <= RANKED {
            self.keys.resize(n.next_multiple_of(16), u32::MAX);
            self.ranks.clear();
            self.ranks.resize(self.keys.len(), 0);
            instructions.run(Ranks { keys: &self.keys, n, places: &mut self.ranks });
            for (&(t, input), &rank) in self.sent.iter().zip(&self.ranks) {
                self.times[rank as usize] = t;
                self.list[rank as usize].input = input;
            }
        } else {
            self.keys.sort_unstable();
            for ((key, time), event) in self.keys.iter().zip(&mut self.times).zip(&mut self.list) {
                let (t, input) = self.sent[(key & ((1 << INDEX_BITS) - 1)) as usize];
                *time = t;
                event.input = input;
            }
        }
    }

    /// Exchanges the few neighbours that are closer than the keys can tell.
    fn straighten(&mut self) {
        for k in 1..self.times.len() {
            let mut place = k;
            while place > 0 && self.times[place - 1] > self.times[place] {
                self.times.swap(place - 1, place);
                self.list.swap(place - 1, place);
                place -= 1;
            }
        }
    }
}

/// The place of each key among all: how many are smaller.
struct Ranks<'a> {
    keys: &'a [u32],
    n: usize,
    places: &'a mut [u32],
}

impl Loops for Ranks<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { keys, n, places } = self;
        for (places, own) in places.as_chunks_mut::<16>().0.iter_mut().zip(keys.as_chunks::<16>().0) {
            let mut smaller = [0_u32; 16];
            for &key in &keys[..n] {
                for l in 0..16 {
                    smaller[l] += u32::from(key < own[l]);
                }
            }
            *places = smaller;
        }
    }
}

#[cfg(test)]
mod tests {
    use bss2_emu::rng::{Purpose, Stream};

    use super::*;

    #[test]
    fn spikes_come_in_the_order_of_their_times() {
        let mut draw = Stream::new(6, Purpose::Search, [0, 0, 0]);
        for n in [0, 1, 2, 17, 73, 256, 400, 5000] {
            for grid in [0.0, 1e-9, 0.1] {
                let times: Vec<f64> = (0..n)
                    .map(|_| {
                        let t = 3.0 * draw.uniform() - 1.0;
                        if draw.uniform() < 0.3 { f64::INFINITY } else { t - if grid > 0.0 { t % grid } else { 0.0 } }
                    })
                    .collect();
                let mut expected: Vec<f64> = times.iter().copied().filter(|t| t.is_finite()).collect();
                expected.sort_by(f64::total_cmp);
                for instructions in Instructions::available() {
                    let mut events = Events::default();
                    events.sort(&times, instructions);
                    assert_eq!(events.times, expected);
                    let mut inputs: Vec<u32> = events.list.iter().map(|event| event.input).collect();
                    assert!(inputs.iter().zip(&expected).all(|(input, t)| times[*input as usize] == *t));
                    inputs.sort_unstable();
                    inputs.dedup();
                    assert_eq!(inputs.len(), expected.len(), "every input once");
                }
            }
        }
    }
}
