use bss2_emu::rng::{Purpose, Stream};
use ndarray::{Array1, Array2};

use super::*;
use crate::neuron::LifModel;

/// A layer with silent inputs and neurons, errors of zero, and inputs at the very times of outputs.
struct Drawn {
    weights: Array2<f64>,
    sources: Array1<f64>,
    outputs: Array1<f64>,
    errors: Array1<f64>,
}

fn drawn(draw: &mut Stream, n_inputs: usize, n: usize, span: f64) -> Drawn {
    let mean = 12.0 / n_inputs as f64;
    let weights = Array2::from_shape_simple_fn((n_inputs, n), || mean + 0.4 * draw.normal());
    let some =
        |draw: &mut Stream, share: f64, value: f64, other: f64| if draw.uniform() < share { other } else { value };
    let sources = Array1::from_shape_simple_fn(n_inputs, || {
        let t = span * draw.uniform();
        some(draw, 0.3, t, f64::INFINITY)
    });
    let outputs = Array1::from_shape_simple_fn(n, || {
        let t = 0.2 + span * draw.uniform();
        let source = sources[(draw.uniform() * n_inputs as f64) as usize];
        let t = some(draw, 0.1, t, source);
        some(draw, 0.1, t, f64::INFINITY)
    });
    let errors = Array1::from_shape_simple_fn(n, || {
        let error = 0.1 * draw.normal();
        some(draw, 0.1, error, 0.0)
    });
    Drawn { weights, sources, outputs, errors }
}

fn single(pass: BackwardPass, layer: &Drawn, instructions: Instructions) -> (Array2<f32>, Vec<f64>) {
    let mut weights = Weights::default();
    weights.fill(&layer.weights, None);
    let mut gradient = vec![0.0; weights.padded_len()];
    let mut by_times = Vec::new();
    let sample = Sample {
        sources: layer.sources.view(),
        latency: 0.0,
        outputs: layer.outputs.view(),
        errors: layer.errors.as_slice().unwrap(),
    };
    let pass = SinglePass { pass, instructions };
    pass.layer(&weights, sample, &mut Scratch::default(), &mut gradient, Some(&mut by_times));
    let rows = Array2::from_shape_vec((layer.weights.nrows(), weights.stride()), gradient).unwrap();
    assert!(rows.slice(s![.., layer.weights.ncols()..]).iter().all(|g| *g == 0.0), "padding has no gradient");
    (rows.slice(s![.., ..layer.weights.ncols()]).to_owned(), by_times)
}

fn passes() -> Vec<BackwardPass> {
    let mut passes = Vec::new();
    for tau_mem in [1.0, 2.0, 1.3, 0.6] {
        for estimator in [Estimator::Measured, Estimator::Model] {
            for guard in [None, Some(0.05)] {
                passes.push(BackwardPass {
                    model: LifModel { tau_mem, tau_syn: 1.0, threshold: 1.4 },
                    estimator,
                    guard,
                });
            }
        }
    }
    passes
}

#[test]
fn single_precision_is_close_to_its_twin() {
    let mut draw = Stream::new(8, Purpose::Search, [0, 0, 0]);
    let mut largest_seen = 0_usize;
    for (n_inputs, n, span) in [(256, 246, 2.0), (25, 120, 3.0), (246, 10, 2.0), (5, 1, 2.0), (40, 33, 70.0)] {
        for pass in passes() {
            let layer = drawn(&mut draw, n_inputs, n, span);
            let mut exact = Array2::zeros(layer.weights.dim());
            let exact_times = pass.layer(
                layer.sources.view(),
                layer.weights.view(),
                layer.outputs.view(),
                layer.errors.view(),
                &mut exact,
            );
            let (by_weights, by_times) = single(pass, &layer, Instructions::widest());
            let largest = exact.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
            largest_seen += usize::from(largest > 0.0);
            for (found, exact) in by_weights.iter().zip(&exact) {
                assert!(
                    (f64::from(*found) - exact).abs() <= 3e-6 * largest,
                    "{found} not {exact} of {largest}: {pass:?}"
                );
            }
            let largest = exact_times.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
            for (found, exact) in by_times.iter().zip(&exact_times) {
                assert!((found - exact).abs() <= 1e-11 * largest, "{found} not {exact} of {largest}: {pass:?}");
            }
        }
    }
    assert!(largest_seen > 60, "{largest_seen} of 80 layers had a gradient");
}

#[test]
fn all_instructions_give_the_same_bytes() {
    let mut draw = Stream::new(9, Purpose::Search, [0, 0, 0]);
    for pass in passes() {
        let layer = drawn(&mut draw, 60, 50, 2.0);
        let plain = single(pass, &layer, Instructions::available()[0]);
        for instructions in Instructions::available() {
            assert_eq!(single(pass, &layer, instructions), plain, "{instructions:?}");
        }
    }
}

#[test]
fn a_sample_without_errors_leaves_everything_as_it_was() {
    let mut draw = Stream::new(10, Purpose::Search, [0, 0, 0]);
    let mut layer = drawn(&mut draw, 30, 20, 2.0);
    layer.errors.fill(0.0);
    let (by_weights, by_times) = single(passes()[0], &layer, Instructions::widest());
    assert!(by_weights.iter().all(|g| *g == 0.0));
    assert_eq!(by_times, vec![0.0; 30]);
}
