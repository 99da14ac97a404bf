//! The mapping that loses least.
//!
//! Candidates are few, since one number decides: how many codes a threshold is worth. For each time scale the strength (first
//! the converters' bias and the inputs' gm, then the capacitor) is set to a wanted number of codes; potentials stay at their usual
//! values, because all deviations and noise are relative to their distance. Who asks for the best one judges them by what the network does on
//! data that is no test data.

use crate::{Error, Mapping, Trained};

/// Codes that a threshold is aimed at.
const CODES: [f64; 6] = [60.0, 40.0, 28.0, 20.0, 14.0, 9.0];
/// Time scales in us: the usual one, and slower ones, up to half of what calibration can make.
const TIMES_US: [f64; 3] = [6.0, 10.0, 15.0];
/// Rows of a neuron that stands for a bias spike, at least and (with the weakest synapses) at most.
const BIAS_ROWS: usize = 4;
const MOST_BIAS_ROWS: usize = 8;
/// Drivers of a hemisphere.
const DRIVERS: usize = 128;

/// What a network takes without any copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Inputs of the encoding.
    pub inputs: usize,
    /// Neurons of the first layer, that of a bias spike counted.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Circuits of each neuron.
    pub circuits: usize,
    /// Whether a neuron stands for a bias spike.
    pub has_bias: bool,
}

/// What a candidate came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// The candidate.
    pub mapping: Mapping,
    /// What it is judged by: more is better.
    pub accuracy: f64,
    /// Of equals the one with the smaller loss is better.
    pub loss: f64,
}

/// The mappings to choose among.
///
/// # Errors
/// If none can be: the membrane of the network is too slow, say.
pub fn candidates(trained: &Trained, shape: Shape) -> Result<Vec<Mapping>, Error> {
    let mut found: Vec<Mapping> = Vec::new();
    let mut refused = None;
    for us_per_time in TIMES_US {
        for wanted in CODES {
            let (input_copies, bias_rows, twins) = rows(shape);
            let refractory_time_us = (16.0 * us_per_time / 6.0).min(32.0);
            let base =
                Mapping { us_per_time, input_copies, twins, bias_rows, refractory_time_us, ..Mapping::default() };
            match base.codes_per_threshold(trained.tau_mem, shape.circuits) {
                Ok(codes) => found.extend(Some(stronger(base, codes / wanted)).filter(|m| !found.contains(m))),
                Err(error) => refused = Some(error),
            }
        }
    }
    match (found.is_empty(), refused) {
        (true, Some(error)) => Err(error),
        _ => Ok(found),
    }
}

/// The best of what was judged: the highest accuracy; of those within `margin` of it, the smallest loss on the fastest time scale
/// that has one.
///
/// ```
/// use deploy::{Mapping, search::{Judged, best}};
///
/// let judged = |us_per_time, accuracy| {
///     Judged { mapping: Mapping { us_per_time, ..Mapping::default() }, accuracy, loss: 1.0 }
/// };
/// let all = [judged(6.0, 0.80), judged(10.0, 0.949), judged(15.0, 0.951)];
/// assert_eq!(best(&all, 0.005).unwrap().mapping.us_per_time, 10.0);
/// assert_eq!(best(&all, 0.0).unwrap().mapping.us_per_time, 15.0);
/// assert!(best(&[], 0.0).is_none());
/// ```
pub fn best(judged: &[Judged], margin: f64) -> Option<Judged> {
    let most = judged.iter().map(|j| j.accuracy).fold(f64::NEG_INFINITY, f64::max);
    let mut good: Vec<&Judged> = judged.iter().filter(|j| j.accuracy >= most - margin).collect();
    good.sort_by(|a, b| {
        a.mapping
            .us_per_time
            .total_cmp(&b.mapping.us_per_time)
            .then(b.accuracy.total_cmp(&a.accuracy))
            .then(a.loss.total_cmp(&b.loss))
    });
    good.first().map(|j| **j)
}

/// Copies of inputs, rows of a bias neuron, twins: what is free on a chip with one circuit per neuron.
fn rows(shape: Shape) -> (usize, usize, usize) {
    if shape.circuits > 1 {
        // Another copy of the inputs takes another circuit, whose membrane takes as much more charge.
        return (1, BIAS_ROWS, 0);
    }
    let bias = if shape.has_bias { MOST_BIAS_ROWS } else { 0 };
    let copies = (DRIVERS.saturating_sub(bias) / shape.inputs.max(1)).clamp(1, 5);
    let twins = if shape.layers > 1 { DRIVERS.saturating_sub(shape.hidden) } else { 0 };
    (copies, BIAS_ROWS, twins)
}

/// The mapping with synapses stronger by a factor, as far as the ranges go; weaker ones are left alone.
fn stronger(base: Mapping, factor: f64) -> Mapping {
    /// Strongest settings of the inputs and converters.
    const GM: u16 = 750;
    const DAC: u16 = 1000;
    let mut mapping = base;
    let mut left = factor.max(1.0);
    let gm = left.min(f64::from(GM) / f64::from(base.i_synin_gm));
    mapping.i_synin_gm = (f64::from(base.i_synin_gm) * gm).round() as u16;
    left /= gm;
    let dac = left.min(f64::from(DAC) / f64::from(base.synapse_dac_bias));
    mapping.synapse_dac_bias = (f64::from(base.synapse_dac_bias) * dac).round() as u16;
    left /= dac;
    let capacitance = (f64::from(base.membrane_capacitance) + 2.0) / left - 2.0;
    mapping.membrane_capacitance = capacitance.round().clamp(0.0, 63.0) as u8;
    mapping
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use ttfs::network::Network;

    use super::*;

    #[test]
    fn candidates_reach_the_codes_that_they_aim_at() {
        let network = Network::new(vec![Array2::ones((5, 120)), Array2::ones((121, 3))]);
        let trained = Trained { network: &network, biases: &[Some(0.9)], threshold: 1.0, tau_mem: 1.0 };
        let shape = Shape { inputs: 5, hidden: 121, layers: 2, circuits: 1, has_bias: true };
        let found = candidates(&trained, shape).unwrap();
        assert!(found.len() >= 12, "{}", found.len());
        for mapping in &found {
            mapping.check(1.0).unwrap();
            assert_eq!((mapping.input_copies, mapping.twins, mapping.bias_rows), (5, 7, 4));
            let codes = mapping.codes_per_threshold(1.0, 1).unwrap();
            // The capacitor has whole codes.
            assert!(CODES.iter().any(|wanted| (codes / wanted - 1.0).abs() < 0.15) || codes > 25.0, "{codes}");
        }
        // Many circuits need far stronger synapses.
        let large = Shape { inputs: 784, hidden: 350, circuits: 7, has_bias: false, ..shape };
        let codes: Vec<f64> =
            candidates(&trained, large).unwrap().iter().map(|m| m.codes_per_threshold(1.0, 7).unwrap()).collect();
        assert!(codes.iter().any(|c| *c < 25.0), "{codes:?}");
        let slow = Trained { tau_mem: 20.0, ..trained };
        assert!(candidates(&slow, shape).unwrap_err().to_string().contains("tau_mem_us"));
    }
}
