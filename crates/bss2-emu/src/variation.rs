//! Frozen variation: what makes one chip differ from another, drawn once from the chip's seed.
//!
//! Deviations are hierarchical (chip, quadrant of 128 neurons, neuron, synapse) and each is drawn at its own address, so
//! that changing one spread, or adding a parameter, leaves all others as they were. Sources of the defaults: the `CapMem`
//! codes that the calibrations of three real chips needed to reach equal targets (setups W66, 55, 63; spreads in codes, here
//! converted by the transfer of [`crate::transfer`]), and recordings of one chip for what remains after calibration.

use serde::{Deserialize, Serialize};

use crate::codes::{COLUMNS, Hemisphere, NEURONS, NeuronId, ROWS};
use crate::rng::{Purpose, Stream};
use crate::spec::ChipSpec;
use crate::spec::ranges::{Number, numbers};

/// Spreads (standard deviations) of the parameters of an uncalibrated chip.
///
/// `*_rel_std` are standard deviations of the natural logarithm (0.1: about 10 %), `*_codes_std` are in `CapMem` codes,
/// `*_lsb_std` in CADC LSB. `chip`, `quadrant`, `neuron` say what shares a draw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variation {
    /// Offset of leak and reset shared by a whole chip. Three chips: mean `v_leak` codes 667, 492, 551.
    pub v_leak_chip_codes_std: f64,
    /// Offset of leak and reset by quadrant. W66: 39 codes in all, 34-35 within a quadrant.
    pub v_leak_quadrant_codes_std: f64,
    /// Offset of leak and of reset by neuron.
    pub v_leak_neuron_codes_std: f64,
    /// Correlation of leak and reset offsets of a neuron. W66: .68.
    pub v_leak_reset_correlation: f64,
    /// Offset of the threshold by chip. Three chips: mean codes 411, 382, 415.
    pub v_threshold_chip_codes_std: f64,
    /// Offset of the threshold by quadrant.
    pub v_threshold_quadrant_codes_std: f64,
    /// Offset of the threshold by neuron. W66: 20 codes in all, 14-16 within a quadrant.
    pub v_threshold_neuron_codes_std: f64,
    /// Slope of the voltage cells by neuron (a guess: no source).
    pub v_slope_rel_std: f64,
    /// Leak conductance by chip. Three chips: mean codes 164, 147, 152.
    pub tau_mem_chip_rel_std: f64,
    /// Leak conductance by neuron. Codes spread by 13-15 %.
    pub tau_mem_neuron_rel_std: f64,
    /// Synaptic time constants by chip. Three chips: mean codes 82, 137, 141.
    pub tau_syn_chip_rel_std: f64,
    /// Synaptic time constants by neuron, excitatory and inhibitory nearly independent. Codes spread by 20-23 %.
    pub tau_syn_neuron_rel_std: f64,
    /// Correlation of the excitatory and inhibitory time constants of a neuron. W66: .13.
    pub tau_syn_correlation: f64,
    /// Synaptic strength by chip (5 %: a guess of the authors of the recordings' analysis).
    pub gain_chip_rel_std: f64,
    /// Synaptic strength by quadrant, both signs together. Codes: 10-25 % between quadrants.
    pub gain_quadrant_rel_std: f64,
    /// Synaptic strength by neuron, both signs together. Codes: 6 % within a quadrant with the next line.
    pub gain_neuron_rel_std: f64,
    /// Synaptic strength by neuron, each sign on its own.
    pub gain_sign_rel_std: f64,
    /// Code that nulls the offset of a synaptic input. W66: 315 +- 124.
    pub shift_codes_std: f64,
    /// Strength of one synapse. Recordings: 5-10 % at most.
    pub synapse_weight_rel_std: f64,
    /// Offset of a CADC channel before calibration. Bound asserted by calix: below 20 LSB.
    pub cadc_offset_lsb_std: f64,
    /// Error of a written `CapMem` cell (see [`crate::capmem`]). Silicon: "a few LSB"; calix spreads its start values by 5.
    pub capmem_write_codes_std: f64,
}

impl Variation {
    /// An uncalibrated chip as observed.
    pub const BSS2: Self = Self {
        v_leak_chip_codes_std: 60.0,
        v_leak_quadrant_codes_std: 17.0,
        v_leak_neuron_codes_std: 34.0,
        v_leak_reset_correlation: 0.68,
        v_threshold_chip_codes_std: 14.0,
        v_threshold_quadrant_codes_std: 10.0,
        v_threshold_neuron_codes_std: 15.0,
        v_slope_rel_std: 0.01,
        tau_mem_chip_rel_std: 0.05,
        tau_mem_neuron_rel_std: 0.13,
        tau_syn_chip_rel_std: 0.2,
        tau_syn_neuron_rel_std: 0.21,
        tau_syn_correlation: 0.13,
        gain_chip_rel_std: 0.05,
        gain_quadrant_rel_std: 0.12,
        gain_neuron_rel_std: 0.045,
        gain_sign_rel_std: 0.04,
        shift_codes_std: 124.0,
        synapse_weight_rel_std: 0.05,
        cadc_offset_lsb_std: 6.0,
        capmem_write_codes_std: 4.0,
    };

    /// What no calibration of neurons touches: their synapses. For chips that are set directly.
    pub const CALIBRATED: Self = Self { synapse_weight_rel_std: Self::BSS2.synapse_weight_rel_std, ..Self::IDEAL };

    /// Every neuron and synapse equal.
    pub const IDEAL: Self = Self {
        v_leak_chip_codes_std: 0.0,
        v_leak_quadrant_codes_std: 0.0,
        v_leak_neuron_codes_std: 0.0,
        v_leak_reset_correlation: 0.0,
        v_threshold_chip_codes_std: 0.0,
        v_threshold_quadrant_codes_std: 0.0,
        v_threshold_neuron_codes_std: 0.0,
        v_slope_rel_std: 0.0,
        tau_mem_chip_rel_std: 0.0,
        tau_mem_neuron_rel_std: 0.0,
        tau_syn_chip_rel_std: 0.0,
        tau_syn_neuron_rel_std: 0.0,
        tau_syn_correlation: 0.0,
        gain_chip_rel_std: 0.0,
        gain_quadrant_rel_std: 0.0,
        gain_neuron_rel_std: 0.0,
        gain_sign_rel_std: 0.0,
        shift_codes_std: 0.0,
        synapse_weight_rel_std: 0.0,
        cadc_offset_lsb_std: 0.0,
        capmem_write_codes_std: 0.0,
    };

    /// Keys, values and ranges.
    pub(crate) fn numbers(&self) -> [Number; 21] {
        numbers!(
            self,
            Variation {
                v_leak_chip_codes_std: 0.0..=1000.0,
                v_leak_quadrant_codes_std: 0.0..=1000.0,
                v_leak_neuron_codes_std: 0.0..=1000.0,
                v_leak_reset_correlation: 0.0..=1.0,
                v_threshold_chip_codes_std: 0.0..=1000.0,
                v_threshold_quadrant_codes_std: 0.0..=1000.0,
                v_threshold_neuron_codes_std: 0.0..=1000.0,
                v_slope_rel_std: 0.0..=2.0,
                tau_mem_chip_rel_std: 0.0..=2.0,
                tau_mem_neuron_rel_std: 0.0..=2.0,
                tau_syn_chip_rel_std: 0.0..=2.0,
                tau_syn_neuron_rel_std: 0.0..=2.0,
                tau_syn_correlation: 0.0..=1.0,
                gain_chip_rel_std: 0.0..=2.0,
                gain_quadrant_rel_std: 0.0..=2.0,
                gain_neuron_rel_std: 0.0..=2.0,
                gain_sign_rel_std: 0.0..=2.0,
                shift_codes_std: 0.0..=1000.0,
                synapse_weight_rel_std: 0.0..=2.0,
                cadc_offset_lsb_std: 0.0..=1000.0,
                capmem_write_codes_std: 0.0..=1000.0,
            }
        )
    }
}

impl Default for Variation {
    fn default() -> Self {
        Self::BSS2
    }
}

/// Deviations of one neuron circuit from the nominal transfer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeuronDeviation {
    /// Offsets of the voltage cells in codes: leak, reset, threshold.
    pub v_offset_codes: [f64; 3],
    /// Factors on the slopes of the voltage cells: leak, reset, threshold.
    pub v_slope: [f64; 3],
    /// Factor on the leak conductance.
    pub leak: f64,
    /// Factor on the synaptic time constants: excitatory, inhibitory.
    pub tau_syn: [f64; 2],
    /// Factor on the synaptic strength: excitatory, inhibitory.
    pub gain: [f64; 2],
    /// Deviation of the nulling code of the synaptic inputs: excitatory, inhibitory.
    pub shift_codes: [f64; 2],
    /// Offset of the neuron's CADC channel in LSB.
    pub cadc_offset_lsb: f64,
}

/// All deviations of a chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviations {
    /// One per neuron.
    pub neurons: Vec<NeuronDeviation>,
    /// Factor on each synapse: `[hemisphere][row * 256 + column]`.
    pub synapses: [Vec<f32>; 2],
    /// Error of an on-chip delay in us, by the index of the neuron whose circuit makes it.
    pub delay_pair_us: Vec<f64>,
}

/// Address component: which parameter a draw is for. Part of the contract; numbers never change.
#[derive(Clone, Copy)]
enum Parameter {
    LeakOffset = 0,
    ResetOffset = 1,
    ThresholdOffset = 2,
    LeakSlope = 3,
    ResetSlope = 4,
    ThresholdSlope = 5,
    Leak = 6,
    TauExc = 7,
    TauInh = 8,
    Gain = 9,
    GainExc = 10,
    GainInh = 11,
    ShiftExc = 12,
    ShiftInh = 13,
    CadcOffset = 14,
    TauSyn = 15,
}

/// Address component: what shares a draw.
#[derive(Clone, Copy)]
enum Level {
    Chip = 0,
    Quadrant = 1,
    Neuron = 2,
}

struct Source(u64);

impl Source {
    fn normal(&self, parameter: Parameter, level: Level, index: usize) -> f64 {
        Stream::new(self.0, Purpose::Variation, [parameter as u32, level as u32, index as u32]).normal()
    }
}

impl Deviations {
    /// Draws the deviations of the chip that a description stands for.
    pub fn draw(spec: &ChipSpec) -> Self {
        let ChipSpec { seed, variation: spread, residual, .. } = spec;
        let seed = *seed;
        let source = Source(seed);
        let neurons = NeuronId::all().map(|neuron| draw_neuron(&source, spread, neuron)).collect();
        let synapses = Hemisphere::BOTH.map(|hemisphere| {
            (0..ROWS)
                .flat_map(|row| {
                    let mut stream =
                        Stream::new(seed, Purpose::SynapseVariation, [hemisphere.index() as u32, row as u32, 0]);
                    (0..COLUMNS).map(move |_| libm::exp(spread.synapse_weight_rel_std * stream.normal()) as f32)
                })
                .collect()
        });
        debug_assert_eq!(NEURONS, 512);
        Self { neurons, synapses, delay_pair_us: residual.draw_delay_pairs(seed) }
    }
}

fn draw_neuron(source: &Source, spread: &Variation, neuron: NeuronId) -> NeuronDeviation {
    use Level::{Chip, Neuron, Quadrant};
    use Parameter as P;
    let (n, q) = (neuron.index(), neuron.quadrant());
    let own = |p| source.normal(p, Neuron, n);
    let quadrant = |p| source.normal(p, Quadrant, q);
    let chip = |p| source.normal(p, Chip, 0);
    let factor = |log: f64| libm::exp(log);

    // Leak and reset share the amplifier's offset in part: chip and quadrant wholly, neuron by the correlation.
    let shared =
        spread.v_leak_chip_codes_std * chip(P::LeakOffset) + spread.v_leak_quadrant_codes_std * quadrant(P::LeakOffset);
    let leak_own = own(P::LeakOffset);
    let r = within_neuron_correlation(spread);
    let reset_own = r * leak_own + libm::sqrt(1.0 - r * r) * own(P::ResetOffset);
    let threshold = spread.v_threshold_chip_codes_std * chip(P::ThresholdOffset)
        + spread.v_threshold_quadrant_codes_std * quadrant(P::ThresholdOffset)
        + spread.v_threshold_neuron_codes_std * own(P::ThresholdOffset);

    let tau_common = spread.tau_syn_chip_rel_std * chip(P::TauSyn);
    let c = spread.tau_syn_correlation;
    let tau_exc = own(P::TauExc);
    let tau_inh = c * tau_exc + libm::sqrt(1.0 - c * c) * own(P::TauInh);

    let gain_common = spread.gain_chip_rel_std * chip(P::Gain)
        + spread.gain_quadrant_rel_std * quadrant(P::Gain)
        + spread.gain_neuron_rel_std * own(P::Gain);

    NeuronDeviation {
        v_offset_codes: [
            shared + spread.v_leak_neuron_codes_std * leak_own,
            shared + spread.v_leak_neuron_codes_std * reset_own,
            threshold,
        ],
        v_slope: [P::LeakSlope, P::ResetSlope, P::ThresholdSlope].map(|p| factor(spread.v_slope_rel_std * own(p))),
        leak: factor(spread.tau_mem_chip_rel_std * chip(P::Leak) + spread.tau_mem_neuron_rel_std * own(P::Leak)),
        tau_syn: [tau_exc, tau_inh].map(|z| factor(tau_common + spread.tau_syn_neuron_rel_std * z)),
        gain: [P::GainExc, P::GainInh].map(|p| factor(gain_common + spread.gain_sign_rel_std * own(p))),
        shift_codes: [P::ShiftExc, P::ShiftInh].map(|p| spread.shift_codes_std * own(p)),
        cadc_offset_lsb: spread.cadc_offset_lsb_std * own(P::CadcOffset),
    }
}

/// The correlation that the neurons' own parts must have so that, with the shared quadrant part, the whole has the
/// correlation asked for.
fn within_neuron_correlation(spread: &Variation) -> f64 {
    let own = spread.v_leak_neuron_codes_std * spread.v_leak_neuron_codes_std;
    let quadrant = spread.v_leak_quadrant_codes_std * spread.v_leak_quadrant_codes_std;
    if own == 0.0 {
        return 0.0;
    }
    ((spread.v_leak_reset_correlation * (own + quadrant) - quadrant) / own).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Preset;

    fn drawn(seed: u64, variation: Variation) -> Deviations {
        Deviations::draw(&ChipSpec { variation, ..ChipSpec::new(Preset::Bss2, seed) })
    }

    fn bss2(seed: u64) -> Deviations {
        drawn(seed, Variation::BSS2)
    }

    fn correlation(a: &[f64], b: &[f64]) -> f64 {
        let n = a.len() as f64;
        let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
        let cov: f64 = a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum();
        let var = |v: &[f64], m: f64| v.iter().map(|x| (x - m) * (x - m)).sum::<f64>();
        cov / (var(a, ma) * var(b, mb)).sqrt()
    }

    #[test]
    fn same_seed_same_chip_other_seed_other_chip() {
        let a = bss2(1);
        assert_eq!(a, bss2(1));
        assert_ne!(a, bss2(2));
    }

    #[test]
    fn changing_one_spread_leaves_the_other_draws_alone() {
        let a = bss2(1);
        let b = drawn(1, Variation { tau_mem_neuron_rel_std: 0.5, ..Variation::BSS2 });
        for (x, y) in a.neurons.iter().zip(&b.neurons) {
            assert_ne!(x.leak, y.leak);
            assert_eq!(NeuronDeviation { leak: 0.0, ..*x }, NeuronDeviation { leak: 0.0, ..*y });
        }
        assert_eq!(a.synapses, b.synapses);
    }

    #[test]
    fn an_ideal_chip_has_no_deviations() {
        let chip = drawn(5, Variation::IDEAL);
        assert!(chip.neurons.iter().all(|n| n.gain == [1.0, 1.0] && n.v_offset_codes == [0.0; 3]));
        assert!(chip.synapses.iter().flatten().all(|&w| w == 1.0));
    }

    /// Pooled over 10 chips: 5120 neurons; bounds are about four standard errors plus the effect of 40 quadrants.
    #[test]
    fn spreads_are_those_asked_for() {
        let chips: Vec<_> = (0..10).map(bss2).collect();
        let mut spread_leak = 0.0;
        let mut corr = 0.0;
        let mut taus = 0.0;
        for chip in &chips {
            let leak: Vec<f64> = chip.neurons.iter().map(|n| n.v_offset_codes[0]).collect();
            let reset: Vec<f64> = chip.neurons.iter().map(|n| n.v_offset_codes[1]).collect();
            let mean = leak.iter().sum::<f64>() / 512.0;
            spread_leak += (leak.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 512.0).sqrt() / 10.0;
            corr += correlation(&leak, &reset) / 10.0;
            let (e, i): (Vec<f64>, Vec<f64>) =
                chip.neurons.iter().map(|n| (n.tau_syn[0].ln(), n.tau_syn[1].ln())).unzip();
            taus += correlation(&e, &i) / 10.0;
        }
        assert!((spread_leak - 37.0).abs() < 4.0, "{spread_leak}");
        assert!((corr - 0.68).abs() < 0.08, "{corr}");
        assert!((taus - 0.13).abs() < 0.06, "{taus}");
    }
}
