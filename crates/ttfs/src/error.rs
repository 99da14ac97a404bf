//! What can be wrong with the data and settings given to this crate.

/// A value, shape or label that this crate cannot work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A quantity that must be positive and finite is not.
    #[error("`{what}` is {value}, but must be positive and finite")]
    NotPositive {
        /// Name of the setting.
        what: &'static str,
        /// The value it has.
        value: f64,
    },
    /// A quantity lies outside the range in which it means something (`NaN` always does).
    #[error("`{what}` is {value}, but must lie in {min}..={max}")]
    OutOfRange {
        /// Name of the setting.
        what: &'static str,
        /// The value it has.
        value: f64,
        /// Smallest accepted value.
        min: f64,
        /// Largest accepted value.
        max: f64,
    },
    /// An array or a list does not fit the others.
    #[error("{what}: shape {found:?}, but {expected:?} is needed")]
    Shape {
        /// Which array or list.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: Vec<usize>,
    },
    /// A feature of a sample is not a number between 0 and 1.
    #[error("sample {sample}, feature {feature} is {value}, but must lie in 0..=1")]
    Feature {
        /// Row of the sample.
        sample: usize,
        /// Column of the feature.
        feature: usize,
        /// The value it has.
        value: f64,
    },
    /// A sample is labelled with a class that does not exist.
    #[error("sample {sample} has label {label}, but the {n_classes} classes are counted from 0")]
    Label {
        /// Row of the sample.
        sample: usize,
        /// Its label.
        label: usize,
        /// Number of classes.
        n_classes: usize,
    },
    /// Files of a data set are not where they should be.
    #[error(
        "missing in {}: {}; download from {url} into that folder. The folder above it is that of the key `data.folder`, else of the \
         environment variable BSS2_DATA, else ./data",
        folder.display(),
        files.join(", ")
    )]
    MissingData {
        /// The files.
        files: Vec<String>,
        /// Where they are published.
        url: &'static str,
        /// The folder that they belong in.
        folder: std::path::PathBuf,
    },
    /// A file of a data set cannot be used.
    #[error(transparent)]
    Idx(#[from] crate::data::idx::IdxError),
    /// A bias spike into a layer of a network with delays.
    #[error("a network with delays has no place for bias spikes behind its first layer")]
    BiasBehindDelays,
    /// Delays of a network that does not fit on the chip in one pass.
    #[error("networks that run in several passes cannot have delays; the ideal substrate has all kinds")]
    DelaysInPasses,
    /// Deviations of the model network and delays, which they are not defined for.
    #[error("a perturbed model network has no delays")]
    PerturbedDelays,
    /// A network that does not fit on the chip.
    #[error(transparent)]
    Placement(#[from] crate::placement::PlacementError),
    /// The chip refused.
    #[error(transparent)]
    Device(#[from] bss2_emu::DeviceError),
}

/// Accepts positive finite values of the setting `what`.
pub(crate) fn positive(what: &'static str, value: f64) -> Result<(), Error> {
    if value > 0.0 && value.is_finite() { Ok(()) } else { Err(Error::NotPositive { what, value }) }
}

/// Accepts values of the setting `what` in `min..=max`.
pub(crate) fn within(what: &'static str, value: f64, min: f64, max: f64) -> Result<(), Error> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(Error::OutOfRange { what, value, min, max }) }
}
