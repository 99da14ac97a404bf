//! Labelled samples, whatever they come from: the shapes that encodings, training and studies share.

pub mod idx;
pub mod images;
pub mod mersenne;
mod resize;
pub mod yin_yang;

use ndarray::Array2;

use crate::Error;

/// Labelled samples with features between 0 and 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Features in `0..=1`, shape `(n_samples, n_features)`.
    pub features: Array2<f64>,
    /// Class of each sample, `0..n_classes`.
    pub labels: Vec<usize>,
    /// Number of classes.
    pub n_classes: usize,
}

impl Dataset {
    /// Puts checked features and labels together.
    ///
    /// ```
    /// use ndarray::array;
    /// use ttfs::data::Dataset;
    ///
    /// let data = Dataset::new(array![[0.0, 1.0], [0.5, 0.25]], vec![1, 0], 2)?;
    /// assert_eq!((data.n_samples(), data.n_features()), (2, 2));
    /// assert!(Dataset::new(array![[f64::NAN]], vec![0], 1).is_err());
    /// # Ok::<(), ttfs::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] unless there is one label per row, [`Error::Feature`] for a feature outside `0..=1` (`NaN`
    /// included), [`Error::Label`] for a label that is not below `n_classes`.
    pub fn new(features: Array2<f64>, labels: Vec<usize>, n_classes: usize) -> Result<Self, Error> {
        check_labels(&labels, features.nrows(), n_classes)?;
        for ((sample, feature), &value) in features.indexed_iter() {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::Feature { sample, feature, value });
            }
        }
        Ok(Self { features, labels, n_classes })
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.features.nrows()
    }

    /// Number of features of each sample.
    pub fn n_features(&self) -> usize {
        self.features.ncols()
    }
}

/// Accepts one label per sample, each below the number of classes.
fn check_labels(labels: &[usize], n_samples: usize, n_classes: usize) -> Result<(), Error> {
    if labels.len() != n_samples {
        return Err(Error::Shape { what: "labels", found: vec![labels.len()], expected: vec![n_samples] });
    }
    match labels.iter().enumerate().find(|&(_, &label)| label >= n_classes) {
        Some((sample, &label)) => Err(Error::Label { sample, label, n_classes }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn each_defect_is_named() {
        let features = array![[0.0, 0.5], [1.0, 0.25]];
        assert!(matches!(Dataset::new(features.clone(), vec![0], 2), Err(Error::Shape { .. })));
        assert!(matches!(
            Dataset::new(features.clone(), vec![0, 2], 2),
            Err(Error::Label { sample: 1, label: 2, n_classes: 2 })
        ));
        for bad in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
            let mut features = features.clone();
            features[[1, 0]] = bad;
            assert!(matches!(Dataset::new(features, vec![0, 1], 2), Err(Error::Feature { sample: 1, feature: 0, .. })));
        }
    }
}
