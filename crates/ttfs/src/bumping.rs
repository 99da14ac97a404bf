//! How silent neurons come back: a neuron without a spike has no gradient, so its weights are raised until it spikes.

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::{Error, error};

/// Doublings after which the bump stays as it is, so that a neuron that can never spike (a dead one of a chip) does not
/// drive its weights to infinity.
const MAX_DOUBLINGS: u32 = 30;

/// Which silent neurons are bumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BumpScope {
    /// The published rule: layer by layer, instead of the gradient step.
    #[default]
    Layer,
    /// Every neuron by its own share of missing spikes, besides the gradient step.
    Neuron,
}

/// What a batch's bump amounted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bump {
    /// Nobody was bumped.
    None,
    /// Some neurons were bumped; the gradient step is taken as well.
    WithStep,
    /// A layer was bumped and the batch takes no gradient step.
    InsteadOfStep,
}

/// Weight bumping: silent neurons have their incoming weights raised.
///
/// *Scope `layer`* (published). Layers are looked at from the input on. The first one in which more than its share `max_missing` of the spikes
/// (over samples times neurons) are missing is bumped: all incoming weights of every neuron that was silent for *any*
/// sample of the batch grow by the bump. The bump is `value`, doubled from batch to batch as long as the same layer is
/// bumped. A batch with a bump takes no gradient step.
///
/// *Scope `neuron`*. Every neuron, of any layer, that missed more than the share `max_missing` of the samples of the batch
/// has all its incoming weights raised by `value`; gradient steps go on. Neurons that are silent for some samples, as trained
/// neurons are, keep their weights.
///
/// Source of the first: Göltz, Kriener et al., Nature Machine Intelligence 3 (2021) 823, and its repository (targeted,
/// exponential bumping).
///
/// ```
/// use ndarray::array;
/// use ttfs::bumping::{Bump, BumpRule, BumpScope, BumpState};
///
/// let rule = BumpRule { value: 0.5, max_missing: vec![0.2], scope: BumpScope::Layer };
/// let mut weights = vec![array![[1.0, 1.0]]];
/// let times = [array![[1.5, f64::INFINITY], [1.5, 2.0]]];
/// assert_eq!(rule.apply(&mut BumpState::default(), &times, &mut weights)?, Bump::InsteadOfStep);
/// assert_eq!(weights[0], array![[1.0, 1.5]]);
/// # Ok::<(), ttfs::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BumpRule {
    /// First bump, in units of weight.
    pub value: f64,
    /// Share of spikes that may be missing, per layer, in `0..=1`.
    pub max_missing: Vec<f64>,
    /// Which silent neurons are bumped.
    pub scope: BumpScope,
}

impl Default for BumpRule {
    /// The published rule.
    fn default() -> Self {
        Self { value: 5e-4, max_missing: vec![0.3, 0.05], scope: BumpScope::Layer }
    }
}

/// What weight bumping remembers between batches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BumpState {
    /// Layer bumped in the last batch, and how many batches in a row before that.
    pub last: Option<(usize, u32)>,
}

impl BumpRule {
    /// Accepts a positive bump and shares in `0..=1`.
    ///
    /// # Errors
    /// [`Error::NotPositive`] or [`Error::OutOfRange`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        error::positive("value", self.value)?;
        error::within("max_missing (entries)", self.max_missing.len() as f64, 1.0, 1e3)?;
        self.max_missing.iter().try_for_each(|&share| error::within("max_missing", share, 0.0, 1.0))
    }

    /// Bumps the neurons that the rule finds too silent and says whether the batch still takes its gradient step.
    ///
    /// `spike_times`: one array `(n_samples, n_neurons)` per layer; `weights`: one array `(n_inputs, n_neurons)` per
    /// layer.
    ///
    /// # Errors
    /// [`Error::Shape`] if times and weights do not belong together; then nothing has changed.
    pub fn apply(
        &self,
        state: &mut BumpState,
        spike_times: &[Array2<f64>],
        weights: &mut [Array2<f64>],
    ) -> Result<Bump, Error> {
        Self::fits(spike_times, weights)?;
        match self.scope {
            BumpScope::Layer => Ok(self.bump_layer(state, spike_times, weights)),
            BumpScope::Neuron => Ok(self.bump_neurons(spike_times, weights)),
        }
    }

    /// The shares of all layers.
    fn shares(&self) -> impl Iterator<Item = f64> {
        let last = self.max_missing.last().copied().unwrap_or(1.0);
        self.max_missing.iter().copied().chain(std::iter::repeat(last))
    }

    fn bump_layer(&self, state: &mut BumpState, spike_times: &[Array2<f64>], weights: &mut [Array2<f64>]) -> Bump {
        let too_silent = spike_times.iter().zip(self.shares()).position(|(times, share)| {
            let missing = times.iter().filter(|t| !t.is_finite()).count();
            missing as f64 > share * times.len() as f64
        });
        let Some(layer) = too_silent else {
            state.last = None;
            return Bump::None;
        };
        let doublings = match state.last {
            Some((last, doublings)) if last == layer => (doublings + 1).min(MAX_DOUBLINGS),
            _ => 0,
        };
        state.last = Some((layer, doublings));
        let bump = self.value * f64::from(1_u32 << doublings);
        for (neuron, times) in spike_times[layer].axis_iter(Axis(1)).enumerate() {
            if times.iter().any(|t| !t.is_finite()) {
                weights[layer].column_mut(neuron).mapv_inplace(|w| w + bump);
            }
        }
        Bump::InsteadOfStep
    }

    fn bump_neurons(&self, spike_times: &[Array2<f64>], weights: &mut [Array2<f64>]) -> Bump {
        let mut bump = Bump::None;
        for ((times, weights), share) in spike_times.iter().zip(weights).zip(self.shares()) {
            // Row by row, as the times lie in memory.
            let mut missing = vec![0_u32; times.ncols()];
            for times in times.rows() {
                for (missing, t) in missing.iter_mut().zip(times) {
                    *missing += u32::from(!t.is_finite());
                }
            }
            for (neuron, missing) in missing.into_iter().enumerate() {
                if f64::from(missing) > share * times.nrows() as f64 {
                    weights.column_mut(neuron).mapv_inplace(|w| w + self.value);
                    bump = Bump::WithStep;
                }
            }
        }
        bump
    }

    fn fits(spike_times: &[Array2<f64>], weights: &[Array2<f64>]) -> Result<(), Error> {
        if spike_times.len() != weights.len() {
            let (found, expected) = (vec![spike_times.len()], vec![weights.len()]);
            return Err(Error::Shape { what: "layers of spike times", found, expected });
        }
        for (times, weights) in spike_times.iter().zip(weights) {
            if times.ncols() != weights.ncols() {
                let expected = vec![times.nrows(), weights.ncols()];
                return Err(Error::Shape { what: "spike times", found: times.shape().to_vec(), expected });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    const INF: f64 = f64::INFINITY;

    fn weights() -> Vec<Array2<f64>> {
        vec![array![[0.0, 1.0], [2.0, 3.0]], array![[4.0], [5.0]]]
    }

    #[test]
    fn the_first_layer_over_its_quota_is_bumped() {
        let rule = BumpRule { value: 0.25, max_missing: vec![0.5, 0.0], ..BumpRule::default() };
        let mut state = BumpState::default();
        let mut w = weights();
        // A quarter of layer 0 is missing: within its quota. Layer 1 allows none.
        let times = [array![[1.0, INF], [1.0, 2.0]], array![[INF], [3.0]]];
        assert_eq!(rule.apply(&mut state, &times, &mut w).unwrap(), Bump::InsteadOfStep);
        assert_eq!(w, vec![array![[0.0, 1.0], [2.0, 3.0]], array![[4.25], [5.25]]]);
        // Three quarters: layer 0 comes first, and both its neurons missed some sample.
        let times = [array![[1.0, INF], [INF, INF]], array![[INF], [INF]]];
        assert_eq!(rule.apply(&mut state, &times, &mut w).unwrap(), Bump::InsteadOfStep);
        assert_eq!(w[0], array![[0.25, 1.25], [2.25, 3.25]]);
        assert_eq!(w[1], array![[4.25], [5.25]]);
    }

    #[test]
    fn a_share_equal_to_the_quota_is_allowed() {
        let rule = BumpRule { value: 1.0, max_missing: vec![0.5, 0.0], ..BumpRule::default() };
        let mut w = weights();
        let times = [array![[INF, 1.0]], array![[1.0]]];
        assert_eq!(rule.apply(&mut BumpState::default(), &times, &mut w).unwrap(), Bump::None);
        assert_eq!(w, weights());
    }

    #[test]
    fn consecutive_bumps_of_one_layer_double() {
        let rule = BumpRule { value: 1.0, max_missing: vec![0.0, 0.0], ..BumpRule::default() };
        let mut state = BumpState::default();
        let mut w = weights();
        let first = [array![[INF, 1.0]], array![[1.0]]];
        let second = [array![[1.0, 1.0]], array![[INF]]];
        let none = [array![[1.0, 1.0]], array![[1.0]]];
        let mut sizes = Vec::new();
        for times in [&first, &first, &first, &second, &second, &first, &none, &first, &first] {
            let before = w.clone();
            rule.apply(&mut state, times, &mut w).unwrap();
            let raised: f64 = (0..2).map(|k| (&w[k] - &before[k]).iter().copied().fold(0.0, f64::max)).sum();
            sizes.push(raised);
        }
        assert_eq!(sizes, [1.0, 2.0, 4.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn by_neuron_only_the_silent_ones_are_bumped_and_the_step_goes_on() {
        let rule = BumpRule { value: 0.25, max_missing: vec![0.5, 0.5], scope: BumpScope::Neuron };
        let mut w = weights();
        let times = [array![[1.0, INF], [INF, INF]], array![[INF], [INF]]];
        assert_eq!(rule.apply(&mut BumpState::default(), &times, &mut w).unwrap(), Bump::WithStep);
        assert_eq!(w, vec![array![[0.0, 1.25], [2.0, 3.25]], array![[4.25], [5.25]]]);
        let times = [array![[1.0, INF], [INF, 1.0]], array![[INF], [2.0]]];
        assert_eq!(rule.apply(&mut BumpState::default(), &times, &mut w).unwrap(), Bump::None);
    }

    #[test]
    fn a_dead_neuron_does_not_reach_infinity() {
        let rule = BumpRule { value: 5e-4, max_missing: vec![0.0, 0.0], ..BumpRule::default() };
        let mut state = BumpState::default();
        let mut w = weights();
        for _ in 0..5000 {
            rule.apply(&mut state, &[array![[INF, 1.0]], array![[1.0]]], &mut w).unwrap();
        }
        assert!(w[0].iter().all(|w| w.is_finite()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let rule = BumpRule::default();
        let mut w = weights();
        let mut state = BumpState::default();
        assert!(rule.apply(&mut state, &[array![[INF, 1.0]]], &mut w).is_err());
        assert!(rule.apply(&mut state, &[array![[INF]], array![[INF]]], &mut w).is_err());
        assert_eq!(w, weights());
        assert!(rule.check().is_ok());
        assert!(BumpRule { value: 0.0, ..BumpRule::default() }.check().is_err());
        assert!(BumpRule { max_missing: vec![1.5], ..BumpRule::default() }.check().is_err());
    }
}
