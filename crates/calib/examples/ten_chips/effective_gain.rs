//! The effective gain of neurons: the factor on all weights with which an ideal neuron fires at the same time.
//!
//! Computed from true parameters, which a calibration does not see. The input patterns are those of hidden neurons of the Yin-Yang networks
//! (`bss2-emu`, `residual/tests.rs`).

use bss2_emu::membrane::{Membrane, State};
use bss2_emu::{Chip, NeuronParameters};

/// Spikes of one input pattern: time in tau (6 us) and signed weight code.
type Pattern = [(f64, f64); 8];

const PATTERNS: [Pattern; 4] = [
    [(0.3, 70.0), (0.6, 50.0), (0.9, 40.0), (1.2, 60.0), (1.3, 20.0), (1.5, 30.0), (1.8, 60.0), (2.0, 40.0)],
    [(0.2, 80.0), (0.4, -30.0), (0.8, 100.0), (1.0, -30.0), (1.3, 60.0), (1.5, 30.0), (1.8, 60.0), (2.0, 40.0)],
    [(0.2, -40.0), (0.3, 120.0), (0.7, 60.0), (1.1, 60.0), (1.6, 20.0), (1.6, 30.0), (1.8, 60.0), (2.0, 40.0)],
    [(0.2, 40.0), (0.4, 40.0), (0.9, -50.0), (1.1, 90.0), (1.3, 110.0), (1.5, 30.0), (1.8, 60.0), (2.0, 40.0)],
];
/// Factor on all patterns that lets the weakest neurons fire, too.
const DRIVE: f64 = 1.15;

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

/// `None` for a neuron that does not fire.
fn effective_gain(p: &NeuronParameters, pattern: &Pattern) -> Option<f64> {
    let target = first_spike(p, pattern, 1.0);
    let (mut low, mut high) = (0.3_f64, 3.0_f64);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if first_spike(&NeuronParameters::default(), pattern, middle) > target { low = middle } else { high = middle }
    }
    target.is_finite().then_some(0.5 * (low + high))
}

/// The true parameters; the leak with what offset currents add to it, as a neuron at rest has it.
pub fn truth(chip: &Chip) -> Vec<NeuronParameters> {
    let truth = chip.reveal();
    let with_current = |(p, current): (&NeuronParameters, &f64)| NeuronParameters {
        v_leak_lsb: p.v_leak_lsb + current * p.tau_mem_us,
        ..*p
    };
    truth.neurons.iter().zip(&truth.current).map(with_current).collect()
}

/// Logarithms of the effective gains, mean over the patterns, of the neurons at the targets of the published experiment.
pub fn log_gains(neurons: &[NeuronParameters]) -> Vec<f64> {
    let mean_log = |p: &NeuronParameters| {
        let gains: Option<Vec<f64>> = PATTERNS.iter().map(|pattern| effective_gain(p, pattern)).collect();
        gains.map(|gains| gains.iter().map(|g| libm::log(*g)).sum::<f64>() / gains.len() as f64)
    };
    neurons.iter().filter_map(mean_log).collect()
}
