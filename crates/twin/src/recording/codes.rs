//! How real-valued weights became codes in the published experiments.

use ndarray::Array2;

/// Largest code of a synapse.
const LARGEST: f64 = 63.0;

/// The codes that the published training wrote for its real-valued weights.
///
/// ```text
/// w -> clip to +-63/lsb -> round to 1/lsb -> lsb w, truncated to a whole number
/// ```
/// The product of a rounded weight with `lsb` can lie just below the whole number that it stands for, and truncation then takes one
/// off: 62 becomes 61, 31 becomes 30, with either sign. The recorded codes show exactly that, so it is kept here, and only here.
///
/// ```
/// use ndarray::array;
/// use twin::recording::truncated_codes;
/// assert_eq!(truncated_codes(&array![[1.0, 31.0 / 30.0, -31.0 / 30.0, 9.0]], 30.0), array![[30, 30, -30, 63]]);
/// ```
pub fn truncated_codes(weights: &Array2<f64>, lsb_per_weight: f64) -> Array2<i8> {
    let limit = LARGEST / lsb_per_weight;
    let step = 1.0 / lsb_per_weight;
    weights.mapv(|w| {
        let on_grid = libm::rint(w.clamp(-limit, limit) / step) * step;
        libm::trunc(on_grid * lsb_per_weight) as i8
    })
}
