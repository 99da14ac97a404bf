//! Labelled spike times: data sets after their encoding, from which training draws its batches.

use std::ops::Range;

use ndarray::{Array2, Axis, s};
use rayon::prelude::*;

use crate::Error;
use crate::data::Dataset;
use crate::data::images::Images;
use crate::encoding::TimeEncoding;

/// Samples that are worth handing to another thread.
const WORTH_A_THREAD: usize = 64;

/// Input spike times with their labels.
///
/// Images stay the bytes they are and become spike times when a batch asks for them: 60,000 images of 28x28 pixels take
/// 47 MB, where their spike times would take 376 MB.
///
/// ```
/// use ttfs::{data::yin_yang::YinYang, encoding::TimeEncoding, samples::Samples};
///
/// let samples = Samples::new(&YinYang::new(42, 10).generate()?, &TimeEncoding::default());
/// assert_eq!((samples.n_samples(), samples.n_inputs()), (10, 25));
/// let batch = samples.times_of(&[7, 3]);
/// assert_eq!(batch.row(1), samples.times(3..4).row(0));
/// # Ok::<(), ttfs::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    source: Source,
    /// What each input of the network carries; none: the inputs are those of the source, in their order.
    channels: Option<Vec<Channel>>,
    /// Class of each sample.
    pub labels: Vec<usize>,
    /// Number of classes.
    pub n_classes: usize,
}

/// What an input of a network carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Channel {
    /// The spike of an input of the encoding, counted from 0.
    Input(usize),
    /// A spike at a fixed time in `tau_syn`.
    At(f64),
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    /// Spike times `(n_samples, n_inputs)`.
    Times(Array2<f64>),
    /// Bytes `(n_samples, n_features)`, the feature of each byte, and what becomes of features.
    Bytes { bytes: Array2<u8>, features: Box<[f64; 256]>, encoding: TimeEncoding },
}

impl Samples {
    /// Encodes a data set.
    pub fn new(data: &Dataset, encoding: &TimeEncoding) -> Self {
        let source = Source::Times(encoding.encode(data));
        Self { source, channels: None, labels: data.labels.clone(), n_classes: data.n_classes }
    }

    /// Takes images, to be encoded as they are asked for.
    pub fn of_images(images: Images, encoding: &TimeEncoding) -> Self {
        let Images { pixels: bytes, labels, n_classes, features } = images;
        let source = Source::Bytes { bytes, features: Box::new(features), encoding: encoding.clone() };
        Self { source, channels: None, labels, n_classes }
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.labels.len()
    }

    /// The same samples for a network whose inputs carry something else: inputs of the encoding once, several times or not at
    /// all, and spikes at fixed times.
    ///
    /// ```
    /// use ttfs::{data::yin_yang::YinYang, encoding::TimeEncoding, samples::{Channel, Samples}};
    ///
    /// let encoding = TimeEncoding { copies: 1, ..TimeEncoding::default() };
    /// let samples = Samples::new(&YinYang::new(42, 10).generate()?, &encoding);
    /// let channels = vec![Channel::Input(2), Channel::At(0.5), Channel::Input(2)];
    /// let again = samples.clone().with_channels(channels)?;
    /// assert_eq!(again.times(0..1).row(0).to_vec(), [samples.times(0..1)[[0, 2]], 0.5, samples.times(0..1)[[0, 2]]]);
    /// # Ok::<(), ttfs::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] if there is no such input of the encoding.
    pub fn with_channels(mut self, channels: Vec<Channel>) -> Result<Self, Error> {
        let n = self.source.n_inputs();
        for channel in &channels {
            if let Channel::Input(input) = channel
                && *input >= n
            {
                return Err(Error::Shape { what: "inputs of the encoding", found: vec![n], expected: vec![input + 1] });
            }
        }
        self.channels = Some(channels);
        Ok(self)
    }

    /// The first `n` samples, or all if there are fewer.
    #[must_use]
    pub fn first(&self, n: usize) -> Self {
        let n = n.min(self.n_samples());
        let source = match &self.source {
            Source::Times(times) => Source::Times(times.slice(s![..n, ..]).to_owned()),
            Source::Bytes { bytes, features, encoding } => Source::Bytes {
                bytes: bytes.slice(s![..n, ..]).to_owned(),
                features: features.clone(),
                encoding: encoding.clone(),
            },
        };
        Self { source, channels: self.channels.clone(), labels: self.labels[..n].to_vec(), n_classes: self.n_classes }
    }

    /// Number of inputs of the network.
    pub fn n_inputs(&self) -> usize {
        self.channels.as_ref().map_or_else(|| self.source.n_inputs(), Vec::len)
    }

    /// Spike times in model time of the chosen samples, in the order given: `(n_chosen, n_inputs)`, `+inf` for silence.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn times_of(&self, chosen: &[usize]) -> Array2<f64> {
        let times = self.source.times_of(chosen);
        let Some(channels) = &self.channels else { return times };
        Array2::from_shape_fn((chosen.len(), channels.len()), |(sample, channel)| match channels[channel] {
            Channel::Input(input) => times[[sample, input]],
            Channel::At(time) => time,
        })
    }

    /// Spike times of a range of samples.
    ///
    /// # Panics
    /// If the range goes beyond the samples.
    pub fn times(&self, range: Range<usize>) -> Array2<f64> {
        self.times_of(&range.collect::<Vec<_>>())
    }
}

impl Source {
    fn n_inputs(&self) -> usize {
        match self {
            Self::Times(times) => times.ncols(),
            Self::Bytes { bytes, encoding, .. } => encoding.n_inputs(bytes.ncols()),
        }
    }

    fn times_of(&self, chosen: &[usize]) -> Array2<f64> {
        match self {
            Self::Times(times) => times.select(Axis(0), chosen),
            Self::Bytes { bytes, features, encoding } => {
                // What an encoding does to a byte is worked out once a batch, not once a pixel.
                let of_byte = features.map(|feature| encoding.time(feature));
                let mut times = Array2::zeros((chosen.len(), self.n_inputs()));
                let rows = times.axis_iter_mut(Axis(0)).into_par_iter().zip(chosen).with_min_len(WORTH_A_THREAD);
                rows.for_each(|(times, &sample)| {
                    encoding.fill(times, bytes.row(sample).iter().map(|&byte| of_byte[usize::from(byte)]));
                });
                times
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::images::Pipeline;
    use crate::encoding::Background;

    /// Bytes give the times that the same features would give.
    #[test]
    fn images_and_features_agree() {
        let pixels = Array2::from_shape_fn((3, 784), |(i, k)| ((17 * k + 5 * i) % 256) as u8);
        let images = Images::new(pixels, vec![0, 1, 2], 10, Pipeline::Full).unwrap();
        let features = images.pixels.mapv(|pixel| images.features[usize::from(pixel)]);
        let data = Dataset::new(features, images.labels.clone(), 10).unwrap();
        for background in [Background::Late, Background::Silent] {
            let encoding = TimeEncoding { copies: 2, background, ..TimeEncoding::default() };
            let bytes = Samples::of_images(images.clone(), &encoding);
            let dense = Samples::new(&data, &encoding);
            assert_eq!(bytes.times_of(&[2, 0]), dense.times_of(&[2, 0]));
            assert_eq!(bytes.times(0..3), encoding.encode(&data));
            assert_eq!((bytes.n_inputs(), bytes.n_samples()), (2 * 785, 3));
            let silent = bytes.times(0..3).iter().filter(|t| t.is_infinite()).count();
            assert_eq!(silent > 0, background == Background::Silent);
        }
    }
}
