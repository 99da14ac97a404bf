//! Levenberg and Marquardt's method: Gauss-Newton steps, shortened where they do not pay.

use super::objective::{Normal, Objective};
use crate::TwinError;

/// Settings of the search.
const FIRST_DAMPING: f64 = 1e-2;
const MOST_DAMPING: f64 = 1e9;

/// Makes the objective small from `z` on; returns its value.
///
/// Ends after `most` steps, or when one gains less than `tolerance` of the value.
pub(super) fn minimise(
    objective: &Objective<'_>,
    z: &mut Vec<f64>,
    most: usize,
    tolerance: f64,
    mut progress: impl FnMut(usize, f64),
) -> Result<f64, TwinError> {
    let mut damping = FIRST_DAMPING;
    let mut cost = objective.at(z, false).cost;
    for step in 0..most {
        let normal = objective.at(z, true);
        if !normal.cost.is_finite() {
            return Err(TwinError::Fit("the objective is not a number".into()));
        }
        let before = cost;
        loop {
            if damping > MOST_DAMPING {
                return Ok(cost);
            }
            let Some(move_by) = solve(&normal, objective.active, damping) else {
                damping *= 10.0;
                continue;
            };
            let moved: Vec<f64> = z.iter().zip(&move_by).map(|(z, d)| z - d).collect();
            let there = objective.at(&moved, false).cost;
            if there < cost {
                (*z, cost) = (moved, there);
                damping = (damping * 0.2).max(1e-9);
                break;
            }
            damping *= 5.0;
        }
        progress(step, cost);
        if before - cost < tolerance * before {
            break;
        }
    }
    Ok(cost)
}

/// Solves `(matrix + damping diagonal) x = gradient` for the active parameters by Cholesky's method.
fn solve(normal: &Normal, active: &[bool], damping: f64) -> Option<Vec<f64>> {
    let n = normal.gradient.len();
    let places: Vec<usize> = (0..n).filter(|&k| active[k]).collect();
    let m = places.len();
    let mut a = vec![0.0; m * m];
    for (i, &row) in places.iter().enumerate() {
        for (j, &column) in places.iter().enumerate().skip(i) {
            // The lower triangle, from the upper one.
            a[j * m + i] = normal.matrix[row * n + column];
        }
        a[i * m + i] *= 1.0 + damping;
    }
    let gradient: Vec<f64> = places.iter().map(|&k| normal.gradient[k]).collect();
    let x = solve_symmetric(&mut a, &gradient)?;
    let mut full = vec![0.0; n];
    places.iter().zip(x).for_each(|(&place, x)| full[place] = x);
    Some(full)
}

/// Solves a positive definite system, given by its lower triangle, by Cholesky's method; `None` if it is not positive definite.
pub(crate) fn solve_symmetric(a: &mut [f64], right: &[f64]) -> Option<Vec<f64>> {
    let m = right.len();
    for j in 0..m {
        for i in j..m {
            let (head, tail) = a.split_at(i * m);
            let product: f64 = if i == j {
                tail[..j].iter().map(|x| x * x).sum()
            } else {
                tail[..j].iter().zip(&head[j * m..j * m + j]).map(|(x, y)| x * y).sum()
            };
            let rest = a[i * m + j] - product;
            if i == j {
                if rest.is_nan() || rest <= 0.0 {
                    return None;
                }
                a[j * m + j] = libm::sqrt(rest);
            } else {
                a[i * m + j] = rest / a[j * m + j];
            }
        }
    }
    let mut x = right.to_vec();
    for i in 0..m {
        let done: f64 = (0..i).map(|j| a[i * m + j] * x[j]).sum();
        x[i] = (x[i] - done) / a[i * m + i];
    }
    for i in (0..m).rev() {
        let done: f64 = (i + 1..m).map(|j| a[j * m + i] * x[j]).sum();
        x[i] = (x[i] - done) / a[i * m + i];
    }
    Some(x)
}
