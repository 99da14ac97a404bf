//! How far two recordings of the same trials agree: what is asked of two engines.

use std::ops::AddAssign;

use serde::Serialize;

use crate::device::TrialRecording;
use crate::events::TICK_US;

/// What sets two recordings apart, counted in spikes.
///
/// ```
/// use bss2_emu::agreement::Difference;
/// use bss2_emu::{NeuronId, Spike, TrialRecording};
///
/// let spike = |time_us| Spike { time_us, neuron: NeuronId::new(3).unwrap() };
/// let trial = |times: &[f64]| TrialRecording { spikes: times.iter().map(|t| spike(*t)).collect(), ..Default::default() };
/// let difference = Difference::of(&trial(&[1.0, 9.0]), &trial(&[1.008, 9.0]));
/// assert_eq!((difference.spikes, difference.tick_off, difference.otherwise), (2, 1, 0));
/// assert!(!difference.is_within_bound());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Difference {
    /// Spikes of the first recording.
    pub spikes: u64,
    /// Spikes that are one clock tick of 8 ns earlier or later.
    pub tick_off: u64,
    /// Spikes that are further off, or in one of the two only.
    pub otherwise: u64,
}

impl Difference {
    /// Compares two recordings of one trial; the spikes of each neuron in their order.
    pub fn of(a: &TrialRecording, b: &TrialRecording) -> Self {
        let by_neuron = |trial: &TrialRecording| {
            let mut list: Vec<(u16, f64)> = trial.spikes.iter().map(|s| (s.neuron.get(), s.time_us)).collect();
            list.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            list
        };
        let (a, b) = (by_neuron(a), by_neuron(b));
        let mut difference = Self { spikes: a.len() as u64, ..Self::default() };
        let (mut a, mut b) = (a.chunk_by(|x, y| x.0 == y.0).peekable(), b.chunk_by(|x, y| x.0 == y.0).peekable());
        loop {
            let order = match (a.peek(), b.peek()) {
                (None, None) => return difference,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(x), Some(y)) => x[0].0.cmp(&y[0].0),
            };
            let of_a = if order.is_le() { a.next().unwrap_or_default() } else { &[] };
            let of_b = if order.is_ge() { b.next().unwrap_or_default() } else { &[] };
            difference.otherwise += of_a.len().abs_diff(of_b.len()) as u64;
            for (x, y) in of_a.iter().zip(of_b) {
                let ticks = ((x.1 - y.1) / TICK_US).abs();
                difference.tick_off += u64::from((0.5..1.5).contains(&ticks));
                difference.otherwise += u64::from(ticks >= 1.5);
            }
        }
    }

    /// Whether engines may differ by this: a tick in at most one of 1000 spikes, otherwise in at most one of 10,000. Nothing is not
    /// enough to tell.
    pub fn is_within_bound(&self) -> bool {
        self.spikes > 0 && self.tick_off * 1000 <= self.spikes && self.otherwise * 10_000 <= self.spikes
    }
}

impl AddAssign for Difference {
    fn add_assign(&mut self, other: Self) {
        self.spikes += other.spikes;
        self.tick_off += other.tick_off;
        self.otherwise += other.otherwise;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::NeuronId;
    use crate::device::Spike;

    fn trial(spikes: &[(i64, f64)]) -> TrialRecording {
        let spike = |&(neuron, time_us): &(i64, f64)| Spike { time_us, neuron: NeuronId::new(neuron).unwrap() };
        TrialRecording { spikes: spikes.iter().map(spike).collect(), ..TrialRecording::default() }
    }

    #[test]
    fn spikes_are_compared_neuron_by_neuron() {
        let a = trial(&[(1, 2.0), (2, 3.0), (1, 20.0), (4, 5.0)]);
        let counts = |b: &[(i64, f64)]| {
            let found = Difference::of(&a, &trial(b));
            (found.spikes, found.tick_off, found.otherwise)
        };
        assert_eq!(counts(&[(4, 5.0), (1, 2.0), (2, 3.0), (1, 20.0)]), (4, 0, 0));
        assert_eq!(counts(&[(1, 2.008), (2, 2.984), (1, 20.0), (4, 4.992)]), (4, 2, 1));
        // One of another neuron, one missing.
        assert_eq!(counts(&[(1, 2.0), (3, 3.0), (4, 5.0)]), (4, 0, 3));
        assert_eq!(counts(&[]), (4, 0, 4));
    }

    #[test]
    fn the_bound_is_one_tick_in_a_thousand_spikes() {
        let of = |spikes, tick_off, otherwise| Difference { spikes, tick_off, otherwise }.is_within_bound();
        assert!(of(1000, 1, 0) && of(10_000, 10, 1));
        assert!(!of(999, 1, 0) && !of(9999, 0, 1) && !of(0, 0, 0));
    }
}
