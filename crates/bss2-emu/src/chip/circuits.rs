//! From the physical values of the circuits to neurons that can run: which are joined, which hand events on, which are plain.

use crate::device::DeviceError;
use crate::dynamics::Body;
use crate::engine::wiring::Wiring;
use crate::membrane::Membrane;
use crate::membrane::joined::Joined;
use crate::membrane::nonlinear::{Adaptation, Nonlinear, Onset, Reversal};
use crate::parameters::NeuronParameters;
use crate::relay::Relay;
use crate::routing::DelayPair;
use crate::spec::ChipSpec;
use crate::transfer::Effective;

/// Smallest distance of a reversal potential from the leak, in LSB.
const SMALLEST_DRIVING_FORCE: f64 = 1.0;

/// A neuron without temporal noise, as it is at the present setting.
#[derive(Debug, Clone)]
pub struct Neuron {
    pub body: Body,
    /// Resting potential: potentials of the body are relative to it.
    pub rest_lsb: f64,
    /// Threshold minus leak: what threshold noise is relative to.
    pub swing: f64,
    /// Currents per unit of weight, by input.
    pub gains: Vec<f64>,
    /// Whether it can be left out when it has no synapses and nobody looks at it: it cannot fire by itself, not even with
    /// threshold noise of ten standard deviations.
    pub idle: bool,
    /// Whether it is one circuit that is linear between events and has no hold-off: what blocks can run.
    pub plain: bool,
}

/// Makes the neurons of a chip; `None` for a circuit that belongs to another's neuron.
///
/// # Errors
/// [`DeviceError::Unsupported`] for terms that joined circuits cannot have.
pub fn neurons(
    spec: &ChipSpec,
    wiring: &Wiring,
    delay_pairs: &[(DelayPair, f64)],
    effective: &[Effective],
) -> Result<Vec<Option<Neuron>>, DeviceError> {
    let mut delays = vec![None; effective.len()];
    for (pair, error_us) in delay_pairs {
        delays[pair.neuron.index()] = Some((pair.delay_us() + error_us).max(0.0));
    }
    (0..effective.len())
        .map(|n| match (wiring.circuits(n), delays[n]) {
            ([], _) => Ok(None),
            (circuits, Some(delay_us)) => {
                let works = circuits.iter().all(|c| effective[*c].fires);
                Ok(Some(relay(delay_us, &effective[n], circuits.len(), works)))
            }
            ([_], None) if effective[n].parameters.terms.bypass => Ok(Some(relay(0.0, &effective[n], 1, true))),
            ([_], None) => Ok(Some(single(spec, &effective[n]))),
            (circuits, None) => joined(spec, &circuits.iter().map(|c| effective[*c]).collect::<Vec<_>>()).map(Some),
        })
        .collect()
}

/// A circuit that hands events on. A delay needs the circuits' comparators, a bypass does not.
fn relay(delay_us: f64, effective: &Effective, circuits: usize, works: bool) -> Neuron {
    Neuron {
        body: Body::Relay(Relay { delay_us }),
        rest_lsb: effective.parameters.v_leak_lsb,
        swing: 0.0,
        gains: [if works { 1.0 } else { 0.0 }, 0.0].repeat(circuits),
        idle: true,
        plain: false,
    }
}

fn single(spec: &ChipSpec, effective: &Effective) -> Neuron {
    let p = &effective.parameters;
    let rest_lsb = p.v_leak_lsb + effective.current * p.tau_mem_us;
    let mut membrane = Membrane::new(p.tau_mem_us, p.tau_syn_exc_us, p.tau_syn_inh_us);
    set_levels(spec, effective, rest_lsb, &mut membrane);
    let neuron = nonlinear(spec, p, rest_lsb, membrane);
    let is_linear = neuron.is_linear();
    let swing = p.v_threshold_lsb - p.v_leak_lsb;
    Neuron {
        rest_lsb,
        swing,
        gains: vec![p.gain_exc, p.gain_inh],
        // The exponential term may drive a neuron to its threshold by itself.
        idle: p.terms.exponential.is_none() && is_idle(spec, swing, &membrane),
        plain: is_linear && membrane.holdoff_us == 0.0,
        body: if is_linear { Body::Lif(membrane) } else { Body::Nonlinear(Box::new(neuron)) },
    }
}

/// A neuron with all terms of the chip, potentials relative to `rest_lsb`.
fn nonlinear(spec: &ChipSpec, p: &NeuronParameters, rest_lsb: f64, membrane: Membrane) -> Nonlinear {
    let mut neuron = Nonlinear::new(membrane);
    let terms = &p.terms;
    neuron.onset = terms.exponential.map(|e| Onset { slope: e.slope_lsb, at: e.v_exp_lsb - rest_lsb });
    neuron.adaptation = terms.adaptation.map(|a| Adaptation {
        tau: a.tau_us,
        a: a.a_per_us,
        b: a.b_lsb_per_us,
        reference: a.v_ref_lsb - rest_lsb,
    });
    neuron.reversal = [(terms.reversal_exc_lsb, 1.0), (terms.reversal_inh_lsb, -1.0)].map(|(e_rev, sign)| {
        e_rev.map(|e_rev| {
            // Codes, residuals or drift may bring the leak to the reversal potential or past it, where the input would do nothing
            // or the opposite.
            let from_leak = sign * (sign * (e_rev - p.v_leak_lsb)).max(SMALLEST_DRIVING_FORCE);
            Reversal { at: p.v_leak_lsb + from_leak - rest_lsb, from_leak }
        })
    });
    let saturation = spec.circuits.synaptic_saturation_codes;
    if saturation > 0.0 {
        neuron.saturation = [p.gain_exc, p.gain_inh].map(|gain| gain * saturation);
    }
    neuron
}

/// The first circuit's threshold, reset and refractory time hold for all.
fn joined(spec: &ChipSpec, circuits: &[Effective]) -> Result<Neuron, DeviceError> {
    if circuits.iter().any(|c| c.parameters.terms.bypass) {
        return Err(DeviceError::Unsupported("a circuit that is joined to others cannot be bypassed"));
    }
    if spec.circuits.synaptic_saturation_codes > 0.0 || circuits.iter().any(|c| c.parameters.terms.are_nonlinear()) {
        return Err(DeviceError::Unsupported(
            "joined circuits with adaptation, exponential term, conductance-based or saturating inputs are not modelled",
        ));
    }
    let capacitance: f64 = circuits.iter().map(|c| c.capacitance).sum();
    let leaks = || circuits.iter().map(|c| c.capacitance / c.parameters.tau_mem_us);
    let leak: f64 = leaks().sum();
    let current: f64 = circuits.iter().map(|c| c.capacitance * c.current).sum();
    let pull: f64 = leaks().zip(circuits).map(|(leak, c)| leak * c.parameters.v_leak_lsb).sum();
    let rest_lsb = (pull + current) / leak;
    let taus: Vec<[f64; 2]> =
        circuits.iter().map(|c| [c.parameters.tau_syn_exc_us, c.parameters.tau_syn_inh_us]).collect();
    let mut joined = Joined::new(capacitance / leak, &taus);
    let first = &circuits[0];
    set_levels(spec, first, rest_lsb, &mut joined.membrane);
    let swing = first.parameters.v_threshold_lsb - pull / leak;
    let share = |c: &Effective| c.capacitance / capacitance;
    Ok(Neuron {
        rest_lsb,
        swing,
        gains: circuits
            .iter()
            .flat_map(|c| [c.parameters.gain_exc, c.parameters.gain_inh].map(|g| g * share(c)))
            .collect(),
        idle: is_idle(spec, swing, &joined.membrane),
        plain: false,
        body: Body::Joined(joined),
    })
}

/// Levels and refractory time of a circuit, for a membrane that rests at `rest_lsb`.
fn set_levels(spec: &ChipSpec, effective: &Effective, rest_lsb: f64, membrane: &mut Membrane) {
    let p = &effective.parameters;
    membrane.reset = p.v_reset_lsb - rest_lsb;
    if effective.fires {
        membrane.threshold = p.v_threshold_lsb - rest_lsb;
    }
    if spec.circuits.operating_limits {
        membrane.lower = spec.circuits.lower_limit_lsb - rest_lsb;
        membrane.upper = spec.circuits.upper_limit_lsb - rest_lsb;
    }
    if spec.circuits.refiring {
        membrane.refractory_us = p.refractory_us;
        membrane.holdoff_us = p.terms.holdoff_us;
    }
}

fn is_idle(spec: &ChipSpec, swing: f64, membrane: &Membrane) -> bool {
    let noise = &spec.noise;
    let spread = noise.threshold_trial_rel_std
        + noise.threshold_run_rel_std
        + noise.threshold_spike_rel_std
        + noise.leak_trial_rel_std;
    let lowest = membrane.threshold - 10.0 * spread * swing.abs();
    lowest > 0.0 && membrane.reset < lowest
}
