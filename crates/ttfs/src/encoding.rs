//! How features become spike times.

use ndarray::{Array2, ArrayViewMut1, Axis};
use serde::{Deserialize, Serialize};

use crate::{Error, data::Dataset, error};

/// One spike per feature, early for small values and late for large ones, beside a bias spike, all of it repeated.
///
/// ```text
/// t = t_early + v (t_late - t_early)          v: feature in 0..=1, times in tau_syn
/// inputs: (features..., bias), the whole block `copies` times
/// ```
///
/// A feature of exactly 1, the background of an image, spikes at `t_late` or not at all ([`Background`]).
///
/// Copies let several hardware synapses of bounded weight act as one. In configuration files `bias = "none"` leaves the
/// bias spike out.
///
/// Source: Göltz, Kriener et al., Nature Machine Intelligence 3 (2021) 823; the defaults are those of its Yin-Yang
/// experiment on `BrainScaleS-2`.
///
/// ```
/// use ndarray::array;
/// use ttfs::{data::Dataset, encoding::TimeEncoding};
///
/// let data = Dataset::new(array![[0.0, 1.0]], vec![0], 1)?;
/// let times = TimeEncoding { copies: 2, ..TimeEncoding::default() }.encode(&data);
/// assert_eq!(times, array![[0.15, 2.0, 0.9, 0.15, 2.0, 0.9]]);
/// # Ok::<(), ttfs::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeEncoding {
    /// Spike time of the feature value 0, in `tau_syn`.
    pub t_early: f64,
    /// Spike time of the feature value 1, in `tau_syn`.
    pub t_late: f64,
    /// Time of the bias spike, in `tau_syn`.
    #[serde(with = "time_or_none")]
    pub bias: Option<f64>,
    /// How often the block of inputs is repeated.
    pub copies: usize,
    /// What a feature of exactly 1 does.
    pub background: Background,
}

/// What a feature of exactly 1 does: in an image it is background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Background {
    /// It spikes at `t_late`, like any other feature: published for Yin-Yang and 28x28 images.
    #[default]
    Late,
    /// It does not spike: published for 16x16 images.
    Silent,
}

/// Latest spike time that makes sense, in `tau_syn`.
const LATEST: f64 = 1000.0;
/// Most channels per feature: more than a chip has.
const MOST_COPIES: f64 = 1000.0;

impl Default for TimeEncoding {
    fn default() -> Self {
        Self { t_early: 0.15, t_late: 2.0, bias: Some(0.9), copies: 5, background: Background::Late }
    }
}

impl TimeEncoding {
    /// Accepts encodings with finite non-negative times in order and at least one copy.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the first field that is not acceptable.
    pub fn check(&self) -> Result<(), Error> {
        error::within("t_late", self.t_late, 0.0, LATEST)?;
        error::within("t_early", self.t_early, 0.0, self.t_late)?;
        if let Some(bias) = self.bias {
            error::within("bias", bias, 0.0, LATEST)?;
        }
        error::within("copies", self.copies as f64, 1.0, MOST_COPIES)
    }

    /// Number of inputs for samples with `n_features` features.
    pub fn n_inputs(&self, n_features: usize) -> usize {
        (n_features + usize::from(self.bias.is_some())) * self.copies
    }

    /// Spike times in `tau_syn`, shape `(n_samples, n_inputs)`.
    pub fn encode(&self, data: &Dataset) -> Array2<f64> {
        let mut times = Array2::zeros((data.n_samples(), self.n_inputs(data.n_features())));
        for (inputs, features) in times.rows_mut().into_iter().zip(data.features.rows()) {
            self.fill(inputs, features.iter().map(|&feature| self.time(feature)));
        }
        times
    }

    /// Spike time of a feature in `tau_syn`, `+inf` for none.
    pub fn time(&self, feature: f64) -> f64 {
        if feature == 1.0 && self.background == Background::Silent {
            return f64::INFINITY;
        }
        self.t_early + feature * (self.t_late - self.t_early)
    }

    /// Lays out the spike times of one sample's features, with bias and copies.
    pub(crate) fn fill(&self, mut inputs: ArrayViewMut1<f64>, features: impl Iterator<Item = f64>) {
        let n = inputs.len() / self.copies.max(1);
        let (mut first, mut copies) = inputs.view_mut().split_at(Axis(0), n);
        first.iter_mut().zip(features).for_each(|(input, t)| *input = t);
        if let (Some(bias), Some(last)) = (self.bias, first.last_mut()) {
            *last = bias;
        }
        for mut copy in copies.axis_chunks_iter_mut(Axis(0), n.max(1)) {
            copy.assign(&first);
        }
    }
}

/// Configuration files have no `None`: there the word `none` says it.
mod time_or_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Word {
        None,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(untagged, expecting = "a time, or \"none\"")]
    enum Written {
        Time(f64),
        Word(Word),
    }

    #[allow(clippy::ref_option, reason = "the signature serde asks for")]
    pub(super) fn serialize<S: Serializer>(time: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return time.serialize(serializer);
        }
        time.map_or(Written::Word(Word::None), Written::Time).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        if !deserializer.is_human_readable() {
            return Option::deserialize(deserializer);
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Time(time) => Some(time),
            Written::Word(Word::None) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn layout_is_blocks_of_features_and_bias() {
        let data = Dataset::new(array![[0.0, 0.5], [1.0, 0.25]], vec![0, 0], 1).unwrap();
        let encoding =
            TimeEncoding { t_early: 1.0, t_late: 3.0, bias: Some(0.5), copies: 2, background: Background::Late };
        let expected = array![[1.0, 2.0, 0.5, 1.0, 2.0, 0.5], [3.0, 1.5, 0.5, 3.0, 1.5, 0.5]];
        assert_eq!(encoding.encode(&data), expected);
        let encoding = TimeEncoding { bias: None, copies: 1, ..encoding };
        assert_eq!(encoding.encode(&data), array![[1.0, 2.0], [3.0, 1.5]]);
        assert_eq!(encoding.n_inputs(2), 2);
        let encoding = TimeEncoding { background: Background::Silent, ..encoding };
        assert_eq!(encoding.encode(&data), array![[1.0, 2.0], [f64::INFINITY, 1.5]]);
    }

    #[test]
    fn settings_without_meaning_are_refused() {
        assert!(TimeEncoding::default().check().is_ok());
        assert!(TimeEncoding { copies: 0, ..TimeEncoding::default() }.check().is_err());
        assert!(TimeEncoding { t_early: -0.1, ..TimeEncoding::default() }.check().is_err());
        assert!(TimeEncoding { t_late: 0.1, ..TimeEncoding::default() }.check().is_err());
        assert!(TimeEncoding { t_late: f64::INFINITY, ..TimeEncoding::default() }.check().is_err());
        assert!(TimeEncoding { bias: Some(f64::NAN), ..TimeEncoding::default() }.check().is_err());
    }

    #[test]
    fn a_configuration_file_can_leave_the_bias_out() {
        use serde::de::{IntoDeserializer, value};

        let time: Result<_, value::Error> = time_or_none::deserialize(2.5.into_deserializer());
        assert_eq!(time.unwrap(), Some(2.5));
        let none: Result<_, value::Error> = time_or_none::deserialize("none".into_deserializer());
        assert_eq!(none.unwrap(), None);
        let other: Result<_, value::Error> = time_or_none::deserialize("never".into_deserializer());
        assert!(other.unwrap_err().to_string().contains("a time, or \"none\""));
    }
}
