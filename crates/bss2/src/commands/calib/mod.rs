//! `bss2 calib`: make, convert, look at, compare and check calibration tables.

mod convert;
mod diff;
mod parameters;
pub(crate) mod preset;
mod run;
mod show;
mod targets;
mod verify;

pub use convert::run as convert;
pub use diff::run as diff;
pub use run::run;
pub use show::run as show;
pub use targets::run as targets;
pub use verify::run as verify;

use std::path::Path;

use ::calib::FileFormat;
use anyhow::{Context as _, bail};

/// Refuses a table's file name before anything is computed for it.
fn check_destination(path: &Path) -> anyhow::Result<FileFormat> {
    check_place(path)?;
    Ok(FileFormat::of(path)?)
}

/// Refuses a place where no file can be written, before anything is computed for it.
pub(super) fn check_place(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() || !folder.is_dir() {
        bail!("cannot write {}: it must be a file in a folder that exists", path.display());
    }
    // What is written appears under another name first; whether the folder takes it is known by trying.
    tempfile::Builder::new()
        .prefix(".")
        .suffix(".tmp")
        .tempfile_in(folder)
        .with_context(|| format!("cannot write {}: the folder takes no files", path.display()))?;
    Ok(())
}
