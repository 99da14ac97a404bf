//! Circuits that do not work: neurons and synapses that are dead, stuck or weak, drawn once per chip.
//!
//! No rates are published for the chip (calix's tests only demand that most neurons can be calibrated), so every preset has
//! none: this is for breaking a chip on purpose. Each circuit and each kind of failure has its own draw, and a circuit fails if
//! its draw lies below the probability: the failures at a higher probability include those at a lower one.

use serde::{Deserialize, Serialize};

use crate::codes::{COLUMNS, Hemisphere, NeuronId, ROWS};
use crate::parameters::Terms;
use crate::rng::{Key, Purpose};
use crate::spec::ranges::{Number, numbers};
use crate::transfer::Effective;

/// Probabilities that a circuit has failed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Failures {
    /// That a neuron's comparator never fires; its membrane works.
    pub dead_neuron_probability: f64,
    /// That a neuron's membrane is held at its reset potential, whatever arrives; it never fires.
    pub stuck_neuron_probability: f64,
    /// That both synaptic inputs of a neuron are weak.
    pub weak_neuron_probability: f64,
    /// That a synapse conducts nothing.
    pub dead_synapse_probability: f64,
    /// That a synapse conducts as with weight 63, whatever is written to it.
    pub stuck_synapse_probability: f64,
    /// That a synapse is weak.
    pub weak_synapse_probability: f64,
    /// Strength of weak inputs and weak synapses, relative to sound ones.
    pub weak_factor: f64,
}

impl Failures {
    /// Everything works.
    pub const NONE: Self = Self {
        dead_neuron_probability: 0.0,
        stuck_neuron_probability: 0.0,
        weak_neuron_probability: 0.0,
        dead_synapse_probability: 0.0,
        stuck_synapse_probability: 0.0,
        weak_synapse_probability: 0.0,
        weak_factor: 0.5,
    };

    /// Keys, values and ranges.
    pub(crate) fn numbers(&self) -> [Number; 7] {
        numbers!(
            self,
            Failures {
                dead_neuron_probability: 0.0..=1.0,
                stuck_neuron_probability: 0.0..=1.0,
                weak_neuron_probability: 0.0..=1.0,
                dead_synapse_probability: 0.0..=1.0,
                stuck_synapse_probability: 0.0..=1.0,
                weak_synapse_probability: 0.0..=1.0,
                weak_factor: 0.0..=1.0,
            }
        )
    }

    /// What is wrong with a neuron of the chip with this seed.
    pub fn draw_neuron(&self, seed: u64, neuron: NeuronId) -> NeuronFailure {
        let key = Key::new(seed, Purpose::NeuronFailure);
        let fails = |kind: Kind, probability: f64| {
            probability > 0.0 && key.stream([kind as u32, neuron.index() as u32, 0]).uniform() < probability
        };
        NeuronFailure {
            dead: fails(Kind::Dead, self.dead_neuron_probability),
            stuck: fails(Kind::Stuck, self.stuck_neuron_probability),
            input_factor: if fails(Kind::Weak, self.weak_neuron_probability) { self.weak_factor } else { 1.0 },
        }
    }

    /// The synapses of an array that failed in one way, as `row * 256 + column`, ascending.
    fn draw_synapses(&self, seed: u64, hemisphere: Hemisphere, kind: Kind) -> Vec<usize> {
        let probability = match kind {
            Kind::Dead => self.dead_synapse_probability,
            Kind::Stuck => self.stuck_synapse_probability,
            Kind::Weak => self.weak_synapse_probability,
        };
        if probability == 0.0 {
            return Vec::new();
        }
        let key = Key::new(seed, Purpose::SynapseFailure);
        let mut failed = Vec::new();
        for row in 0..ROWS {
            let mut stream = key.stream([kind as u32, hemisphere.index() as u32, row as u32]);
            failed.extend((0..COLUMNS).filter(|_| stream.uniform() < probability).map(|column| row * COLUMNS + column));
        }
        failed
    }

    /// Puts the failures of an array into the factors of its synapses, and says which synapses are stuck.
    ///
    /// A synapse that is dead conducts nothing even if it is stuck.
    pub(crate) fn draw_array(&self, seed: u64, hemisphere: Hemisphere, factors: &mut [f32]) -> Vec<bool> {
        for synapse in self.draw_synapses(seed, hemisphere, Kind::Weak) {
            factors[synapse] *= self.weak_factor as f32;
        }
        for synapse in self.draw_synapses(seed, hemisphere, Kind::Dead) {
            factors[synapse] = 0.0;
        }
        let mut stuck = vec![false; factors.len()];
        for synapse in self.draw_synapses(seed, hemisphere, Kind::Stuck) {
            stuck[synapse] = true;
        }
        stuck
    }
}

impl Default for Failures {
    fn default() -> Self {
        Self::NONE
    }
}

/// Address component: which failure a draw is for. Part of the contract; numbers never change.
#[derive(Clone, Copy)]
enum Kind {
    Dead = 0,
    Stuck = 1,
    Weak = 2,
}

/// What is wrong with one neuron.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeuronFailure {
    /// Its comparator never fires.
    pub dead: bool,
    /// Its membrane is held at the reset.
    pub stuck: bool,
    /// Factor on both synaptic inputs.
    pub input_factor: f64,
}

impl NeuronFailure {
    /// The neuron with what is wrong with it.
    ///
    /// A stuck neuron becomes one that rests at its reset, is connected to nothing, and does not fire. Joined to others, it pulls
    /// them there with its leak. A bypassed neuron needs no comparator: it sends even if it is dead, not if it is stuck.
    pub(crate) fn applied_to(&self, mut neuron: Effective) -> Effective {
        neuron.fires &= !(self.dead || self.stuck);
        neuron.parameters.gain_exc *= self.input_factor;
        neuron.parameters.gain_inh *= self.input_factor;
        if self.stuck {
            neuron.parameters.v_leak_lsb = neuron.parameters.v_reset_lsb;
            neuron.parameters.gain_exc = 0.0;
            neuron.parameters.gain_inh = 0.0;
            neuron.parameters.terms = Terms::default();
            neuron.current = 0.0;
        }
        neuron
    }
}

#[cfg(test)]
mod tests;
