//! Labelled grey-scale images, one byte a pixel: what MNIST and Fashion-MNIST are made of, and both published ways to turn
//! pixels into features.

use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis};

use super::{idx, resize::Triangle};
use crate::Error;

/// Side of the published images.
const SIDE: usize = 28;
/// What is cut off each border before the resize to 16x16.
const BORDER: usize = 2;
/// Side after the resize.
const SMALL_SIDE: usize = 16;
/// Both sets have ten classes.
const N_CLASSES: usize = 10;

/// A published set of 70,000 images of 28x28 pixels in ten classes, in four IDX files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageSet {
    /// Handwritten digits. "The MNIST database of handwritten digits", 1998.
    Mnist,
    /// Articles of clothing. Xiao, Rasul, Vollgraf, arXiv 1708.07747.
    FashionMnist,
}

/// Which of the published files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The 60,000 training images.
    Train,
    /// The 10,000 test images.
    Test,
}

/// What is made of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipeline {
    /// All 28x28 pixels; feature `1 - pixel/256`.
    Full,
    /// The central 24x24 pixels, resized to 16x16 by an antialiased bilinear filter in 8 bit; feature `1 - pixel/255` in single
    /// precision.
    Small,
}

impl ImageSet {
    /// Names of the classes by label.
    pub fn class_names(self) -> [&'static str; N_CLASSES] {
        match self {
            Self::Mnist => ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
            Self::FashionMnist => [
                "T-shirt/top",
                "trouser",
                "pullover",
                "dress",
                "coat",
                "sandal",
                "shirt",
                "sneaker",
                "bag",
                "ankle boot",
            ],
        }
    }

    /// Name of the folder, in the folder of all data sets, that holds the four files.
    pub fn folder_name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
        }
    }

    /// Where the files are published.
    pub fn url(self) -> &'static str {
        match self {
            Self::Mnist => "https://ossci-datasets.s3.amazonaws.com/mnist/",
            Self::FashionMnist => "https://github.com/zalandoresearch/fashion-mnist/tree/master/data/fashion",
        }
    }

    /// Names of the image and the label file of a part, as published but for `.gz`.
    pub fn file_names(part: Part) -> [&'static str; 2] {
        match part {
            Part::Train => ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
            Part::Test => ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
        }
    }

    /// Reads a part from `folder/mnist` or `folder/fashion-mnist`; each file may be gzipped (`.gz`) or not.
    ///
    /// ```no_run
    /// use ttfs::data::images::{ImageSet, Part, Pipeline};
    ///
    /// let test = ImageSet::Mnist.load("data".as_ref(), Part::Test, Pipeline::Small)?;
    /// assert_eq!(test.pixels.dim(), (10_000, 256));
    /// # Ok::<(), ttfs::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::MissingData`] with the files that are missing, where they come from and where they belong; [`Error::Idx`] for
    /// damaged files, [`Error::Shape`] if the images are not 28x28 or not as many as labels, [`Error::Label`].
    pub fn load(self, folder: &Path, part: Part, pipeline: Pipeline) -> Result<Images, Error> {
        let folder = folder.join(self.folder_name());
        let [images, labels] = self.files(&folder, part)?;
        let ([n, rows, columns], pixels) = idx::read::<3>(&images)?;
        if (rows, columns) != (SIDE, SIDE) {
            return Err(Error::Shape { what: "images", found: vec![rows, columns], expected: vec![SIDE, SIDE] });
        }
        let (_, labels) = idx::read::<1>(&labels)?;
        let labels = labels.into_iter().map(usize::from).collect();
        let pixels = Array2::from_shape_vec((n, SIDE * SIDE), pixels).map_err(|_| Error::Shape {
            what: "images",
            found: vec![n, rows, columns],
            expected: vec![n, SIDE, SIDE],
        })?;
        Images::new(pixels, labels, N_CLASSES, pipeline)
    }

    /// The image and the label file of a part.
    fn files(self, folder: &Path, part: Part) -> Result<[PathBuf; 2], Error> {
        let found = Self::file_names(part)
            .map(|name| [folder.join(format!("{name}.gz")), folder.join(name)].into_iter().find(|path| path.is_file()));
        if let [Some(images), Some(labels)] = found {
            return Ok([images, labels]);
        }
        // All that is missing of the set, so that one download is enough.
        let is_missing =
            |name: &&str| ![format!("{name}.gz"), (*name).to_owned()].iter().any(|n| folder.join(n).is_file());
        let names = [Part::Train, Part::Test].into_iter().flat_map(Self::file_names);
        let files = names.filter(is_missing).map(|name| format!("{name}.gz")).collect();
        Err(Error::MissingData { files, url: self.url(), folder: folder.to_owned() })
    }
}

/// Labelled images, kept as the bytes they are.
///
/// A byte stands for one of 256 features, so that 60,000 images of 28x28 pixels take 47 MB; they become spike times
/// batch by batch ([`Samples`](crate::samples::Samples)).
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    /// Pixels row by row, shape `(n_images, n_pixels)`; 0 is background, 255 ink.
    pub pixels: Array2<u8>,
    /// Class of each image, `0..n_classes`.
    pub labels: Vec<usize>,
    /// Number of classes.
    pub n_classes: usize,
    /// Feature in `0..=1` of each value that a pixel can have; background is exactly 1, and ink is early.
    pub features: [f64; 256],
}

impl Images {
    /// Takes 28x28 images `(n_images, 784)` through a pipeline.
    ///
    /// ```
    /// use ndarray::Array2;
    /// use ttfs::data::images::{Images, Pipeline};
    ///
    /// let black = Images::new(Array2::from_elem((1, 784), 255), vec![3], 10, Pipeline::Small)?;
    /// assert_eq!(black.pixels, Array2::from_elem((1, 256), 255));
    /// assert_eq!((black.features[255], black.features[0]), (0.0, 1.0));
    /// # Ok::<(), ttfs::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] unless images have 784 pixels and there is one label each, [`Error::Label`] for a label that is not
    /// below `n_classes`.
    pub fn new(pixels: Array2<u8>, labels: Vec<usize>, n_classes: usize, pipeline: Pipeline) -> Result<Self, Error> {
        if pixels.ncols() != SIDE * SIDE {
            let (found, expected) = (pixels.shape().to_vec(), vec![pixels.nrows(), SIDE * SIDE]);
            return Err(Error::Shape { what: "images", found, expected });
        }
        super::check_labels(&labels, pixels.nrows(), n_classes)?;
        let (pixels, features) = match pipeline {
            // Exact in any precision.
            Pipeline::Full => (pixels, features(|pixel| 1.0 - f64::from(pixel) / 256.0)),
            Pipeline::Small => (small(&pixels), features(|pixel| f64::from(1.0 - f32::from(pixel) / 255.0))),
        };
        Ok(Self { pixels, labels, n_classes, features })
    }

    /// The images of a range of indices.
    ///
    /// # Panics
    /// If the range goes beyond the images.
    #[must_use]
    pub fn range(&self, range: std::ops::Range<usize>) -> Self {
        let pixels = self.pixels.slice(ndarray::s![range.clone(), ..]).to_owned();
        Self { pixels, labels: self.labels[range].to_vec(), ..*self }
    }
}

fn features(of_pixel: impl Fn(u8) -> f64) -> [f64; 256] {
    std::array::from_fn(|pixel| of_pixel(pixel as u8))
}

/// Central crop and resize of all images.
fn small(images: &Array2<u8>) -> Array2<u8> {
    let crop = SIDE - 2 * BORDER;
    let filter = Triangle::new(crop, SMALL_SIDE);
    let mut out = Array2::zeros((images.nrows(), SMALL_SIDE * SMALL_SIDE));
    for (image, mut out) in images.axis_iter(Axis(0)).zip(out.axis_iter_mut(Axis(0))) {
        let inner = |k: usize| image[(k / crop + BORDER) * SIDE + k % crop + BORDER];
        let cropped: Vec<u8> = (0..crop * crop).map(inner).collect();
        for (out, pixel) in out.iter_mut().zip(filter.apply(&cropped)) {
            *out = pixel;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crop_is_central_and_background_is_exactly_one() {
        // A frame of two pixels is cut off; one pixel inside it is seen.
        let frame = |k: usize| k / SIDE < 2 || k / SIDE >= 26 || k % SIDE < 2 || k % SIDE >= 26;
        let image = Array2::from_shape_fn((1, 784), |(_, k)| if frame(k) { 255 } else { 0 });
        let images = Images::new(image.clone(), vec![0], 10, Pipeline::Small).unwrap();
        assert!(images.pixels.iter().all(|p| *p == 0));
        assert_eq!(images.features[0], 1.0);
        let mut image = image;
        image[[0, 2 * SIDE + 2]] = 255;
        let images = Images::new(image, vec![0], 10, Pipeline::Small).unwrap();
        assert!(images.pixels[[0, 0]] > 50 && images.pixels.iter().skip(20).all(|p| *p == 0));
    }

    #[test]
    fn features_are_those_of_the_published_pipelines() {
        let image = Array2::zeros((2, 784));
        let full = Images::new(image.clone(), vec![0, 9], 10, Pipeline::Full).unwrap();
        assert_eq!((full.features[0], full.features[255], full.features[64]), (1.0, 1.0 / 256.0, 0.75));
        let small = Images::new(image.clone(), vec![0, 9], 10, Pipeline::Small).unwrap();
        assert_eq!(small.features[51], f64::from(1.0 - 0.2_f32));
        assert_eq!(small.range(1..2).labels, [9]);
        assert!(matches!(Images::new(image.clone(), vec![0], 10, Pipeline::Full), Err(Error::Shape { .. })));
        assert!(matches!(Images::new(image, vec![0, 10], 10, Pipeline::Full), Err(Error::Label { sample: 1, .. })));
        assert!(Images::new(Array2::zeros((1, 783)), vec![0], 10, Pipeline::Full).is_err());
    }

    #[test]
    fn a_missing_set_says_what_to_fetch_and_where_it_belongs() {
        let folder = tempfile::tempdir().unwrap();
        let error = ImageSet::FashionMnist.load(folder.path(), Part::Test, Pipeline::Full).unwrap_err().to_string();
        for words in ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "zalandoresearch", "fashion-mnist"] {
            assert!(error.contains(words), "{error}");
        }
        assert!(error.contains(folder.path().to_str().unwrap()), "{error}");
    }
}
