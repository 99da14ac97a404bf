//! What can go wrong: a setting, a device, a recording.

use bss2_emu::DeviceError;

/// Why an experiment has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A setting cannot be used.
    #[error("{key}: {value} is not allowed; expected {expected}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// The device refused.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The device returned something else than it was asked for.
    #[error("the device returned {found} {what} where {expected} were asked for")]
    Recording {
        /// What was counted.
        what: &'static str,
        /// Entries found.
        found: usize,
        /// Entries asked for.
        expected: usize,
    },
    /// A sweep over codes needs neurons that are set by codes.
    #[error("a code sweep needs neurons that are set by codes; this chip is set directly (parameters = \"direct\")")]
    NeedsCodes,
}

/// Refuses a setting outside `min..=max`.
pub(crate) fn require(
    key: &'static str,
    value: f64,
    range: std::ops::RangeInclusive<f64>,
    expected: &'static str,
) -> Result<(), ProbeError> {
    if range.contains(&value) { Ok(()) } else { Err(ProbeError::Setting { key, value, expected }) }
}
