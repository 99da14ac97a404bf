use super::*;
use crate::codes::Hemisphere;
use crate::membrane::{Membrane, State};
use crate::parameters::NeuronParameters;
use crate::spec::{ChipSpec, Preset};
use crate::{Chip, Device, NeuronSetting};

/// Spikes of one input pattern: time in tau (6 us) and signed weight code.
type Pattern = [(f64, f64); 8];

/// Four features between .15 and 2 tau, each by a few channels: what a hidden neuron of the Yin-Yang networks sees. One
/// pattern is excitation alone; in the others inhibition takes a part of it back.
const PATTERNS: [Pattern; 4] = [
    [(0.3, 70.0), (0.6, 50.0), (0.9, 40.0), (1.2, 60.0), (1.3, 20.0), (1.5, 30.0), (1.8, 60.0), (2.0, 40.0)],
    [(0.2, 80.0), (0.4, -30.0), (0.8, 100.0), (1.0, -30.0), (1.3, 60.0), (1.5, 30.0), (1.8, 60.0), (2.0, 40.0)],
    [(0.2, -40.0), (0.3, 120.0), (0.7, 60.0), (1.1, 60.0), (1.6, 20.0), (1.6, 30.0), (1.8, 60.0), (2.0, 40.0)],
    [(0.2, 40.0), (0.4, 40.0), (0.9, -50.0), (1.1, 90.0), (1.3, 110.0), (1.5, 30.0), (1.8, 60.0), (2.0, 40.0)],
];

/// Factor on all patterns that lets the weakest neurons fire, too.
const DRIVE: f64 = 1.1;

/// First spike time in us of a neuron whose weights are all multiplied by `factor`.
fn first_spike(p: &NeuronParameters, pattern: &Pattern, factor: f64) -> f64 {
    let mut membrane = Membrane::new(p.tau_mem_us, p.tau_syn_exc_us, p.tau_syn_inh_us);
    membrane.threshold = p.v_threshold_lsb - p.v_leak_lsb;
    let mut state = State::at_rest(0.0);
    let mut first = f64::INFINITY;
    for (time, weight) in pattern {
        membrane.advance(&mut state, 6.0 * time, |t| first = first.min(t));
        let weight = DRIVE * factor * weight;
        state.receive(weight.max(0.0) * p.gain_exc, (-weight).max(0.0) * p.gain_inh);
    }
    membrane.advance(&mut state, 100.0, |t| first = first.min(t));
    first
}

/// The factor on all weights with which an ideal neuron fires when `p` does.
fn effective_gain(p: &NeuronParameters, pattern: &Pattern) -> f64 {
    let target = first_spike(p, pattern, 1.0);
    assert!(target.is_finite());
    let (mut low, mut high) = (0.3_f64, 3.0_f64);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if first_spike(&NeuronParameters::default(), pattern, middle) > target { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// The true parameters of a chip whose neurons were all set to the default.
fn set_to_default(spec: &ChipSpec) -> Vec<NeuronParameters> {
    let mut chip = Chip::draw(spec);
    chip.configure(&NeuronSetting::Direct(vec![NeuronParameters::default(); NEURONS])).unwrap();
    chip.reveal().neurons
}

/// For each of 12 chips: mean effective gain over its neurons, and the standard deviation of the logarithm. The gain of a
/// neuron is the mean over the patterns.
fn gains(preset: Preset) -> Vec<(f64, f64)> {
    let of_chip = |seed| {
        let neurons = set_to_default(&ChipSpec::new(preset, seed));
        let log = |p| PATTERNS.iter().map(|pattern| libm::log(effective_gain(p, pattern))).sum::<f64>() / 4.0;
        let (mean, sd) = mean_and_sd(&neurons.iter().step_by(2).map(log).collect::<Vec<_>>());
        (libm::exp(mean), sd)
    };
    (1..=12).map(of_chip).collect()
}

/// 256 neurons of 12 chips each: the standard error of a chip's spread is 4.4 % of it, that of their mean 1.3 %.
#[test]
fn the_parts_add_up_to_the_effective_gain_of_the_recordings() {
    let chips = gains(Preset::Bss2Calibrated);
    let (within, _) = mean_and_sd(&chips.iter().map(|c| c.1).collect::<Vec<_>>());
    let (mean, between) = mean_and_sd(&chips.iter().map(|c| c.0).collect::<Vec<_>>());
    println!("effective gain: within a chip {within:.4}, chip mean {mean:.4} +- {between:.4}");
    assert!((within - 0.06).abs() < 0.003, "{within}");
    assert!(chips.iter().all(|c| (0.05..0.07).contains(&c.1)), "{chips:?}");
    // Chip means spread by 5 %; the standard error of their mean over 12 chips is 1.4 %.
    assert!((mean - 1.04).abs() < 0.045, "{mean}");
    assert!((0.02..0.09).contains(&between), "{between}");
}

#[test]
fn fast_and_deep_has_its_fixed_pattern_in_the_thresholds_and_nowhere_else() {
    let neurons = set_to_default(&ChipSpec::new(Preset::FastAndDeep, 3));
    let thetas: Vec<f64> = neurons.iter().map(|p| (p.v_threshold_lsb - 80.0) / 70.0 * 2.6).collect();
    let (mean, sd) = mean_and_sd(&thetas);
    // Standard errors .0035 and .0025; bounds four times that.
    assert!((mean - 2.73).abs() < 0.014, "{mean}");
    assert!((sd - 0.08).abs() < 0.010, "{sd}");
    let rest = |p: &NeuronParameters| NeuronParameters { v_threshold_lsb: 150.0, ..*p };
    assert!(neurons.iter().all(|p| rest(p) == NeuronParameters::default()));
}

#[test]
fn an_offset_is_relative_to_the_swing_and_a_factor_to_nothing() {
    let spread = Residual::BSS2_CALIBRATED;
    let neuron = NeuronId::new(17).unwrap();
    let (one, two) = (spread.draw(4, neuron, 70.0), spread.draw(4, neuron, 35.0));
    assert_eq!(one.v_threshold_lsb, 2.0 * two.v_threshold_lsb);
    assert_eq!(one.gain_inh, two.gain_inh);
    assert_eq!(Residual::NONE.draw(4, neuron, 70.0), NeuronResidual::NONE);
}

#[test]
fn delays_miss_by_the_size_asked_for() {
    let errors = Residual::BSS2_CALIBRATED.draw_delay_pairs(1);
    let (_, sd) = mean_and_sd(&errors);
    // Standard error 3 %; bound four times that.
    assert!((sd / 0.43 - 1.0).abs() < 0.125, "{sd}");
}

#[test]
fn a_table_takes_the_place_of_the_draws() {
    let spec = ChipSpec::new(Preset::Bss2Calibrated, 1);
    let mut table = vec![NeuronResidual::NONE; NEURONS];
    table[5] = NeuronResidual { v_leak_lsb: -2.0, gain_exc: 1.1, tau_mem: 0.9, ..NeuronResidual::NONE };
    let mut chip = Chip::draw_with_residuals(&spec, ResidualTable::new(table).unwrap()).unwrap();
    assert_ne!(chip.identity(), Chip::draw(&spec).identity());
    let set = NeuronParameters::default();
    chip.configure(&NeuronSetting::Direct(vec![set; NEURONS])).unwrap();
    let neurons = chip.reveal().neurons;
    assert_eq!(neurons[4], set);
    assert_eq!((neurons[5].v_leak_lsb, neurons[5].gain_exc), (78.0, set.gain_exc * 1.1));
    let by_codes = ChipSpec::new(Preset::Bss2, 1);
    let neutral = ResidualTable::new(vec![NeuronResidual::NONE; NEURONS]).unwrap();
    assert!(Chip::draw_with_residuals(&by_codes, neutral).is_err());
}

#[test]
fn a_table_is_checked() {
    assert_eq!(ResidualTable::new(Vec::new()), Err(ResidualTableError::WrongLength { found: 0 }));
    let mut table = vec![NeuronResidual::NONE; NEURONS];
    table[511].gain_exc = f64::NAN;
    assert!(ResidualTable::new(table).unwrap_err().to_string().starts_with("neuron 511: gain_exc = NaN"));
    for column in ResidualColumn::ALL {
        assert_eq!(column.get(&NeuronResidual::NONE), column.neutral, "{}", column.name);
    }
}

#[test]
fn given_synapses_and_delays_take_the_place_of_drawn_ones() {
    let spec = ChipSpec::new(Preset::Bss2Calibrated, 4);
    let table = || ResidualTable::new(vec![NeuronResidual::NONE; NEURONS]).unwrap();
    let synapse = |column, factor| SynapseResidual { hemisphere: Hemisphere::Bottom, row: 3, column, factor };
    let neuron = NeuronId::at(Hemisphere::Bottom, 8).unwrap();
    let given = table().with_synapses(vec![synapse(7, 1.25)]).unwrap();
    let given = given.with_delay_pairs(vec![(neuron, 0.5)]).unwrap();
    let plain = Chip::draw_with_residuals(&spec, table()).unwrap();
    let chip = Chip::draw_with_residuals(&spec, given).unwrap();
    assert_ne!(chip.identity(), plain.identity());
    let (mut found, drawn) = (chip.reveal().deviations, plain.reveal().deviations);
    let place = 3 * 256 + 7;
    assert_eq!((found.synapses.factors[1][place], found.delay_pair_us[neuron.index()]), (1.25, 0.5));
    // Nothing else has changed.
    found.synapses.factors[1][place] = drawn.synapses.factors[1][place];
    found.delay_pair_us[neuron.index()] = drawn.delay_pair_us[neuron.index()];
    assert_eq!(found, drawn);
    let error = table().with_synapses(vec![synapse(256, 1.0)]).unwrap_err().to_string();
    assert!(error.contains("row 3, column 256"), "{error}");
    assert!(table().with_synapses(vec![synapse(0, f64::NAN)]).is_err());
    assert!(table().with_delay_pairs(vec![(neuron, 1e3)]).unwrap_err().to_string().contains("an error of 1000 us"));
}
