//! Which samples: a data set by name, or files of the user's.

use std::path::PathBuf;

use bss2_emu::Problem;
use serde::{Deserialize, Serialize};
use ttfs::data::images::{ImageSet, Pipeline};
use ttfs::data::yin_yang;

/// Environment variable that names the folder of data sets.
const FOLDER_VARIABLE: &str = "BSS2_DATA";
/// The folder of data sets where nothing names another.
const FOLDER: &str = "data";
/// More samples than this are no data set for this program.
const MOST_SAMPLES: usize = 10_000_000;
/// Training images of MNIST and Fashion-MNIST that are not kept for validation, and those that are.
const IMAGES: [usize; 3] = [50_000, 10_000, 10_000];

/// A data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataKind {
    /// Points of the Yin-Yang plane, generated.
    YinYang,
    /// MNIST, 28x28.
    Mnist,
    /// MNIST, cropped and resized to 16x16.
    Mnist16,
    /// Fashion-MNIST, 28x28.
    FashionMnist,
    /// Fashion-MNIST, cropped and resized to 16x16.
    FashionMnist16,
    /// A table of the user's.
    File,
}

impl DataKind {
    /// All kinds with their names in configurations.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("yin-yang", Self::YinYang),
        ("mnist", Self::Mnist),
        ("mnist16", Self::Mnist16),
        ("fashion-mnist", Self::FashionMnist),
        ("fashion-mnist16", Self::FashionMnist16),
        ("file", Self::File),
    ];

    /// The kind of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, kind)| kind)
    }

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// The images that it is made of, and how.
    pub fn images(self) -> Option<(ImageSet, Pipeline)> {
        match self {
            Self::Mnist => Some((ImageSet::Mnist, Pipeline::Full)),
            Self::Mnist16 => Some((ImageSet::Mnist, Pipeline::Small)),
            Self::FashionMnist => Some((ImageSet::FashionMnist, Pipeline::Full)),
            Self::FashionMnist16 => Some((ImageSet::FashionMnist, Pipeline::Small)),
            Self::YinYang | Self::File => None,
        }
    }

    /// Number of features and of classes; not known for files before they are read.
    pub fn shape(self) -> Option<(usize, usize)> {
        match self {
            Self::YinYang => Some((4, yin_yang::CLASS_NAMES.len())),
            Self::Mnist | Self::FashionMnist => Some((28 * 28, 10)),
            Self::Mnist16 | Self::FashionMnist16 => Some((16 * 16, 10)),
            Self::File => None,
        }
    }

    /// Published numbers of training, validation and test samples; 0 for as many as there are.
    fn sizes(self) -> [usize; 3] {
        match self {
            Self::YinYang => [5000, 1000, 1000],
            Self::File => [0, 0, 0],
            _ => IMAGES,
        }
    }
}

/// Samples for training, validation and test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The data set.
    pub kind: DataKind,
    /// Folder of the image sets; empty: what the environment variable names, or else `data`.
    pub folder: String,
    /// Table of training and validation samples, for the kind `file`.
    pub file: String,
    /// Table of test samples, for the kind `file`.
    pub test_file: String,
    /// Column of a CSV that holds the labels.
    pub label_column: String,
    /// Value in a table that is the feature 0.
    pub feature_min: f64,
    /// Value in a table that is the feature 1.
    pub feature_max: f64,
    /// Training samples: the first ones. 0, for files: all that validation leaves.
    pub train_size: usize,
    /// Seed of the training samples (Yin-Yang).
    pub train_seed: u32,
    /// Validation samples: those after the training samples. 0, for files: the last sixth.
    pub validation_size: usize,
    /// Seed of the validation samples (Yin-Yang).
    pub validation_seed: u32,
    /// Test samples: the first ones. 0, for files: all.
    pub test_size: usize,
    /// Seed of the test samples (Yin-Yang).
    pub test_seed: u32,
}

impl Data {
    /// A data set with the published numbers of samples.
    pub fn of_kind(kind: DataKind) -> Self {
        let [train_size, validation_size, test_size] = kind.sizes();
        Self {
            kind,
            folder: String::new(),
            file: String::new(),
            test_file: String::new(),
            label_column: "label".into(),
            feature_min: 0.0,
            feature_max: 1.0,
            train_size,
            train_seed: 42,
            validation_size,
            validation_seed: 41,
            test_size,
            test_seed: 40,
        }
    }

    /// The folder of the image sets.
    pub fn folder(&self) -> PathBuf {
        if !self.folder.is_empty() {
            return PathBuf::from(&self.folder);
        }
        std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()).unwrap_or(FOLDER.into()).into()
    }

    /// Everything that is wrong with the values, keys with `data.` in front.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let sizes = [
            ("data.train_size", self.train_size, IMAGES[0]),
            ("data.validation_size", self.validation_size, IMAGES[1]),
            ("data.test_size", self.test_size, IMAGES[2]),
        ];
        for (name, size, images) in sizes {
            let least = usize::from(self.kind != DataKind::File);
            let most = if self.kind.images().is_some() { images } else { MOST_SAMPLES };
            if !(least..=most).contains(&size) {
                let allowed = format!("a number of samples in {least}..={most} for {:?}", self.kind.name());
                problems.push(Problem::out_of_range(name, size as f64, &allowed));
            }
        }
        let (min, max) = (self.feature_min, self.feature_max);
        if !(min.is_finite() && max.is_finite() && min < max) {
            problems.push(Problem {
                key: "data.feature_max".into(),
                message: format!("{max} is not allowed with data.feature_min = {min}; expected a larger finite number"),
            });
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_configurations() {
        for (name, kind) in DataKind::NAMES {
            assert_eq!(toml::Value::try_from(kind).unwrap().as_str(), Some(name));
            assert_eq!((DataKind::of_name(name), kind.name()), (Some(kind), name));
        }
        assert_eq!(DataKind::of_name("cifar"), None);
    }

    #[test]
    fn sizes_beyond_the_data_set_are_refused() {
        for (_, kind) in DataKind::NAMES {
            assert_eq!(Data::of_kind(kind).problems(), []);
        }
        let one = |change: fn(&mut Data)| {
            let mut data = Data::of_kind(DataKind::Mnist16);
            change(&mut data);
            data.problems().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert!(one(|d| d.train_size = 60_000).contains("data.train_size: 60000"));
        assert!(one(|d| d.train_size = 60_000).contains("1..=50000 for \"mnist16\""));
        assert!(one(|d| d.test_size = 0).contains("data.test_size: 0"));
        assert!(one(|d| d.feature_max = 0.0).contains("data.feature_max: 0 is not allowed"));
        assert!(one(|d| d.feature_min = f64::NAN).contains("NaN"));
    }
}
