//! Single kernels of the fast engine, for the benches of this crate: nothing that a user of the emulator needs.

use crate::dynamics::Body;
use crate::engine::fast::crossings::Crossings;
use crate::engine::fast::kernel::{Now, Stride, Surroundings, Trial};
use crate::engine::fast::normals::Streams;
use crate::engine::fast::tables::Block;
use crate::engine::fast::vector::{ALL, LANES, Lanes, Vector, Work, dispatch};
use crate::events::express::{Key, sort};
use crate::membrane::joined::Joined;
use crate::rng::{self, Purpose, Stream};

/// Circuits of each neuron.
const CIRCUITS: usize = 2;
const DURATION_US: f64 = 180.0;
const THRESHOLD_LSB: f32 = 45.0;

/// Two normal numbers for each of sixteen neurons in a trial; their sum.
pub fn draws(trial: u32) -> f32 {
    struct Draw(Streams);
    impl Work for Draw {
        type Output = f32;
        #[inline(always)]
        #[allow(clippy::inline_always, reason = "vector code: see the module of vectors")]
        fn with<V: Vector>(self) -> f32 {
            let words = self.0.words(0);
            words.normal::<V>(0).0.add(words.normal::<V>(1).0).store().0.iter().sum()
        }
    }
    let neurons = std::array::from_fn(|l| l as u32);
    dispatch(Draw(Streams { key: rng::Key::new(1, Purpose::NeuronTrial), run: 0, trial, neurons }))
}

/// Events at drawn ticks, and room to sort them.
pub struct Events {
    drawn: Vec<Key>,
    keys: Vec<Key>,
    spare: Vec<Key>,
}

impl Events {
    /// Events within 12 us.
    pub fn new(n: usize) -> Self {
        let mut draw = Stream::new(1, Purpose::Search, [0, 0, n as u32]);
        let drawn = (0..n).map(|k| Key::spike((1500.0 * draw.uniform()) as u32, k as u32 % 512, 0)).collect();
        Self { drawn, keys: Vec::new(), spare: Vec::new() }
    }

    /// Sorts them; the tick of the last.
    pub fn sort(&mut self) -> u32 {
        self.keys.clear();
        self.keys.extend(&self.drawn);
        sort(&mut self.keys, &mut self.spare);
        self.keys.last().map_or(0, |key| key.tick())
    }
}

/// Sixteen neurons of two circuits and the events of a trial.
pub struct OneBlock {
    bodies: Vec<Body>,
    block: Block<CIRCUITS>,
    jumps: Vec<Lanes>,
    strides: Vec<Stride>,
    open: Crossings<CIRCUITS>,
}

/// Thresholds without noise; spikes are counted.
struct Quiet<'a> {
    bodies: &'a [Body],
    spikes: &'a mut u32,
}

impl Surroundings for Quiet<'_> {
    fn body(&self, lane: usize) -> &Body {
        &self.bodies[lane]
    }
    fn threshold(&self, _: usize, _: u32) -> f64 {
        f64::from(THRESHOLD_LSB)
    }
    fn spike(&mut self, _: usize, _: u32, _: f64) {
        *self.spikes += 1;
    }
}

impl OneBlock {
    /// Neurons that get `n` events within 12 us, each over a line of its own with drawn weights times `strength`.
    pub fn new(n: usize, strength: f32) -> Self {
        let mut draw = Stream::new(2, Purpose::Search, [0, 0, n as u32]);
        let mut tau_us = || 6.0 * (1.0 + 0.05 * draw.normal());
        let bodies: Vec<Body> = (0..LANES)
            .map(|_| {
                let mut joined = Joined::new(tau_us(), &[[tau_us(), tau_us()], [tau_us(), tau_us()]]);
                joined.membrane.threshold = f64::from(THRESHOLD_LSB);
                joined.membrane.refractory_us = 16.0;
                Body::Joined(joined)
            })
            .collect();
        let mut jumps = vec![Lanes::all(0.0); (n + 1) * 2 * CIRCUITS];
        for (line, jumps) in jumps.chunks_exact_mut(2 * CIRCUITS).take(n).enumerate() {
            let circuit = line % CIRCUITS;
            for l in 0..LANES {
                let weight = strength * (0.4 + draw.normal()) as f32;
                jumps[2 * circuit].0[l] = weight.max(0.0);
                jumps[2 * circuit + 1].0[l] = (-weight).max(0.0);
            }
        }
        let mut ticks: Vec<u32> = (0..n).map(|_| (1500.0 * draw.uniform()) as u32).collect();
        ticks.sort_unstable();
        let gaps = std::iter::once(0).chain(ticks.windows(2).map(|pair| pair[1] - pair[0]));
        let longest = crate::engine::fast::tables::LONGEST_STEP;
        let strides = gaps.zip(0..).map(|(gap, line)| Stride { ticks: gap.min(longest), line }).collect();
        Self { block: Block::new(&bodies), bodies, jumps, strides, open: Crossings::new() }
    }

    /// Runs the trial; how many spikes there were.
    pub fn run(&mut self) -> u32 {
        let mut spikes = 0;
        let thresholds = Lanes::all(THRESHOLD_LSB);
        dispatch(Trial {
            block: &self.block,
            thresholds: &thresholds,
            jumps: &self.jumps,
            start: 0,
            strides: &self.strides,
            duration_us: DURATION_US,
            open: &mut self.open,
            around: Quiet { bodies: &self.bodies, spikes: &mut spikes },
        });
        spikes
    }

    /// Solves sixteen crossings of one step; how many of them well.
    pub fn solve(&mut self) -> u32 {
        dispatch(Solve { block: &self.block, open: &mut self.open }).count_ones()
    }
}

/// Membranes that rise from below the threshold to above it within a step.
struct Solve<'a> {
    block: &'a Block<CIRCUITS>,
    open: &'a mut Crossings<CIRCUITS>,
}

impl Work for Solve<'_> {
    type Output = u32;
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "vector code: see the module of vectors")]
    fn with<V: Vector>(self) -> u32 {
        const TICKS: u32 = 16;
        const BELOW_LSB: f32 = 0.3;
        let (current, ceiling) = (V::splat(8.0), V::splat(THRESHOLD_LSB));
        let now = Now {
            x: V::splat(THRESHOLD_LSB - BELOW_LSB),
            exc: [current; CIRCUITS],
            inh: [V::splat(1.0); CIRCUITS],
            ceiling,
            floor: V::splat(f32::NEG_INFINITY),
            noted: 0,
            waiting: 0,
            release: u32::MAX,
        };
        let to = crate::engine::fast::kernel::coast(&self.block.steps[TICKS as usize], &now);
        self.open.step(0).note(&now, to, 0, TICKS, ALL);
        let (_, _, good) = self.open.solve::<V>(self.block, &Lanes::all(THRESHOLD_LSB), 1);
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benches_do_what_their_kernels_are_for() {
        let mut block = OneBlock::new(100, 3.0);
        assert!((8..=40).contains(&block.run()), "{} spikes", block.run());
        assert_eq!(block.solve(), LANES as u32);
        assert_eq!(OneBlock::new(100, 0.0).run(), 0);
        let mut events = Events::new(200);
        let last = events.sort();
        assert!(events.keys.is_sorted() && events.keys.len() == 200 && last < 1500);
        assert!(draws(1) != draws(2));
    }
}
