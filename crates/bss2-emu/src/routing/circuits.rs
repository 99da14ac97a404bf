//! Circuits that work together: joined to one neuron, or paired to an axonal delay.

use serde::{Deserialize, Serialize};

use crate::codes::{COLUMNS, NeuronId};

/// Two circuits that hand on events after a delay: an axonal delay on chip.
///
/// The circuits of columns 2k and 2k + 1 of a row work together; an excitatory event at either makes the first of them send a
/// spike `2 us + code / 8 us` later. While a delay runs, further events are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelayPair {
    /// The circuit of the even column, whose event address the spikes have.
    pub neuron: NeuronId,
    /// The delay, 50..=250.
    pub code: u8,
}

impl DelayPair {
    /// Allowed codes: 8.25 to 33.25 us.
    pub const CODES: std::ops::RangeInclusive<u8> = 50..=250;

    /// The other circuit of the pair.
    pub fn partner(self) -> NeuronId {
        NeuronId::saturating(f64::from(self.neuron.get() | 1))
    }

    /// The nominal delay in us.
    pub fn delay_us(self) -> f64 {
        2.0 + f64::from(self.code) / 8.0
    }
}

/// A circuit that cannot be reached from the first by steps between neighbours.
pub(super) fn unreached(circuits: &[NeuronId]) -> Option<NeuronId> {
    let are_neighbours = |a: NeuronId, b: NeuronId| {
        let same_half = a.column() / (COLUMNS / 2) == b.column() / (COLUMNS / 2);
        let (columns, rows) = (a.column().abs_diff(b.column()), a.hemisphere() != b.hemisphere());
        same_half && columns + usize::from(rows) == 1
    };
    let mut left: Vec<NeuronId> = circuits.iter().skip(1).copied().collect();
    let mut reached: Vec<NeuronId> = circuits.iter().take(1).copied().collect();
    while let Some(circuit) = reached.pop() {
        let (near, far): (Vec<_>, Vec<_>) = left.into_iter().partition(|c| are_neighbours(*c, circuit));
        reached.extend(near);
        left = far;
    }
    left.first().copied()
}
