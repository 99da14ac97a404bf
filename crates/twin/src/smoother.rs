//! A ceiling without any neuron model: what neighbouring samples say about a sample.

use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::Recording;
use crate::recording::Part;
use crate::score::{OutputScore, differences, robust};

/// Neighbours of a sample.
const NEIGHBOURS: usize = 24;
/// Ridge of the local fit, relative to the scatter of the neighbours.
const RIDGE: f64 = 1e-6;

/// What a smoother reaches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// The test outputs, from their neighbours among the training samples.
    pub test: OutputScore,
    /// Robust residual by output of training samples, each from its neighbours: an upper bound of trial noise.
    pub residual: Vec<f64>,
}

/// Predicts outputs from the outputs of the nearest training samples by a local linear fit; silent if most of them are.
pub fn ceiling(recording: &Recording) -> Ceiling {
    let Recording { train, test, .. } = recording;
    let predicted = |part: &Part, leave_out: bool| {
        let mut outputs = Array2::zeros(part.outputs.dim());
        for (row, inputs) in part.inputs.rows().into_iter().enumerate() {
            let near = nearest(train.inputs.view(), inputs, leave_out.then_some(row));
            for (k, to) in outputs.row_mut(row).iter_mut().enumerate() {
                *to = local(train, &near, inputs, k);
            }
        }
        outputs
    };
    let of_test = predicted(test, false);
    let of_train = predicted(train, true);
    let none = Vec::new();
    let labels = test.labels.as_ref().unwrap_or(&none);
    let residual = |k: usize| {
        let column = |times: &Array2<f64>| times.column(k).insert_axis(ndarray::Axis(1)).to_owned();
        robust(&differences(column(&of_train).view(), column(&train.outputs).view()))
    };
    Ceiling {
        test: OutputScore::new(of_test.view(), test.outputs.view(), labels),
        residual: (0..train.outputs.ncols()).map(residual).collect(),
    }
}

fn nearest(inputs: ArrayView2<f64>, to: ArrayView1<f64>, leave_out: Option<usize>) -> Vec<usize> {
    let distance = |row: ArrayView1<f64>| {
        let square = |(a, b): (&f64, &f64)| if a == b { 0.0 } else { (a - b) * (a - b) };
        row.iter().zip(to).map(square).sum::<f64>()
    };
    let mut all: Vec<(f64, usize)> = (inputs.rows().into_iter().enumerate())
        .filter(|(row, _)| Some(*row) != leave_out)
        .map(|(row, inputs)| (distance(inputs), row))
        .collect();
    let n = NEIGHBOURS.min(all.len());
    if n < all.len() {
        all.select_nth_unstable_by(n, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }
    let mut rows: Vec<usize> = all[..n].iter().map(|(_, row)| *row).collect();
    rows.sort_unstable();
    rows
}

/// The value of a local linear fit at the sample itself.
fn local(train: &Part, near: &[usize], at: ArrayView1<f64>, output: usize) -> f64 {
    let known: Vec<usize> = near.iter().copied().filter(|&row| train.outputs[[row, output]].is_finite()).collect();
    if 2 * known.len() <= near.len() {
        return f64::INFINITY;
    }
    // Inputs that are silent in any of the samples say nothing about the slope.
    let dims: Vec<usize> = (0..at.len())
        .filter(|&i| at[i].is_finite() && known.iter().all(|&row| train.inputs[[row, i]].is_finite()))
        .collect();
    let n = known.len() as f64;
    let mean_y = known.iter().map(|&row| train.outputs[[row, output]]).sum::<f64>() / n;
    let mean_x: Vec<f64> =
        dims.iter().map(|&i| known.iter().map(|&row| train.inputs[[row, i]]).sum::<f64>() / n).collect();
    // In the dual: as many unknowns as neighbours, however many inputs there are.
    let x = |row: usize| -> Vec<f64> { dims.iter().zip(&mean_x).map(|(&i, m)| train.inputs[[row, i]] - m).collect() };
    let xs: Vec<Vec<f64>> = known.iter().map(|&row| x(row)).collect();
    let here: Vec<f64> = dims.iter().zip(&mean_x).map(|(&i, m)| at[i] - m).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let scatter = xs.iter().map(|x| dot(x, x)).sum::<f64>() / n;
    let m = xs.len();
    let mut gram = vec![0.0; m * m];
    for a in 0..m {
        for b in 0..m {
            gram[a * m + b] = dot(&xs[a], &xs[b]);
        }
        gram[a * m + a] += RIDGE * scatter.max(1e-12) * n;
    }
    let y: Vec<f64> = known.iter().map(|&row| train.outputs[[row, output]] - mean_y).collect();
    let Some(alpha) = crate::fit::solve_symmetric(&mut gram, &y) else { return mean_y };
    mean_y + xs.iter().zip(alpha).map(|(x, a)| a * dot(x, &here)).sum::<f64>()
}
