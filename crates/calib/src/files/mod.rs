//! Files of a calibration: binary, JSON, CSV, npz - the same content four times.
//!
//! | extension | for | read again |
//! |---|---|---|
//! | `.bss2cal` | programs: compact, with a digest ([`binary`]) | yes |
//! | `.json` | people and every language | yes |
//! | `.csv` | spreadsheets: one row per neuron ([`columns`]) | yes |
//! | `.npz` | `NumPy`, with the array names of `calix`'s `calib_eval.npz` ([`columns`]) | yes |
//!
//! The extension decides what is written; what is read is known by its first bytes. All files appear wholly or not at all.

mod binary;
mod columns;
mod csv_file;
mod npz_file;
mod parts;
mod version_1;
mod version_2;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::CalibError;
pub use npz_file::Values;

use crate::table::{Calibration, FORMAT};

/// A kind of file that holds a calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// `.bss2cal`.
    Binary,
    /// `.json`.
    Json,
    /// `.csv`.
    Csv,
    /// `.npz`.
    Npz,
}

impl FileFormat {
    /// The format that the extension of a file name says.
    ///
    /// # Errors
    /// [`CalibError::Content`] if it says none, with the extensions that there are.
    pub fn of(path: &Path) -> Result<Self, CalibError> {
        Self::known(path).ok_or_else(|| {
            refuse(path, "the extension does not say what to write; allowed are .bss2cal, .json, .csv and .npz")
        })
    }

    fn known(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "bss2cal" => Some(Self::Binary),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "npz" => Some(Self::Npz),
            _ => None,
        }
    }

    /// What a file holds: by its first bytes, else by its extension, else JSON.
    fn detect(path: &Path, bytes: &[u8]) -> Self {
        let begins = |magic: &[u8]| bytes.starts_with(magic);
        if begins(binary::MAGIC) {
            Self::Binary
        } else if begins(npz_file::MAGIC) {
            Self::Npz
        } else if begins(csv_file::MAGIC) {
            Self::Csv
        } else if begins(b"{") {
            Self::Json
        } else {
            Self::known(path).unwrap_or(Self::Json)
        }
    }
}

#[derive(Deserialize)]
struct Header {
    format: u32,
}

impl Calibration {
    /// Writes the table, as the extension says: `.bss2cal`, `.json`, `.csv` or `.npz`; wholly or not at all.
    ///
    /// # Errors
    /// If the extension is none of these, a table of it is malformed, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CalibError> {
        let path = path.as_ref();
        let format = FileFormat::of(path)?;
        self.check(path)?;
        let bytes = match format {
            FileFormat::Binary => binary::encode(self),
            FileFormat::Json => json(self),
            FileFormat::Csv => csv_file::encode(self),
            FileFormat::Npz => npz_file::encode(self),
        };
        write(path, &bytes.map_err(|message| refuse(path, format!("cannot be encoded: {message}")))?)
    }

    /// Reads a table that [`Self::save`] wrote, in any of its formats.
    ///
    /// # Errors
    /// Each names the file: missing, foreign, cut off, damaged (the digest), of a future version, an unknown key or column, a
    /// value outside its range (with its place), a column that is there twice, targets that are not whole, a wrong number of neurons, a number that is not finite.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CalibError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CalibError::Missing { path: path.to_owned() },
            _ => CalibError::Io { path: path.to_owned(), source },
        })?;
        // The mark that some editors put before a text.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes);
        let mut table = match FileFormat::detect(path, &bytes) {
            FileFormat::Binary => binary::decode(path, &bytes)?,
            FileFormat::Json => from_json(path, &bytes)?,
            FileFormat::Csv => csv_file::decode(path, &bytes)?,
            FileFormat::Npz => npz_file::decode(path, bytes)?,
        };
        table.check(path)?;
        table.origin = Some(path.to_owned());
        Ok(table)
    }

    /// The file that the table was read from, if it was.
    pub fn origin(&self) -> Option<&Path> {
        self.origin.as_deref()
    }
}

fn refuse(path: &Path, message: impl Into<String>) -> CalibError {
    CalibError::Content { path: path.to_owned(), message: message.into() }
}

/// Refuses versions that this program does not know.
fn known_version(path: &Path, found: u32) -> Result<(), CalibError> {
    if (1..=FORMAT).contains(&found) {
        return Ok(());
    }
    Err(CalibError::Format { path: path.to_owned(), found, newest: FORMAT })
}

fn json(table: &Calibration) -> Result<Vec<u8>, String> {
    let mut text = serde_json::to_vec_pretty(table).map_err(|e| e.to_string())?;
    text.push(b'\n');
    Ok(text)
}

fn from_json(path: &Path, bytes: &[u8]) -> Result<Calibration, CalibError> {
    // The version first: a file of another format would fail with a misleading complaint about its keys.
    let header: Header = parse(path, bytes)?;
    known_version(path, header.format)?;
    // What version 2 has more, version 1 leaves out.
    Ok(Calibration { format: FORMAT, ..parse(path, bytes)? })
}

fn parse<'a, T: Deserialize<'a>>(path: &Path, bytes: &'a [u8]) -> Result<T, CalibError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let path = path.to_owned();
        match error.classify() {
            serde_json::error::Category::Eof => {
                CalibError::Truncated { path, line: error.line(), column: error.column() }
            }
            serde_json::error::Category::Data => CalibError::Content { path, message: printable(&error.to_string()) },
            _ => CalibError::NotJson { path, message: printable(&error.to_string()) },
        }
    })
}

/// A message that quotes a file, without what would steer a terminal.
fn printable(message: &str) -> String {
    message.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Writes a file in its folder under another name and renames it.
fn write(path: &Path, content: &[u8]) -> Result<(), CalibError> {
    let io = |source: io::Error| CalibError::Io { path: path.to_owned(), source };
    let folder: PathBuf = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let mut file = tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(folder).map_err(io)?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(io)?;
    readable_by_others(file.path()).map_err(io)?;
    file.persist(path).map_err(|e| io(e.error))?;
    Ok(())
}

/// Temporary files are private; tables are not.
#[cfg(unix)]
fn readable_by_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_others(_path: &Path) -> io::Result<()> {
    Ok(())
}
