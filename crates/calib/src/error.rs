//! What can go wrong: a target, a device, a recording, a file.

use std::io;
use std::path::PathBuf;

use bss2_emu::{ChipIdentity, DeviceError, Problem};

/// Why a calibration, or the reading or writing of its table, failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibError {
    /// The targets cannot be calibrated to.
    #[error("targets: {}", join(.0))]
    Targets(Vec<Problem>),
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
    /// A routine sees nothing that it could measure.
    #[error("{step}: no usable signal: {detail}")]
    NoSignal {
        /// The routine.
        step: &'static str,
        /// What was seen.
        detail: String,
    },
    /// A table of a chip that is set directly has no codes to measure at.
    #[error("the calibration has no codes: its chip is set directly")]
    NoCodes,
    /// A file does not exist.
    #[error("calibration {}: no such file", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("calibration {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file ends in the middle.
    #[error("calibration {}: the file is cut off at line {line}, column {column}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where it ends.
        line: usize,
        /// Where it ends.
        column: usize,
    },
    /// A file is not JSON.
    #[error("calibration {}: not JSON: {message}", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// What was found, with line and column.
        message: String,
    },
    /// A file is JSON, but not a calibration: an unknown or missing key, a value outside its range.
    #[error("calibration {}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The key or value, with line and column.
        message: String,
    },
    /// A file has another format version.
    #[error("calibration {}: format {found}; this program reads formats 1 to {newest}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Version of the file.
        found: u32,
        /// Newest version that can be read.
        newest: u32,
    },
    /// A table has the wrong number of neurons.
    #[error("calibration {}: {what} has {found} entries; a chip has {expected} neurons", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// The list.
        what: String,
        /// Entries found.
        found: usize,
        /// Entries needed.
        expected: usize,
    },
    /// A number is infinite or not a number.
    #[error("calibration {}: {what} = {value} is not a finite number", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Key of the number.
        what: String,
        /// The number.
        value: f64,
    },
    /// A table was measured on another chip.
    #[error("calibration{} was measured on chip {measured}; this is chip {present}", file(origin.as_ref()))]
    OtherChip {
        /// The file, if the table was read from one.
        origin: Option<PathBuf>,
        /// The chip of the table.
        measured: ChipIdentity,
        /// The chip at hand.
        present: ChipIdentity,
    },
}

fn join(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn file(origin: Option<&PathBuf>) -> String {
    origin.map_or(String::new(), |path| format!(" {}", path.display()))
}
