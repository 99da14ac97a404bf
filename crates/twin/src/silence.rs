//! When neurons stay silent: against how high the model's membrane would rise.

use serde::{Deserialize, Serialize};

use crate::fit::{Bodies, Work};
use crate::{Profile, Recording};

/// Bounds of the bins of peak over threshold.
pub const BOUNDS: [f64; 7] = [0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.5];

/// Neurons and samples whose modelled peak lies in a range, and how often the chip was silent there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Peak over threshold from this on.
    pub from: f64,
    /// Up to this.
    pub to: f64,
    /// Neurons and samples.
    pub n: usize,
    /// Silent ones.
    pub silent: usize,
}

/// Counts over the test samples: hidden neurons of which it is known, and outputs.
pub fn silence(recording: &Recording, profile: &Profile) -> [Vec<Bin>; 2] {
    let weights = recording.weights();
    let bodies = Bodies::new(recording, &weights, profile);
    let empty = || BOUNDS.windows(2).map(|b| Bin { from: b[0], to: b[1], n: 0, silent: 0 }).collect::<Vec<Bin>>();
    let mut bins = [empty(), empty()];
    let mut work = [Work::default(), Work::default()];
    let test = &recording.test;
    for (row, inputs) in test.inputs.rows().into_iter().enumerate() {
        bodies.run(0, inputs.iter().copied(), &mut work[0]);
        let hidden = work[0].spikes.clone();
        bodies.run(1, hidden.into_iter(), &mut work[1]);
        for layer in 0..2 {
            for (neuron, body) in bodies.layers[layer].iter().enumerate() {
                let measured = match (layer, &test.hidden) {
                    (0, Some(hidden)) => hidden.times[[row, neuron]],
                    (0, None) => f64::NAN,
                    _ => test.outputs[[row, neuron]],
                };
                if measured.is_nan() {
                    continue;
                }
                let ratio = body.peak(&work[layer].arrivals).1 / bodies.threshold;
                if let Some(bin) = bins[layer].iter_mut().find(|bin| (bin.from..bin.to).contains(&ratio)) {
                    bin.n += 1;
                    bin.silent += usize::from(!measured.is_finite());
                }
            }
        }
    }
    bins
}
