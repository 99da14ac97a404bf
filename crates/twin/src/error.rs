//! What can go wrong: a file, a recording, a fit.

use std::io;
use std::path::{Path, PathBuf};

use bss2_emu::DeviceError;
use bss2_emu::residual::ResidualTableError;

/// Why a recording or a twin could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TwinError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Array, place, value and what is allowed.
        message: String,
    },
    /// Rows that the recording does not have.
    #[error("{what}: rows {first}..{end} are asked for; the recording has {n_rows}")]
    Rows {
        /// What they were asked for.
        what: &'static str,
        /// First row.
        first: usize,
        /// The row after the last.
        end: usize,
        /// Rows of the recording.
        n_rows: usize,
    },
    /// Something that a step needs is not in the recording.
    #[error("the recording has no {missing}, which {needed_for} needs")]
    Missing {
        /// What is not there.
        missing: &'static str,
        /// What needs it.
        needed_for: &'static str,
    },
    /// A twin and a recording that do not belong together.
    #[error("the twin is of a network of {twin:?} neurons (inputs first), the recording of one of {recording:?}")]
    OtherNetwork {
        /// Sizes in the twin.
        twin: Vec<usize>,
        /// Sizes in the recording.
        recording: Vec<usize>,
    },
    /// A fit that came to no end.
    #[error("the fit failed: {0}")]
    Fit(String),
    /// A fitted value that no chip can have.
    #[error("the twin cannot be a chip: {0}")]
    Residual(#[from] ResidualTableError),
    /// Arrays that cannot be written as `.npz`.
    #[error("the {what} cannot be encoded: {message}")]
    Encoding {
        /// What was to be written.
        what: &'static str,
        /// What the encoder says.
        message: String,
    },
    /// The device refused.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The network cannot be run.
    #[error(transparent)]
    Network(#[from] ttfs::Error),
    /// The network does not fit on a chip.
    #[error(transparent)]
    Placement(#[from] ttfs::placement::PlacementError),
}

impl TwinError {
    pub(crate) fn content(path: &Path, message: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), message: message.into() }
    }
}
