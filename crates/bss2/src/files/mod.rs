//! The files of a run: they appear whole or not at all.

pub mod calix_targets;
pub mod checkpoint;
pub mod initial_weights;
pub mod network;
pub mod nir_network;
pub mod published_network;
pub mod residual_table;
pub mod run_folder;
pub mod sample_table;
pub mod simulation;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refuses.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The content is not what the file should hold.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A NIR file cannot be read.
    #[error(transparent)]
    Nir(#[from] nir::Error),
    /// A folder cannot be used as a run folder.
    #[error("{}: {message}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong and what helps.
        message: String,
    },
}

impl FileError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    fn content(path: &Path, message: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), message: message.into() }
    }
}

/// Writes a file in its folder under another name and renames it.
///
/// # Errors
/// [`FileError::Io`] with the path; the file is then as it was before.
pub fn write(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".")
        .suffix(".tmp")
        .tempfile_in(folder)
        .map_err(|e| FileError::io("write", path)(io::Error::from(e.kind())))?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(FileError::io("write", path))?;
    readable_by_others(file.path()).map_err(FileError::io("write", path))?;
    file.persist(path).map_err(|e| FileError::Io { action: "write", path: path.to_owned(), source: e.error })?;
    Ok(())
}

/// Temporary files are private; results are not.
#[cfg(unix)]
fn readable_by_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_others(_path: &Path) -> io::Result<()> {
    Ok(())
}
