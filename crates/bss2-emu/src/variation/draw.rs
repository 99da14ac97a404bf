//! The draws: one set of deviations per chip.

use crate::codes::{COLUMNS, Hemisphere, NeuronId, QUADRANTS, ROWS, WeightCode};
use crate::failures::NeuronFailure;
use crate::rng::{Purpose, Stream};
use crate::spec::ChipSpec;
use crate::transfer::{ExtensionDeviation, LSB_PER_CODE};
use crate::variation::Variation;

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
    /// Those of adaptation, exponential term and reversal potentials.
    pub extension: ExtensionDeviation,
}

/// All deviations of a chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviations {
    /// One per neuron.
    pub neurons: Vec<NeuronDeviation>,
    /// CADC ramps of the quadrants.
    pub ramps: [RampDeviation; QUADRANTS],
    /// What is wrong with each neuron.
    pub failures: Vec<NeuronFailure>,
    /// Those of the synapses.
    pub synapses: SynapseDeviations,
    /// Error of an on-chip delay in us, by the index of the neuron whose circuit makes it.
    pub delay_pair_us: Vec<f64>,
}

/// What the CADC ramp of a quadrant adds to all reads of its channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RampDeviation {
    /// Added to the reads, in LSB.
    pub offset_lsb: f64,
    /// Factor on the reads.
    pub slope: f64,
}

/// Deviations of the synapses, by hemisphere and `row * 256 + column`.
#[derive(Debug, Clone, PartialEq)]
pub struct SynapseDeviations {
    /// Factor on each synapse.
    pub factors: [Vec<f32>; 2],
    /// Synapses that conduct as with the largest weight, whatever is written to them.
    pub stuck: [Vec<bool>; 2],
}

impl SynapseDeviations {
    /// What a synapse (hemisphere 0 top, 1 bottom) conducts, in units of weight codes, when `code` is written to it.
    pub fn strength(&self, hemisphere: usize, synapse: usize, code: u8) -> f64 {
        let code = if self.stuck[hemisphere][synapse] { WeightCode::MAX.get() } else { code };
        f64::from(code) * f64::from(self.factors[hemisphere][synapse])
    }
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
    Voltage = 16,
    Bias = 17,
    RampOffset = 18,
    RampSlope = 19,
    /// One index for each neuron and cell.
    ExtensionVoltage = 20,
    /// One index for each neuron and cell.
    ExtensionBias = 21,
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
        let seed = spec.seed;
        let source = Source(seed);
        let mut synapses = SynapseDeviations {
            factors: Hemisphere::BOTH.map(|hemisphere| draw_array(seed, &spec.variation, hemisphere)),
            stuck: [Vec::new(), Vec::new()],
        };
        for (k, hemisphere) in Hemisphere::BOTH.into_iter().enumerate() {
            synapses.stuck[k] = spec.failures.draw_array(seed, hemisphere, &mut synapses.factors[k]);
        }
        Self {
            neurons: NeuronId::all().map(|neuron| draw_neuron(&source, &spec.variation, neuron)).collect(),
            ramps: std::array::from_fn(|q| draw_ramp(&source, &spec.variation, q)),
            failures: NeuronId::all().map(|neuron| spec.failures.draw_neuron(seed, neuron)).collect(),
            synapses,
            delay_pair_us: spec.residual.draw_delay_pairs(seed),
        }
    }
}

fn draw_ramp(source: &Source, spread: &Variation, quadrant: usize) -> RampDeviation {
    let draw = |parameter| source.normal(parameter, Level::Quadrant, quadrant);
    RampDeviation {
        offset_lsb: spread.cadc_ramp_offset_lsb_std * draw(Parameter::RampOffset),
        slope: libm::exp(spread.cadc_ramp_slope_rel_std * draw(Parameter::RampSlope)),
    }
}

/// Factors on the synapses of an array.
fn draw_array(seed: u64, spread: &Variation, hemisphere: Hemisphere) -> Vec<f32> {
    let of_row = |row: usize| {
        let mut stream = Stream::new(seed, Purpose::SynapseVariation, [hemisphere.index() as u32, row as u32, 0]);
        (0..COLUMNS).map(move |_| libm::exp(spread.synapse_weight_rel_std * stream.normal()) as f32)
    };
    (0..ROWS).flat_map(of_row).collect()
}

fn draw_neuron(source: &Source, spread: &Variation, neuron: NeuronId) -> NeuronDeviation {
    use Level::{Chip, Neuron, Quadrant};
    use Parameter as P;
    let (n, q) = (neuron.index(), neuron.quadrant());
    let own = |p| source.normal(p, Neuron, n);
    let quadrant = |p| source.normal(p, Quadrant, q);
    let chip = |p| source.normal(p, Chip, 0);
    let factor = |log: f64| libm::exp(log);

    // A quadrant's references: more bias current goes with potentials that need higher codes.
    let bias_draw = quadrant(P::Bias);
    let bias = spread.bias_quadrant_rel_std * bias_draw;
    let reference = correlated(spread.bias_voltage_correlation, bias_draw, quadrant(P::Voltage));
    let voltage_lsb = spread.v_quadrant_lsb_std * reference + spread.v_neuron_lsb_std * own(P::Voltage);

    let leak_chip = spread.v_leak_chip_codes_std * chip(P::LeakOffset);
    let leak_own = own(P::LeakOffset);
    let reset_own = correlated(spread.v_leak_reset_correlation, leak_own, own(P::ResetOffset));
    let own_codes = [
        leak_chip + spread.v_leak_neuron_codes_std * leak_own,
        leak_chip + spread.v_leak_neuron_codes_std * reset_own,
        spread.v_threshold_chip_codes_std * chip(P::ThresholdOffset)
            + spread.v_threshold_neuron_codes_std * own(P::ThresholdOffset),
    ];
    let conductance = correlated(spread.tau_mem_leak_correlation, leak_own, own(P::Leak));

    let tau_common = spread.tau_syn_chip_rel_std * chip(P::TauSyn) - bias;
    let tau_exc = own(P::TauExc);
    let tau_inh = correlated(spread.tau_syn_correlation, tau_exc, own(P::TauInh));

    let gain_common = spread.gain_chip_rel_std * chip(P::Gain)
        + spread.gain_quadrant_rel_std * quadrant(P::Gain)
        + spread.gain_neuron_rel_std * own(P::Gain)
        + bias;

    NeuronDeviation {
        v_offset_codes: std::array::from_fn(|k| own_codes[k] + voltage_lsb / LSB_PER_CODE[k]),
        v_slope: [P::LeakSlope, P::ResetSlope, P::ThresholdSlope].map(|p| factor(spread.v_slope_rel_std * own(p))),
        leak: factor(spread.tau_mem_chip_rel_std * chip(P::Leak) + spread.tau_mem_neuron_rel_std * conductance + bias),
        tau_syn: [tau_exc, tau_inh].map(|z| factor(tau_common + spread.tau_syn_neuron_rel_std * z)),
        gain: [P::GainExc, P::GainInh].map(|p| factor(gain_common + spread.gain_sign_rel_std * own(p))),
        shift_codes: [P::ShiftExc, P::ShiftInh].map(|p| spread.shift_codes_std * skewed(own(p))),
        cadc_offset_lsb: spread.cadc_offset_lsb_std * own(P::CadcOffset),
        extension: ExtensionDeviation {
            common_lsb: voltage_lsb,
            v_offset_codes: std::array::from_fn(|k| {
                spread.extension_codes_std * source.normal(P::ExtensionVoltage, Neuron, cell_of(neuron, k))
            }),
            bias: std::array::from_fn(|k| {
                let own = source.normal(P::ExtensionBias, Neuron, cell_of(neuron, k));
                factor(spread.extension_bias_rel_std * own + bias)
            }),
        },
    }
}

/// Address of a cell of a neuron among those of its kind.
fn cell_of(neuron: NeuronId, cell: usize) -> usize {
    const MOST_CELLS: usize = 16;
    neuron.index() * MOST_CELLS + cell
}

/// A standard normal draw that correlates with another one.
fn correlated(correlation: f64, with: f64, own: f64) -> f64 {
    correlation * with + libm::sqrt(1.0 - correlation * correlation) * own
}

/// A standard normal draw as one of zero mean, unit variance and a skewness of .78: a shifted log-normal distribution. The
/// nulling codes of three real chips have skewnesses of .7-.9 and lie within -2.3 and +4.7 standard deviations.
fn skewed(normal: f64) -> f64 {
    const SHAPE: f64 = 0.25;
    let mean = libm::exp(SHAPE * SHAPE / 2.0);
    (libm::exp(SHAPE * normal) - mean) / (mean * libm::sqrt(libm::expm1(SHAPE * SHAPE)))
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
        assert!(chip.synapses.factors.iter().flatten().all(|&w| w == 1.0));
    }

    /// 20 000 draws: standard errors .007 and .01 of mean and variance, about .04 of the skewness; bounds four times that.
    #[test]
    fn skewed_draws_are_standard() {
        let n = 20_000;
        let draws: Vec<f64> = (0..n).map(|i| skewed(Stream::new(1, Purpose::Variation, [99, 0, i]).normal())).collect();
        let moment = |k: i32| draws.iter().map(|x| x.powi(k)).sum::<f64>() / f64::from(n);
        assert!(moment(1).abs() < 0.03, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.05, "{}", moment(2));
        assert!((moment(3) - 0.78).abs() < 0.2, "{}", moment(3));
    }
}
