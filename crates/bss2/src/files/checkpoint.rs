//! Checkpoints: everything that training changes, in one binary file.
//!
//! ```text
//! "BSS2CKPT"   8 bytes      magic
//! version      4 bytes      little endian
//! length       8 bytes      of the payload
//! digest      32 bytes      BLAKE3 of the payload
//! payload                   bincode 2 (standard configuration) of the version's structure
//! ```

use std::path::Path;

use serde::{Deserialize, Serialize};
use ttfs::train::{EpochRecord, TrainingState};

use super::FileError;

const MAGIC: &[u8; 8] = b"BSS2CKPT";
/// Version of the file that this program writes.
pub const VERSION: u32 = 2;
const HEADER: usize = 8 + 4 + 8 + 32;

/// Version 2 of the payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Digest of the run's `config.toml` and `calibration.json`: a checkpoint continues its own run only.
    pub config_digest: [u8; 32],
    /// Weights and memories.
    pub state: TrainingState,
    /// What the finished epochs brought.
    pub history: Vec<EpochRecord>,
    /// Trials that training and validation have run on the chip.
    pub trials: u64,
}

impl Checkpoint {
    /// The file's bytes.
    ///
    /// # Errors
    /// If the content cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>, bincode::error::EncodeError> {
        let payload = bincode::serde::encode_to_vec(self, bincode::config::standard())?;
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        bytes.extend_from_slice(blake3::hash(&payload).as_bytes());
        bytes.extend_from_slice(&payload);
        Ok(bytes)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Distinct messages for a file that is missing, foreign, of another version, cut off, or damaged.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let bytes = std::fs::read(path).map_err(FileError::io("read", path))?;
        let refuse = |message: String| Err(FileError::content(path, message));
        if bytes.len() < 8 || &bytes[..8] != MAGIC {
            return refuse("this is not a bss2 checkpoint (it does not begin with BSS2CKPT)".into());
        }
        if bytes.len() < HEADER {
            return refuse(format!("the checkpoint is cut off in its header: {} of {HEADER} bytes", bytes.len()));
        }
        let (head, payload) = bytes.split_at(HEADER);
        let version = head[8..12].iter().rev().fold(0u32, |v, b| v << 8 | u32::from(*b));
        if version != VERSION {
            return refuse(format!("checkpoint version {version}; this program reads version {VERSION}"));
        }
        let length = head[12..20].iter().rev().fold(0u64, |v, b| v << 8 | u64::from(*b));
        if payload.len() as u64 != length {
            return refuse(format!("the checkpoint is cut off or too long: {} of {length} bytes", payload.len()));
        }
        if blake3::hash(payload).as_bytes() != &head[20..52] {
            return refuse("the checkpoint is damaged: its digest does not match".into());
        }
        match bincode::serde::decode_from_slice(payload, bincode::config::standard()) {
            Ok((checkpoint, used)) if used == payload.len() => Ok(checkpoint),
            Ok(_) => refuse("the checkpoint has bytes left over".into()),
            Err(error) => refuse(format!("the checkpoint cannot be decoded: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use ttfs::bumping::BumpState;
    use ttfs::network::Network;
    use ttfs::optimiser::Optimiser;
    use ttfs::train::{Best, Score};

    use super::*;

    fn checkpoint() -> Checkpoint {
        let weights = vec![array![[0.25, -1.5]], array![[1.0], [2.0]]];
        let network = Network::new(weights);
        let state = TrainingState {
            epoch: 3,
            optimiser: Optimiser::default().initial_state(&network.weights),
            delay_optimiser: Optimiser::default().initial_state(&network.delay_parameters),
            bump: BumpState { last: Some((1, 2)) },
            best: Some(Best { epoch: 2, validation: Score::default(), network: network.clone() }),
            network,
        };
        Checkpoint { config_digest: [7; 32], state, history: Vec::new(), trials: 12 }
    }

    fn load(bytes: &[u8]) -> Result<Checkpoint, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.ckpt");
        std::fs::write(&path, bytes).unwrap();
        Checkpoint::load(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn it_comes_back_as_it_was() {
        let bytes = checkpoint().to_bytes().unwrap();
        assert_eq!(load(&bytes).unwrap(), checkpoint());
    }

    #[test]
    fn damage_is_named() {
        let bytes = checkpoint().to_bytes().unwrap();
        assert!(load(b"PK\x03\x04 something else").unwrap_err().contains("not a bss2 checkpoint"));
        assert!(load(&bytes[..30]).unwrap_err().contains("cut off in its header"));
        assert!(load(&bytes[..bytes.len() - 1]).unwrap_err().contains("cut off"));
        let mut flipped = bytes.clone();
        flipped[HEADER + 5] ^= 1;
        assert!(load(&flipped).unwrap_err().contains("digest"));
        let mut future = bytes;
        future[8] = 3;
        assert!(load(&future).unwrap_err().contains("version 3; this program reads version 2"));
    }
}
