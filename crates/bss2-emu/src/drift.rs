//! Slow drift: how far the analog parameters of a chip have wandered since it was calibrated.
//!
//! Every neuron walks at random on its own: its distance from where it was grows as the square root of the time. A chip after
//! two hours stands on the path that it was on after one, whatever else is computed in between. Drift is not part of a chip's
//! identity: a calibration stays valid for the drifted chip, only worse.
//!
//! All sizes are guesses. No drift over hours or days is published; that real chips are calibrated anew every night says that a
//! day's drift is about what a calibration leaves behind (2-3 %), and the defaults are chosen so.

use serde::{Deserialize, Serialize};

use crate::codes::NeuronId;
use crate::residual::NeuronResidual;
use crate::rng::{Key, Purpose};
use crate::spec::ranges::{Number, numbers};

/// How long ago the chip was calibrated, and how fast its neurons drift.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drift {
    /// Hours since the calibration.
    pub hours: f64,
    /// Standard deviation of leak, reset and threshold after one hour, each on its own, in LSB (a guess).
    pub potential_lsb_per_sqrt_hour: f64,
    /// The same of each time constant, relative (a guess).
    pub tau_rel_per_sqrt_hour: f64,
    /// The same of each synaptic strength, relative (a guess).
    pub gain_rel_per_sqrt_hour: f64,
}

impl Drift {
    /// A chip that was calibrated just now.
    pub const NONE: Self = Self {
        hours: 0.0,
        potential_lsb_per_sqrt_hour: 0.3,
        tau_rel_per_sqrt_hour: 0.005,
        gain_rel_per_sqrt_hour: 0.005,
    };

    /// Keys, values and ranges.
    pub(crate) fn numbers(&self) -> [Number; 4] {
        numbers!(
            self,
            Drift {
                hours: 0.0..=100_000.0,
                potential_lsb_per_sqrt_hour: 0.0..=100.0,
                tau_rel_per_sqrt_hour: 0.0..=1.0,
                gain_rel_per_sqrt_hour: 0.0..=1.0,
            }
        )
    }

    /// How far a neuron of the chip with this seed has wandered.
    pub fn of(&self, seed: u64, neuron: NeuronId) -> NeuronResidual {
        if self.hours == 0.0 {
            return NeuronResidual::NONE;
        }
        let key = Key::new(seed, Purpose::Drift);
        let walk = |parameter: Parameter| walk(key, parameter as u32 * ADDRESSES + neuron.index() as u32, self.hours);
        let potential = |parameter| self.potential_lsb_per_sqrt_hour * walk(parameter);
        let tau = |parameter| libm::exp(self.tau_rel_per_sqrt_hour * walk(parameter));
        let gain = |parameter| libm::exp(self.gain_rel_per_sqrt_hour * walk(parameter));
        NeuronResidual {
            v_leak_lsb: potential(Parameter::Leak),
            v_reset_lsb: potential(Parameter::Reset),
            v_threshold_lsb: potential(Parameter::Threshold),
            tau_mem: tau(Parameter::TauMem),
            tau_syn_exc: tau(Parameter::TauExc),
            tau_syn_inh: tau(Parameter::TauInh),
            gain_exc: gain(Parameter::GainExc),
            gain_inh: gain(Parameter::GainInh),
            cadc_offset_lsb: 0.0,
        }
    }
}

impl Default for Drift {
    fn default() -> Self {
        Self::NONE
    }
}

/// Address component: which parameter walks. Part of the contract; numbers never change.
#[derive(Clone, Copy)]
enum Parameter {
    Leak = 0,
    Reset = 1,
    Threshold = 2,
    TauMem = 3,
    TauExc = 4,
    TauInh = 5,
    GainExc = 6,
    GainInh = 7,
}

/// Neurons that the addresses have room for.
const ADDRESSES: u32 = 1 << 16;
/// End of the walks in hours: a power of two beyond the longest drift.
const HORIZON_HOURS: f64 = 131_072.0;
/// Halvings of the horizon, down to 3.5 s; in between the walk is straight.
const HALVINGS: u32 = 27;

/// Position at a time of the random walk (a Wiener process, variance 1 per hour) at an address.
///
/// The walk is built from its end by halving (Lévy's construction): given both ends of an interval of length `h`, the middle is
/// their mean plus a draw of variance `h / 4`. So any time can be asked for, at the cost of one draw per halving, and all answers
/// lie on one path.
fn walk(key: Key, address: u32, hours: f64) -> f64 {
    let draw = |level: u32, interval: u32| key.stream([address, level, interval]).normal();
    let (mut start, mut length) = (0.0, HORIZON_HOURS);
    let (mut at_start, mut at_end) = (0.0, libm::sqrt(HORIZON_HOURS) * draw(0, 0));
    let mut interval = 0;
    for level in 1..=HALVINGS {
        let middle = 0.5 * (at_start + at_end) + 0.5 * libm::sqrt(length) * draw(level, interval);
        length *= 0.5;
        interval *= 2;
        if hours < start + length {
            at_end = middle;
        } else {
            at_start = middle;
            start += length;
            interval += 1;
        }
    }
    at_start + (at_end - at_start) * (hours - start) / length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::NEURONS;
    use crate::spec::{ChipSpec, Preset};
    use crate::{Chip, Device};

    fn positions(hours: f64) -> Vec<f64> {
        let key = Key::new(1, Purpose::Drift);
        (0..2000).map(|address| walk(key, address, hours)).collect()
    }

    fn mean_product(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() / a.len() as f64
    }

    /// 2000 walks: a variance has a standard error of 3.2 %, a covariance of two independent steps 2.2 %.
    #[test]
    fn walks_have_the_covariance_of_a_wiener_process() {
        let (one, two, ten) = (positions(1.0), positions(2.0), positions(10.0));
        assert!((mean_product(&one, &one) - 1.0).abs() < 0.13, "{}", mean_product(&one, &one));
        assert!((mean_product(&ten, &ten) / 10.0 - 1.0).abs() < 0.13);
        let step: Vec<f64> = two.iter().zip(&one).map(|(b, a)| b - a).collect();
        assert!((mean_product(&step, &step) - 1.0).abs() < 0.13);
        assert!(mean_product(&step, &one).abs() < 0.09);
    }

    #[test]
    fn the_path_is_continuous_and_starts_at_zero() {
        let (before, after) = (positions(4096.0 - 1e-4), positions(4096.0));
        // Straight over 3.5 s: a step of a tenth of that is at most a few thousandths.
        assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 0.02));
        assert!(positions(1e-9).iter().all(|x| x.abs() < 1e-5));
        assert_eq!(Drift::NONE.of(1, NeuronId::new(3).unwrap()), NeuronResidual::NONE);
    }

    /// After 25 hours 1.5 LSB and 2.5 %: standard errors of 512 neurons 3 %, bounds four times that.
    #[test]
    fn chips_of_both_kinds_drift_and_keep_their_identity() {
        for preset in [Preset::Bss2, Preset::Bss2Calibrated] {
            let fresh = ChipSpec::new(preset, 2);
            let drifted = ChipSpec { drift: Drift { hours: 25.0, ..Drift::NONE }, ..fresh };
            assert_eq!(fresh.identity(), drifted.identity());
            let neurons = |spec| {
                let mut chip = Chip::draw(spec);
                if preset == Preset::Bss2Calibrated {
                    let set = crate::NeuronSetting::Direct(vec![crate::NeuronParameters::default(); NEURONS]);
                    chip.configure(&set).unwrap();
                }
                chip.reveal().neurons
            };
            let (before, after) = (neurons(&fresh), neurons(&drifted));
            let rms = |change: &dyn Fn(usize) -> f64| {
                libm::sqrt((0..NEURONS).map(|n| change(n) * change(n)).sum::<f64>() / NEURONS as f64)
            };
            let leak = rms(&|n| after[n].v_leak_lsb - before[n].v_leak_lsb);
            let gain = rms(&|n| libm::log(after[n].gain_inh / before[n].gain_inh));
            assert!((leak / 1.5 - 1.0).abs() < 0.125, "{leak}");
            assert!((gain / 0.025 - 1.0).abs() < 0.125, "{gain}");
        }
    }
}
