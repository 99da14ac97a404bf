//! The Yin-Yang data set: the smallest task on which a deep network clearly beats a shallow one, and the one that
//! published time-to-first-spike networks on `BrainScaleS-2` are compared on.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{Dataset, mersenne::Mersenne};
use crate::{Error, error};

/// Names of the classes by label. (The reference generator lists the first two the other way round, but its label 1 is
/// what it calls yin.)
pub const CLASS_NAMES: [&str; 3] = ["yang", "yin", "dot"];

/// Generator of Yin-Yang samples, bit-exact with the reference generator.
///
/// Each sample first draws the class it wants, then points uniform in the square of side `2 r_big` until one falls into
/// the disc and has that class, so classes are equally likely. With `d_l`, `d_r` the distances to the centres
/// `(r_big/2, r_big)` and `(3 r_big/2, r_big)` of the dots:
///
/// ```text
/// dot  (2)   d_l < r_small  or  d_r < r_small
/// yin  (1)   else if  d_r <= r_small  or  r_small < d_l <= r_big/2  or  (y > r_big and d_r > r_big/2)
/// yang (0)   else
/// features   (x, y, 1 - x, 1 - y)
/// ```
///
/// Source: Kriener, Göltz, Petrovici, arXiv 2102.08211. The published sets have 5000 / 1000 / 1000 samples for
/// training / validation / test with the seeds 42 / 41 / 40.
///
/// ```
/// use ttfs::data::yin_yang::YinYang;
///
/// let train = YinYang::new(42, 5000).generate()?;
/// assert_eq!(train.features.dim(), (5000, 4));
/// assert_eq!(train.labels.iter().filter(|&&label| label == 2).count(), 1617);
/// # Ok::<(), ttfs::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct YinYang {
    /// Seed of numpy's legacy generator.
    pub seed: u32,
    /// Number of samples.
    pub n_samples: usize,
    /// Radius of the two dots.
    pub r_small: f64,
    /// Radius of the disc.
    pub r_big: f64,
}

impl Default for YinYang {
    fn default() -> Self {
        Self { seed: 42, n_samples: 5000, r_small: 0.1, r_big: 0.5 }
    }
}

impl YinYang {
    /// The published geometry with another seed or size.
    pub fn new(seed: u32, n_samples: usize) -> Self {
        Self { seed, n_samples, ..Self::default() }
    }

    /// Accepts geometries in which all classes exist and all features are in `0..=1`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `1e-3 <= r_big <= 0.5` and `r_big/100 <= r_small <= 0.45 r_big`.
    pub fn check(&self) -> Result<(), Error> {
        error::within("r_big", self.r_big, 1e-3, 0.5)?;
        error::within("r_small", self.r_small, 0.01 * self.r_big, 0.45 * self.r_big)
    }

    /// Draws the samples: features `(n_samples, 4)`, three classes.
    ///
    /// # Errors
    /// Those of [`Self::check`].
    pub fn generate(&self) -> Result<Dataset, Error> {
        self.check()?;
        let mut random = Mersenne::new(self.seed);
        let mut features = Array2::zeros((self.n_samples, 4));
        let mut labels = Vec::with_capacity(self.n_samples);
        for mut row in features.rows_mut() {
            let wanted = random.randint(3) as usize;
            let (x, y) = self.draw(&mut random, wanted);
            for (feature, value) in row.iter_mut().zip([x, y, 1.0 - x, 1.0 - y]) {
                *feature = value;
            }
            labels.push(wanted);
        }
        Dataset::new(features, labels, CLASS_NAMES.len())
    }

    fn draw(&self, random: &mut Mersenne, wanted: usize) -> (f64, f64) {
        loop {
            let x = random.random_double() * 2.0 * self.r_big;
            let y = random.random_double() * 2.0 * self.r_big;
            if distance(x, y, self.r_big, self.r_big) <= self.r_big && self.class_of(x, y) == wanted {
                return (x, y);
            }
        }
    }

    /// The class of a point of the disc.
    pub fn class_of(&self, x: f64, y: f64) -> usize {
        let left = distance(x, y, 0.5 * self.r_big, self.r_big);
        let right = distance(x, y, 1.5 * self.r_big, self.r_big);
        let half = 0.5 * self.r_big;
        if left < self.r_small || right < self.r_small {
            return 2;
        }
        let yin = right <= self.r_small || (left > self.r_small && left <= half) || (y > self.r_big && right > half);
        usize::from(yin)
    }
}

fn distance(x: f64, y: f64, x0: f64, y0: f64) -> f64 {
    ((x - x0) * (x - x0) + (y - y0) * (y - y0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_points_and_counts_of_the_published_sets() {
        let train = YinYang::new(42, 5000).generate().unwrap();
        assert!((train.features[[0, 0]] - 0.680_307_54).abs() < 1e-8);
        assert!((train.features[[0, 1]] - 0.450_499_25).abs() < 1e-8);
        assert_eq!(train.features[[0, 2]], 1.0 - train.features[[0, 0]]);
        assert_eq!(train.features[[0, 3]], 1.0 - train.features[[0, 1]]);
        assert_eq!(train.labels[0], 2);
        let test = YinYang::new(40, 1000).generate().unwrap();
        assert!((test.features[[0, 0]] - 0.234_096_65).abs() < 1e-8);
        assert!((test.features[[0, 1]] - 0.401_724_98).abs() < 1e-8);
        assert_eq!(test.labels[0], 2);
        let validation = YinYang::new(41, 1000).generate().unwrap();
        for (data, expected) in [(train, [1681, 1702, 1617]), (validation, [316, 336, 348]), (test, [350, 316, 334])] {
            let counts = [0, 1, 2].map(|class| data.labels.iter().filter(|&&label| label == class).count());
            assert_eq!(counts, expected);
        }
    }

    #[test]
    fn classes_by_place() {
        let rule = YinYang::default();
        let places = [(0.25, 0.5, "dot"), (0.75, 0.5, "dot"), (0.5, 0.9, "yin"), (0.5, 0.1, "yang")];
        for (x, y, name) in places.into_iter().chain([(0.25, 0.35, "yin"), (0.75, 0.65, "yang")]) {
            assert_eq!(CLASS_NAMES[rule.class_of(x, y)], name, "at ({x}, {y})");
        }
    }

    #[test]
    fn geometries_without_some_class_are_refused() {
        for (r_small, r_big) in [(0.0, 0.5), (0.3, 0.5), (0.1, 0.6), (0.1, 0.0), (f64::NAN, 0.5)] {
            assert!(YinYang { r_small, r_big, ..YinYang::default() }.generate().is_err());
        }
        assert_eq!(YinYang::new(1, 0).generate().unwrap().n_samples(), 0);
    }
}
