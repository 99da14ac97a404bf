//! The folder of a run, and the one thread that writes into it while training goes on.
//!
//! | file | content |
//! |---|---|
//! | `config.toml` | resolved configuration |
//! | `residual-table.csv` or `.npz` | the user's table of residuals, if the chip was given one |
//! | `initial.npz` or `.bss2ckpt` | the weights that the training began with, if they were given |
//! | `calibration.json` | the table that the chip was set with, if there is one chip |
//! | `metrics.jsonl` | one line per epoch |
//! | `checkpoint.bss2ckpt` | what `--resume` continues from |
//! | `network.npz` | trained weights |
//! | `summary.json` | results: the same bytes for the same command |
//! | `timings.json` | wall-clock times and threads: the only file that differs from run to run |
//! | `figures/` | SVG and PNG |

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use crossbeam::channel::{Sender, bounded};

use super::FileError;

/// Messages that may wait for the writer.
const WAITING: usize = 16;

/// A run folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
    /// Whether the folder was made for this run.
    made: bool,
}

impl RunFolder {
    /// Makes a new folder. Without a name of the user's, `runs/NAME` or the first free `runs/NAME-2`, `runs/NAME-3`, ...
    ///
    /// # Errors
    /// If the folder exists and is not empty, or cannot be made.
    pub fn create(wanted: Option<&Path>, name: &str) -> Result<Self, FileError> {
        let path = match wanted {
            Some(path) => path.to_owned(),
            None => (1..10_000)
                .map(|n| PathBuf::from("runs").join(if n == 1 { name.to_owned() } else { format!("{name}-{n}") }))
                .find(|path| !path.exists())
                .unwrap_or_else(|| PathBuf::from("runs").join(name)),
        };
        if path.exists() && !path.is_dir() {
            let message = "this is a file; --out needs a folder".into();
            return Err(FileError::Folder { path, message });
        }
        let occupied = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
        if occupied {
            let message =
                "the folder is not empty; choose another --out, or continue the run in it with --resume".into();
            return Err(FileError::Folder { path, message });
        }
        let made = !path.exists();
        fs::create_dir_all(&path).map_err(FileError::io("create", &path))?;
        let folder = Self { path, made };
        // Nothing is computed for a folder that cannot be written to.
        let probe = folder.file(".writable");
        if let Err(error) = super::write(&probe, b"") {
            folder.discard();
            return Err(error);
        }
        fs::remove_file(&probe).map_err(FileError::io("write", &probe))?;
        Ok(folder)
    }

    /// Opens the folder of an earlier run.
    ///
    /// # Errors
    /// If it is no run folder.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let folder = Self { path: path.to_owned(), made: false };
        if !path.is_dir() {
            let message = "no such run folder".into();
            return Err(FileError::Folder { path: path.to_owned(), message });
        }
        if !folder.config().is_file() {
            let message = "this is no run folder: it has no config.toml".into();
            return Err(FileError::Folder { path: path.to_owned(), message });
        }
        folder.sweep();
        Ok(folder)
    }

    /// Removes what a killed writer may have left: temporary files, `.NAME.tmp`.
    fn sweep(&self) {
        for folder in [self.path.clone(), self.file("figures")] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with('.') && name.ends_with(".tmp") {
                    // What cannot be removed does no harm.
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }

    /// Removes a new run in which nothing of worth has been written yet; a folder that was there before stays.
    pub fn discard(&self) {
        // What cannot be removed stays; the error that led here is the one to report.
        if self.made {
            let _ = fs::remove_dir_all(&self.path);
        } else {
            let initial = super::initial_weights::kept(&self.path);
            for file in [self.config(), self.calibration(), self.metrics()].into_iter().chain(initial) {
                let _ = fs::remove_file(file);
            }
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// `config.toml`.
    pub fn config(&self) -> PathBuf {
        self.file("config.toml")
    }

    /// `calibration.json`.
    pub fn calibration(&self) -> PathBuf {
        self.file("calibration.json")
    }

    /// `metrics.jsonl`.
    pub fn metrics(&self) -> PathBuf {
        self.file("metrics.jsonl")
    }

    /// `checkpoint.bss2ckpt`.
    pub fn checkpoint(&self) -> PathBuf {
        self.file("checkpoint.bss2ckpt")
    }

    /// `network.npz`.
    pub fn network(&self) -> PathBuf {
        self.file("network.npz")
    }

    /// `summary.json`.
    pub fn summary(&self) -> PathBuf {
        self.file("summary.json")
    }

    /// `timings.json`.
    pub fn timings(&self) -> PathBuf {
        self.file("timings.json")
    }

    /// The folder of the figures, made if need be.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn figures(&self) -> Result<PathBuf, FileError> {
        let path = self.file("figures");
        fs::create_dir_all(&path).map_err(FileError::io("create", &path))?;
        Ok(path)
    }
}

/// Something to be written while training goes on.
enum Message {
    /// A line of `metrics.jsonl`.
    Metrics(String),
    /// A new checkpoint.
    Checkpoint(Vec<u8>),
}

/// The thread that writes metrics and checkpoints, in the order in which they were handed over.
#[derive(Debug)]
pub struct Writer {
    sender: Sender<Message>,
    thread: JoinHandle<Result<(), FileError>>,
}

impl Writer {
    /// Starts the thread; `lines` are the metrics of epochs that an earlier session finished.
    ///
    /// # Errors
    /// If the metrics file cannot be written.
    pub fn start(folder: &RunFolder, lines: &[String]) -> Result<Self, FileError> {
        let metrics = folder.metrics();
        let earlier: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        super::write(&metrics, earlier.as_bytes())?;
        let mut log = File::options().append(true).open(&metrics).map_err(FileError::io("write", &metrics))?;
        let checkpoint = folder.checkpoint();
        let (sender, receiver) = bounded(WAITING);
        let thread = std::thread::spawn(move || {
            for message in receiver {
                match message {
                    Message::Metrics(line) => {
                        log.write_all(format!("{line}\n").as_bytes()).map_err(FileError::io("write", &metrics))?;
                    }
                    Message::Checkpoint(bytes) => super::write(&checkpoint, &bytes)?,
                }
            }
            Ok(())
        });
        Ok(Self { sender, thread })
    }

    /// Hands over a line of metrics. Whether it could be written is known when the writer finishes.
    ///
    /// Returns whether the writer still takes messages.
    pub fn metrics(&self, line: String) -> bool {
        self.sender.send(Message::Metrics(line)).is_ok()
    }

    /// Hands over a checkpoint; returns whether the writer still takes messages.
    pub fn checkpoint(&self, bytes: Vec<u8>) -> bool {
        self.sender.send(Message::Checkpoint(bytes)).is_ok()
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// The first thing that could not be written.
    pub fn finish(self) -> Result<(), FileError> {
        drop(self.sender);
        match self.thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_refused_and_a_free_one_made() {
        let base = tempfile::tempdir().unwrap();
        let wanted = base.path().join("a/b");
        let folder = RunFolder::create(Some(&wanted), "x").unwrap();
        assert!(wanted.is_dir() && fs::read_dir(&wanted).unwrap().next().is_none());
        fs::write(folder.config(), "").unwrap();
        assert!(RunFolder::create(Some(&wanted), "x").unwrap_err().to_string().contains("not empty"));
        assert!(RunFolder::open(&wanted).is_ok());
        assert!(RunFolder::open(&base.path().join("c")).unwrap_err().to_string().contains("no such run folder"));
        assert!(RunFolder::create(Some(&folder.config()), "x").unwrap_err().to_string().contains("this is a file"));
    }

    #[test]
    fn the_writer_writes_in_order() {
        let base = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(Some(&base.path().join("run")), "x").unwrap();
        let writer = Writer::start(&folder, &["zero".into()]).unwrap();
        for n in 0..100 {
            assert!(writer.metrics(n.to_string()));
            assert!(writer.checkpoint(vec![n]));
        }
        writer.finish().unwrap();
        let text = fs::read_to_string(folder.metrics()).unwrap();
        assert_eq!(text.lines().count(), 101);
        assert_eq!(text.lines().last(), Some("99"));
        assert_eq!(fs::read(folder.checkpoint()).unwrap(), [99]);
    }
}
