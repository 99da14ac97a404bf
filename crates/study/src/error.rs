//! What can be wrong with a study.

use std::io;
use std::path::{Path, PathBuf};

/// Why a study cannot be planned, run or joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refuses.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A study file that is not TOML, or has unknown keys or values of another type.
    #[error("{origin} is no study:\n{message}")]
    Syntax {
        /// The file.
        origin: String,
        /// What the parser says, with line, column and text.
        message: String,
    },
    /// Values of a study file that make no sense.
    #[error("{origin} has {}:\n{}", if problems.len() == 1 { "a problem" } else { "problems" }, problems.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
    Problems {
        /// The file.
        origin: String,
        /// Each with key, value and what is allowed.
        problems: Vec<String>,
    },
    /// A trial whose configuration cannot be used.
    #[error("{origin}: point \"{point}\", protocol {protocol}: {message}")]
    Point {
        /// The file.
        origin: String,
        /// Values of the axes.
        point: String,
        /// Protocol.
        protocol: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A folder that cannot be used for this study.
    #[error("{}: {message}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong and what helps.
        message: String,
    },
    /// A shard that does not exist.
    #[error("shard {text:?} is not allowed; expected I/N with 1 <= I <= N, for example 2/8")]
    Shard {
        /// What was written.
        text: String,
    },
    /// Something that cannot be written as a file.
    #[error("{what} cannot be encoded: {message}")]
    Encode {
        /// What was to be written.
        what: &'static str,
        /// Why not.
        message: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn folder(path: &Path, message: impl Into<String>) -> Self {
        Self::Folder { path: path.to_owned(), message: message.into() }
    }
}
