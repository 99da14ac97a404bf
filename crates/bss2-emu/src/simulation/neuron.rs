//! A described neuron as a body: its potentials counted from where it rests, and no more terms than it has.

use crate::dynamics::Body;
use crate::membrane::Membrane;
use crate::membrane::nonlinear::{Adaptation, Nonlinear, Onset};

use super::Population;

/// The neurons of a population.
pub(super) fn bodies(p: &Population) -> impl Iterator<Item = Body> {
    (0..p.size).map(|n| body(p, n))
}

fn body(p: &Population, n: usize) -> Body {
    let membrane = membrane(p, n);
    let rest = rest(p, n);
    let mut neuron = Nonlinear::new(membrane);
    if let (Some(slope), Some(at)) = (value(p.delta_t.as_ref(), n), value(p.v_exp.as_ref(), n)) {
        neuron.onset = Some(Onset { slope, at: at - rest });
    }
    let adaptation = [&p.tau_adapt, &p.a_adapt, &p.b_adapt].map(|list| value(list.as_ref(), n));
    if let [Some(tau), Some(a), Some(b)] = adaptation
        && (a != 0.0 || b != 0.0)
    {
        neuron.adaptation = Some(Adaptation { tau, a, b, reference: membrane.start });
    }
    if neuron.is_linear() { Body::Lif(membrane) } else { Body::Nonlinear(Box::new(neuron)) }
}

/// The membrane of a neuron, its potentials relative to rest. It starts at `v_leak`.
pub(super) fn membrane(p: &Population, n: usize) -> Membrane {
    let rest = rest(p, n);
    let mut membrane = Membrane::new(p.tau_mem[n], p.tau_syn_exc[n], p.tau_syn_inh[n]);
    membrane.threshold = p.v_threshold[n] - rest;
    membrane.reset = p.v_reset[n] - rest;
    membrane.start = p.v_leak[n] - rest;
    membrane.refractory_us = p.t_refractory[n];
    membrane
}

/// Where leak and constant current take the membrane.
fn rest(p: &Population, n: usize) -> f64 {
    p.v_leak[n] + value(p.i_offset.as_ref(), n).unwrap_or(0.0) * p.tau_mem[n]
}

fn value(list: Option<&Vec<f64>>, n: usize) -> Option<f64> {
    list.map(|values| values[n])
}
