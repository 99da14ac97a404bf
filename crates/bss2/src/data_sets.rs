//! The samples that a configuration names, encoded.

use std::path::Path;

use anyhow::{Context as _, bail};
use ndarray::s;
use ttfs::data::Dataset;
use ttfs::data::images::{Images, Part};
use ttfs::data::yin_yang::{self, YinYang};
use ttfs::samples::Samples;

use crate::config::{Config, Data, DataKind};
use crate::files::sample_table::{self, Columns};

/// One of the three parts of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// What is learned from.
    Train,
    /// What settings are chosen by.
    Validation,
    /// What is looked at once.
    Test,
}

/// The three parts of a data set.
#[derive(Debug)]
pub struct Splits {
    /// What is learned from.
    pub train: Samples,
    /// What settings are chosen by.
    pub validation: Samples,
    /// What is looked at once.
    pub test: Samples,
}

/// All parts of the data set.
///
/// # Errors
/// Those of [`samples`].
pub fn splits(config: &Config) -> anyhow::Result<Splits> {
    if let Some((set, pipeline)) = config.data.kind.images() {
        // Training and validation share their files.
        let images = set.load(&config.data.folder(), Part::Train, pipeline)?;
        return Ok(Splits {
            train: of_images(config, &images, Split::Train)?,
            validation: of_images(config, &images, Split::Validation)?,
            test: samples(config, Split::Test)?,
        });
    }
    Ok(Splits {
        train: samples(config, Split::Train)?,
        validation: samples(config, Split::Validation)?,
        test: samples(config, Split::Test)?,
    })
}

/// One part of the data set.
///
/// # Errors
/// If its files are missing or damaged, or hold fewer samples than the configuration asks for.
pub fn samples(config: &Config, split: Split) -> anyhow::Result<Samples> {
    let Config { data, encoding, .. } = config;
    if let Some((set, pipeline)) = data.kind.images() {
        let part = if split == Split::Test { Part::Test } else { Part::Train };
        return of_images(config, &set.load(&data.folder(), part, pipeline)?, split);
    }
    let dataset = match data.kind {
        DataKind::YinYang => {
            let (seed, size) = match split {
                Split::Train => (data.train_seed, data.train_size),
                Split::Validation => (data.validation_seed, data.validation_size),
                Split::Test => (data.test_seed, data.test_size),
            };
            YinYang::new(seed, size).generate()?
        }
        _ => from_file(data, split)?,
    };
    Ok(Samples::new(&dataset, encoding))
}

/// The images of a part, by their index in the published files.
fn of_images(config: &Config, images: &Images, split: Split) -> anyhow::Result<Samples> {
    let Config { data, encoding, .. } = config;
    let range = match split {
        Split::Train => 0..data.train_size,
        Split::Validation => data.train_size..data.train_size + data.validation_size,
        Split::Test => 0..data.test_size,
    };
    let found = images.labels.len();
    if range.end > found {
        let folder = data.folder();
        bail!("{} has {found} images for this part of {}; {range:?} are asked for", folder.display(), data.kind.name());
    }
    Ok(Samples::of_images(images.range(range), encoding))
}

/// Number of features and of classes.
///
/// # Errors
/// If it takes a file to know, and that cannot be read.
pub fn shape(data: &Data) -> anyhow::Result<(usize, usize)> {
    if let Some(shape) = data.kind.shape() {
        return Ok(shape);
    }
    let table = table(data, if data.file.is_empty() { Split::Test } else { Split::Train })?;
    Ok((table.n_features(), table.n_classes))
}

/// Names of the classes by label.
pub fn class_names(kind: DataKind, n_classes: usize) -> Vec<String> {
    match kind.images() {
        Some((set, _)) => set.class_names().map(str::to_owned).to_vec(),
        None if kind == DataKind::YinYang => yin_yang::CLASS_NAMES.map(str::to_owned).to_vec(),
        None => (0..n_classes).map(|class| class.to_string()).collect(),
    }
}

/// The user's table that a part of the data set comes from.
fn table(data: &Data, split: Split) -> anyhow::Result<Dataset> {
    let (key, path) =
        if split == Split::Test { ("data.test_file", &data.test_file) } else { ("data.file", &data.file) };
    if path.is_empty() {
        bail!("{key} is empty; with data.kind = \"file\" it names a .csv or .npz file with samples");
    }
    let columns = Columns { label: &data.label_column, min: data.feature_min, max: data.feature_max };
    sample_table::load(Path::new(path), columns).with_context(|| format!("{key} cannot be used"))
}

/// The rows of a part. Test samples have as many classes and features as the training samples, if there are any.
fn from_file(data: &Data, split: Split) -> anyhow::Result<Dataset> {
    let table = table(data, split)?;
    let n = table.n_samples();
    let or_all = |size: usize, all: usize| if size == 0 { all } else { size };
    let validation = or_all(data.validation_size, n / 6);
    let train = or_all(data.train_size, n.saturating_sub(validation));
    let range = match split {
        Split::Train => 0..train,
        Split::Validation => train..train + validation,
        Split::Test => 0..or_all(data.test_size, n),
    };
    if range.end > n || range.is_empty() {
        let path = if split == Split::Test { &data.test_file } else { &data.file };
        bail!(
            "{path}: {n} samples, but samples {range:?} are asked for (keys data.train_size, validation_size, test_size)"
        );
    }
    let (n_features, n_classes) = shape(data)?;
    if table.n_features() != n_features {
        bail!("{}: {} features, but {} has {n_features}", data.test_file, table.n_features(), data.file);
    }
    let features = table.features.slice(s![range.clone(), ..]).to_owned();
    Ok(Dataset::new(features, table.labels[range].to_vec(), n_classes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut Data)) -> Config {
        let mut data = Data::of_kind(DataKind::File);
        change(&mut data);
        Config { data, ..Config::default() }
    }

    #[test]
    fn a_table_is_split_by_index() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, rows: std::ops::Range<u32>| {
            let row = |text: String, k: u32| text + &format!("{},{}\n", f64::from(k) / 32.0, k % 3);
            let rows = rows.fold(String::new(), row);
            let path = folder.path().join(name);
            std::fs::write(&path, format!("x,label\n{rows}")).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (file, test_file) = (write("train.csv", 0..12), write("test.csv", 12..17));
        let whole = config(|data| (data.file, data.test_file) = (file.clone(), test_file.clone()));
        let splits = splits(&whole).unwrap();
        assert_eq!(splits.train.labels, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(splits.validation.labels, [1, 2]);
        assert_eq!(splits.test.labels, [0, 1, 2, 0, 1]);
        assert_eq!(shape(&whole.data).unwrap(), (1, 3));
        assert_eq!(splits.test.times(0..1)[[0, 0]], 0.15 + 0.375 * (2.0 - 0.15));
        let part = config(|data| (data.file, data.train_size, data.validation_size) = (file.clone(), 4, 3));
        assert_eq!(samples(&part, Split::Validation).unwrap().labels, [1, 2, 0]);
        let much = config(|data| (data.file, data.train_size) = (file.clone(), 11));
        assert!(samples(&much, Split::Validation).unwrap_err().to_string().contains("12 samples, but samples 11..13"));
        let none = config(|_| ());
        assert!(samples(&none, Split::Test).unwrap_err().to_string().contains("data.test_file is empty"));
    }

    #[test]
    fn a_missing_image_set_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let folder_name = folder.path().to_str().unwrap().to_owned();
        let data = Data { folder: folder_name, ..Data::of_kind(DataKind::Mnist16) };
        let config = Config { data, ..Config::default() };
        let error = samples(&config, Split::Train).unwrap_err().to_string();
        for words in ["train-images-idx3-ubyte.gz", "https://", "data.folder", "BSS2_DATA"] {
            assert!(error.contains(words), "{error}");
        }
    }
}
