//! Weights that a training begins with, taken from an earlier one and kept beside the new one.

use std::path::{Path, PathBuf};

use ttfs::encoding::TimeEncoding;
use ttfs::network::Network;

use super::checkpoint::Checkpoint;
use super::network::SavedNetwork;
use super::run_folder::RunFolder;
use super::{FileError, write};

/// Name of the kept file, without extension.
const KEPT: &str = "initial";

/// Weights of an earlier training.
#[derive(Debug, Clone, PartialEq)]
pub struct InitialWeights {
    /// The file that they were read from.
    pub file: PathBuf,
    /// Weights, and delays if it had some.
    pub network: Network,
    /// How the features were encoded; checkpoints do not say.
    pub encoding: Option<TimeEncoding>,
}

/// Reads the weights of a run folder (its network or, unfinished, its last checkpoint), an `.npz` network or a checkpoint.
///
/// # Errors
/// If there is no such file, or it is damaged.
pub fn load(path: &Path) -> Result<InitialWeights, FileError> {
    let file = if path.is_dir() {
        let folder = RunFolder::open(path)?;
        let file = [folder.network(), folder.checkpoint()].into_iter().find(|file| file.is_file());
        file.ok_or_else(|| FileError::Folder {
            path: path.to_owned(),
            message: "this run has neither a network nor a checkpoint yet".into(),
        })?
    } else {
        path.to_owned()
    };
    if file.extension().is_some_and(|e| e == "npz" || e == "nir") {
        let network = SavedNetwork::load(&file)?;
        if network.architecture.biases.iter().any(Option::is_some) {
            let message = "layers after the first have a bias spike (`biases`), which training has not";
            return Err(FileError::content(&file, message));
        }
        return Ok(InitialWeights { file, network: network.network, encoding: Some(network.architecture.encoding) });
    }
    let network = Checkpoint::load(&file)?.state.network;
    Ok(InitialWeights { file, network, encoding: None })
}

/// Copies the file into the folder of a run, so that the run can begin again whatever becomes of the original.
///
/// # Errors
/// If it cannot be read or written.
pub fn keep(initial: &InitialWeights, folder: &Path) -> Result<(), FileError> {
    let bytes = std::fs::read(&initial.file).map_err(FileError::io("read", &initial.file))?;
    write(&folder.join(KEPT).with_extension(initial.file.extension().unwrap_or_default()), &bytes)
}

/// The file that is kept in a folder, if there is one.
pub fn kept(folder: &Path) -> Option<PathBuf> {
    ["npz", "bss2ckpt"].into_iter().map(|extension| folder.join(KEPT).with_extension(extension)).find(|p| p.is_file())
}
