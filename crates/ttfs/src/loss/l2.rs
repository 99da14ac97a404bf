//! What large parameters cost: weights, or delays.
//!
//! ```text
//! R = alpha mean(p^2)        dR/dp = 2 alpha p / n        over all n parameters of all arrays together
//! ```
//!
//! Source: the `l2_delay` of the repository of Göltz, Weber, Kriener et al. (`DelGrad`); used for weights in the same form.

use ndarray::{Array, Dimension};

/// The price `R`, and its gradient added to `gradients`.
///
/// `parameters` and `gradients`: one array per layer, of the same shapes, of any dimension (weights `(n_sources,
/// n_neurons)`, axonal delays `(n_sources)`). Without a price (`alpha = 0`) nothing is added.
///
/// ```
/// use ndarray::array;
/// use ttfs::loss::l2;
///
/// let delays = [array![1.0, 2.0], array![2.0]];
/// let mut gradients = [array![0.0, 0.0], array![0.5]];
/// assert!((l2::add(0.3, &delays, &mut gradients) - 0.9).abs() < 1e-15);
/// assert!((gradients[0][1] - 0.4).abs() < 1e-15 && (gradients[1][0] - 0.9).abs() < 1e-15);
/// ```
///
/// # Panics
/// If the shapes of an array and its gradient differ.
pub fn add<'a, D: Dimension + 'a>(
    alpha: f64,
    parameters: impl IntoIterator<Item = &'a Array<f64, D>> + Clone,
    gradients: &mut [Array<f64, D>],
) -> f64 {
    let n: usize = parameters.clone().into_iter().map(Array::len).sum();
    if alpha == 0.0 || n == 0 {
        return 0.0;
    }
    let scale = alpha / n as f64;
    let mut price = 0.0;
    for (parameters, gradients) in parameters.into_iter().zip(gradients) {
        price += scale * parameters.iter().map(|p| p * p).sum::<f64>();
        gradients.scaled_add(2.0 * scale, parameters);
    }
    price
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn the_gradient_is_the_derivative() {
        let parameters = [array![[0.4, -1.2], [2.0, 0.1]], array![[3.0], [-0.7]]];
        let zeros = || [Array2::zeros((2, 2)), Array2::zeros((2, 1))];
        let mut gradients = zeros();
        let price = add(0.7, &parameters, &mut gradients);
        assert!((price - 0.7 * (0.16 + 1.44 + 4.0 + 0.01 + 9.0 + 0.49) / 6.0).abs() < 1e-14);
        for layer in 0..2 {
            for at in [(0, 0), (1, 0)] {
                let shifted = |h: f64| {
                    let mut moved = parameters.clone();
                    moved[layer][at] += h;
                    add(0.7, &moved, &mut zeros())
                };
                let difference = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
                assert!((difference - gradients[layer][at]).abs() < 1e-9);
            }
        }
        assert_eq!(add(0.0, &parameters, &mut gradients), 0.0);
    }
}
