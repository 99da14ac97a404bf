//! Locks between processes, which the system takes back when a process dies.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::Error;

/// A lock that is held until it is dropped.
///
/// It belongs to the open file, so threads of one process exclude each other as processes do, and nothing stale stays behind a
/// process that was killed. Across machines it holds where the file system knows `flock` (NFS of Linux does).
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the lock at a path, or says that another has it.
    ///
    /// # Errors
    /// If the file cannot be made or locked.
    pub fn try_take(path: &Path) -> Result<Option<Self>, Error> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { path: path.to_owned(), file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Error::Io { action: "lock", path: path.to_owned(), source }),
        }
    }

    /// Waits for the lock at a path.
    ///
    /// # Errors
    /// If the file cannot be made or locked.
    pub fn take(path: &Path) -> Result<Self, Error> {
        let file = open(path)?;
        file.lock().map_err(Error::io("lock", path))?;
        Ok(Self { path: path.to_owned(), file })
    }
}

fn open(path: &Path) -> Result<File, Error> {
    File::options().create(true).truncate(false).write(true).open(path).map_err(Error::io("open", path))
}

impl Drop for Lock {
    /// Removes the file while it is still locked. Who opened it before may lock what has no name any more, and somebody else
    /// a new file beside it; so what a lock guards must be looked at after it was taken, and must be there before it is dropped.
    fn drop(&mut self) {
        // What cannot be removed or unlocked is closed all the same.
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let first = Lock::try_take(&path).unwrap();
        assert!(first.is_some());
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(first);
        assert!(!path.exists());
        assert!(Lock::try_take(&path).unwrap().is_some());
    }

    #[test]
    fn many_threads_do_a_thing_once() {
        let folder = tempfile::tempdir().unwrap();
        let (path, done) = (folder.path().join("x.lock"), folder.path().join("done"));
        let count = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _lock = Lock::take(&path).unwrap();
                    if !done.exists() {
                        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        fs::write(&done, "").unwrap();
                    }
                });
            }
        });
        assert_eq!(count.into_inner(), 1);
    }
}
