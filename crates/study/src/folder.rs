//! The folder of a study.
//!
//! | file | content |
//! |---|---|
//! | `study.toml` | the study as it is carried out |
//! | `plan.jsonl` | its trials |
//! | `trials/ID.json` | the result of a trial, written once and whole |
//! | `timings/ID.json` | what it took |
//! | `locks/` | what is being done at the moment |
//! | `store/` | what trials share: trained networks, calibrations |
//! | `results.csv`, `results.npz`, `summary.csv`, `timings.csv`, `figures/`, `report.html` | written when all trials have results |

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Error, FORMAT, Lock, Record, StudyFile, Timing, TrialId};

/// Temporary files of this age belong to nobody any more.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The folder of a study.
#[derive(Debug, Clone)]
pub struct StudyFolder {
    path: PathBuf,
}

impl StudyFolder {
    /// Opens the folder for a study, making it if need be. With `extend` a study that is there already becomes this one; trials of both
    /// keep their results.
    ///
    /// # Errors
    /// If the folder belongs to another study or is in use for something else, or cannot be made.
    pub fn create(path: &Path, study: &StudyFile, extend: bool) -> Result<Self, Error> {
        let folder = Self { path: path.to_owned() };
        let text = study.to_toml()?;
        match fs::read_to_string(folder.study_file()) {
            Ok(found) if found == text => {}
            Ok(_) if extend => write(&folder.study_file(), text.as_bytes())?,
            Ok(_) => {
                let message = "the folder belongs to another study, or to this one with other values; choose another --out, or \
                               --extend it: trials of both keep their results";
                return Err(Error::folder(path, message));
            }
            Err(_) if path.is_file() => return Err(Error::folder(path, "this is a file; --out needs a folder")),
            Err(_) => {
                // A process beside this one may be making it at the same moment; a first lock or folder of its own is no stranger.
                let strange = |name: &str| {
                    !["study.toml", "trials", "timings", "locks", "store", "network.npz"].contains(&name)
                        && !name.starts_with('.')
                };
                let occupied = fs::read_dir(path)
                    .is_ok_and(|entries| entries.flatten().any(|e| strange(&e.file_name().to_string_lossy())));
                if occupied {
                    return Err(Error::folder(path, "the folder is not empty and no study; choose another --out"));
                }
                fs::create_dir_all(path).map_err(Error::io("create", path))?;
                write(&folder.study_file(), text.as_bytes())?;
            }
        }
        for name in ["trials", "timings", "locks", "store"] {
            let path = path.join(name);
            fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
            sweep(&path);
        }
        Ok(folder)
    }

    /// Opens the folder of a study that was begun, and reads the study.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(path: &Path) -> Result<(Self, StudyFile), Error> {
        let folder = Self { path: path.to_owned() };
        let file = folder.study_file();
        if !file.is_file() {
            let what =
                if path.is_dir() { "this is no folder of a study: it has no study.toml" } else { "no such folder" };
            return Err(Error::folder(path, what));
        }
        let text = fs::read_to_string(&file).map_err(Error::io("read", &file))?;
        let study = StudyFile::parse(&text, &file.display().to_string())?;
        Ok((folder, study))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn study_file(&self) -> PathBuf {
        self.file("study.toml")
    }

    /// Where trials keep what they share.
    pub fn store(&self) -> PathBuf {
        self.file("store")
    }

    pub(crate) fn trial_file(&self, id: &TrialId) -> PathBuf {
        self.path.join("trials").join(format!("{id}.json"))
    }

    pub(crate) fn timing_file(&self, id: &TrialId) -> PathBuf {
        self.path.join("timings").join(format!("{id}.json"))
    }

    /// Takes a trial for this process.
    pub(crate) fn lock(&self, id: &TrialId) -> Result<Option<Lock>, Error> {
        Lock::try_take(&self.path.join("locks").join(format!("{id}.lock")))
    }

    /// The result of a trial, if there is one. A damaged file is none: its trial is done again.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn record(&self, id: &TrialId) -> Result<Option<Record>, Error> {
        let path = self.trial_file(id);
        match fs::read(&path) {
            Ok(bytes) => {
                let record: Option<Record> = serde_json::from_slice(&bytes).ok();
                Ok(record.filter(|record| {
                    record.format == FORMAT
                        && record.id == id.as_str()
                        && record.outcome.is_some() != record.error.is_some()
                }))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Io { action: "read", path, source }),
        }
    }

    /// What a trial took, if it was measured.
    pub fn timing(&self, id: &TrialId) -> Option<Timing> {
        serde_json::from_slice(&fs::read(self.timing_file(id)).ok()?).ok()
    }

    /// Writes the result of a trial, and before it what it took.
    pub(crate) fn save(&self, record: &Record, timing: Timing, id: &TrialId) -> Result<(), Error> {
        let encode = |e: serde_json::Error| Error::Encode { what: "the result of a trial", message: e.to_string() };
        write(&self.timing_file(id), &serde_json::to_vec(&timing).map_err(encode)?)?;
        let mut bytes = serde_json::to_vec(record).map_err(encode)?;
        bytes.push(b'\n');
        write(&self.trial_file(id), &bytes)
    }

    /// Forgets results of failed trials, so that they are done again.
    ///
    /// # Errors
    /// If a file cannot be read or removed.
    pub fn forget_failed<'a>(&self, ids: impl Iterator<Item = &'a TrialId>) -> Result<usize, Error> {
        let mut forgotten = 0;
        for id in ids {
            if self.record(id)?.is_some_and(|record| record.error.is_some()) {
                let path = self.trial_file(id);
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}

/// Removes temporary files that a killed process left long ago.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let old = || entry.metadata().ok()?.modified().ok()?.elapsed().ok().filter(|age| *age > ABANDONED);
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') && old().is_some() {
            // What cannot be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Writes a file in its folder under another name and renames it.
///
/// # Errors
/// [`Error::Io`]; the file is then as it was before.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".").suffix(".tmp").tempfile_in(folder).map_err(Error::io("write", path))?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(Error::io("write", path))?;
    file.persist(path).map_err(|e| Error::Io { action: "write", path: path.to_owned(), source: e.error })?;
    Ok(())
}
