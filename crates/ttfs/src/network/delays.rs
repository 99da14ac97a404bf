//! Delays of spikes, and the parameters behind them.

use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::{Error, error, scaling::Scaling};

/// Longest delay that makes sense, in `tau_syn`.
const LONGEST: f64 = 1000.0;

/// What a delay belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DelayKind {
    /// There are none.
    #[default]
    None,
    /// A source: all its spikes are late by as much.
    Axonal,
    /// A neuron: all spikes that it receives are late by as much.
    Dendritic,
    /// A pair of source and neuron.
    Synaptic,
}

impl DelayKind {
    /// Shape of the parameters of a layer; `rows` of them for its sources if delays are axonal.
    pub(super) fn shape(self, rows: usize, sources: usize, neurons: usize) -> (usize, usize) {
        match self {
            Self::None => (0, 0),
            Self::Axonal => (rows, 1),
            Self::Dendritic => (1, neurons),
            Self::Synaptic => (sources, neurons),
        }
    }
}

/// How the delays of a network begin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelaySettings {
    /// What delays belong to.
    pub kind: DelayKind,
    /// Shortest delay, in `tau_syn`.
    pub shift: f64,
    /// Longest minus shortest delay.
    pub scale: f64,
    /// Standard deviation of the initial parameters, whose mean is 0.
    pub initial_std: f64,
}

impl DelaySettings {
    /// Range of the published simulations, without delays until `kind` is set.
    pub const SIMULATION: Self = Self { kind: DelayKind::None, shift: 0.0, scale: 1.0, initial_std: 0.25 };
    /// Range of the published experiment on `BrainScaleS-2`, 12 to 21 us: delay pairs cannot do less than 8.25 us.
    pub const HARDWARE: Self = Self { kind: DelayKind::None, shift: 2.0, scale: 1.5, initial_std: 0.5 };

    /// Accepts a shortest delay that is not negative, a positive range, and a spread of at most 100.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the field.
    pub fn check(&self) -> Result<(), Error> {
        DelayRange { kind: self.kind, shift: self.shift, scale: self.scale }.check()?;
        error::within("delay_initial_std", self.initial_std, 0.0, 100.0)
    }
}

/// Kind and range of the delays of a layer.
///
/// ```text
/// d(p) = shift + scale/(1 + e^-p)       dd/dp = (d - shift) (1 - (d - shift)/scale)
/// ```
/// Every real `p` is a delay between `shift` and `shift + scale`: positive without a limit that training could run into.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelayRange {
    /// What delays belong to.
    pub kind: DelayKind,
    /// Shortest delay, in `tau_syn`.
    pub shift: f64,
    /// Longest minus shortest delay.
    pub scale: f64,
}

impl Default for DelayRange {
    fn default() -> Self {
        let DelaySettings { kind, shift, scale, .. } = DelaySettings::SIMULATION;
        Self { kind, shift, scale }
    }
}

/// Delays of the spikes that come into a layer, in `tau_syn`.
#[derive(Debug, Clone, PartialEq)]
pub enum Delays {
    /// None.
    None,
    /// Of each source, `(n_sources)`.
    Axonal(Array1<f64>),
    /// Of each neuron, `(n_neurons)`.
    Dendritic(Array1<f64>),
    /// Of each pair, `(n_sources, n_neurons)`.
    Synaptic(Array2<f64>),
}

impl DelayRange {
    /// Accepts a shortest delay that is not negative and a positive range.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the field.
    pub fn check(&self) -> Result<(), Error> {
        error::within("delay_shift", self.shift, 0.0, LONGEST)?;
        error::within("delay_scale", self.scale, 1e-9, LONGEST)
    }

    /// The delay of a parameter.
    pub fn delay(&self, p: f64) -> f64 {
        self.shift + self.scale * sigmoid(p)
    }

    /// Derivative of the delay by its parameter.
    pub fn slope(&self, p: f64) -> f64 {
        self.scale * sigmoid(p) * sigmoid(-p)
    }

    /// The delays of a layer, on the grid of the chip if there is one.
    pub(super) fn delays(&self, parameters: &Array2<f64>, n_sources: usize, grid: Option<&Scaling>) -> Delays {
        let delays = parameters.mapv(|p| match grid {
            Some(scaling) => scaling.rounded_delay(self.delay(p)),
            None => self.delay(p),
        });
        match self.kind {
            DelayKind::None => Delays::None,
            DelayKind::Axonal => Delays::Axonal(delays.iter().copied().cycle().take(n_sources).collect()),
            DelayKind::Dendritic => Delays::Dendritic(delays.iter().copied().collect()),
            DelayKind::Synaptic => Delays::Synaptic(delays),
        }
    }

    /// Gradient by the parameters from the gradient by the delays: `by_delays` is `(n_sources, 1)` for axonal delays, else it
    /// has the shape of the parameters.
    pub fn by_parameters(&self, parameters: &Array2<f64>, by_delays: &Array2<f64>) -> Array2<f64> {
        let mut gradient = Array2::zeros(parameters.dim());
        for (source, by_delays) in by_delays.axis_iter(Axis(0)).enumerate() {
            // Copies of a source add up in the row that they share.
            let mut row = gradient.row_mut(source % parameters.nrows().max(1));
            row += &by_delays;
        }
        gradient.zip_mut_with(parameters, |gradient, &p| *gradient *= self.slope(p));
        gradient
    }
}

impl Delays {
    /// Zeros for the gradient by these delays: axonal `(n_sources, 1)`, dendritic `(1, n_neurons)`, synaptic
    /// `(n_sources, n_neurons)`, none `(0, 0)`.
    pub fn zeros(&self) -> Array2<f64> {
        Array2::zeros(match self {
            Self::None => (0, 0),
            Self::Axonal(delays) => (delays.len(), 1),
            Self::Dendritic(delays) => (1, delays.len()),
            Self::Synaptic(delays) => delays.dim(),
        })
    }
}

fn sigmoid(p: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-p))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn delays_stay_in_their_range_and_their_slope_is_the_derivative() {
        let range = DelayRange { kind: DelayKind::Axonal, shift: 2.0, scale: 1.5 };
        for p in [-800.0, -3.0, -0.1, 0.0, 2.0, 40.0, 800.0] {
            assert!((2.0..=3.5).contains(&range.delay(p)));
            let difference = (range.delay(p + 1e-5) - range.delay(p - 1e-5)) / 2e-5;
            assert!((difference - range.slope(p)).abs() < 1e-9, "{p}");
        }
        assert_eq!(range.delay(0.0), 2.75);
    }

    #[test]
    fn gradients_of_shared_delays_add_up() {
        let range = DelayRange { kind: DelayKind::Axonal, shift: 0.0, scale: 4.0 };
        let gradient = range.by_parameters(&array![[0.0], [0.0]], &array![[1.0], [10.0], [2.0], [20.0]]);
        assert_eq!(gradient, array![[3.0], [30.0]]);
    }

    #[test]
    fn settings_without_meaning_are_refused() {
        assert!(DelaySettings::HARDWARE.check().is_ok() && DelaySettings::SIMULATION.check().is_ok());
        assert!(DelaySettings { shift: -0.1, ..DelaySettings::HARDWARE }.check().is_err());
        assert!(DelaySettings { scale: 0.0, ..DelaySettings::HARDWARE }.check().is_err());
        assert!(DelaySettings { initial_std: f64::NAN, ..DelaySettings::HARDWARE }.check().is_err());
    }
}
