//! Joining the folders of several shards.

use std::fs;
use std::path::Path;

use crate::folder::{StudyFolder, write};
use crate::{Error, TrialId};

/// What joining brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Merged {
    /// Trials that were taken over.
    pub taken: usize,
    /// Trials that were there already.
    pub known: usize,
}

/// Takes the results of the plan's trials over from another folder. A success replaces a failure; otherwise what is there stays.
///
/// # Errors
/// If a file cannot be read or written, or two folders have different results for the same trial.
pub fn merge<'a>(
    from: &StudyFolder,
    to: &StudyFolder,
    ids: impl Iterator<Item = &'a TrialId>,
) -> Result<Merged, Error> {
    let mut merged = Merged::default();
    for id in ids {
        let Some(found) = from.record(id)? else { continue };
        let there = to.record(id)?;
        let failed = |record: &crate::Record| record.error.is_some();
        match &there {
            Some(there) if failed(&found) || (!failed(there) && *there == found) => {
                merged.known += 1;
                continue;
            }
            Some(there) if !failed(there) => {
                let message = format!(
                    "trial {id} has another result than in {}; equal trials have equal results",
                    to.path().display()
                );
                return Err(Error::folder(from.path(), message));
            }
            _ => {}
        }
        copy(&from.timing_file(id), &to.timing_file(id))?;
        copy(&from.trial_file(id), &to.trial_file(id))?;
        merged.taken += 1;
    }
    Ok(merged)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    match fs::read(from) {
        Ok(bytes) => write(to, &bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::Io { action: "read", path: from.to_owned(), source }),
    }
}
