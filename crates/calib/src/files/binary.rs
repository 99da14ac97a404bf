//! The binary file, `.bss2cal`.
//!
//! ```text
//! "BSS2CAL\0"   8 bytes   magic
//! version       4 bytes   little endian
//! length        8 bytes   of the payload
//! digest       32 bytes   BLAKE3 of the payload
//! payload                 bincode 2 (little endian, integers of fixed width) of the version's structure
//! ```

use std::path::Path;

use serde::de::DeserializeOwned;

use super::{known_version, refuse, version_1, version_2};
use crate::error::CalibError;
use crate::table::{Calibration, FORMAT};

pub(super) const MAGIC: &[u8; 8] = b"BSS2CAL\0";
const HEADER: usize = 8 + 4 + 8 + 32;
/// No table is larger; a length in a file that asks for more is damage.
const LARGEST: usize = 16 << 20;

fn encoding() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<LARGEST>()
}

pub(super) fn encode(table: &Calibration) -> Result<Vec<u8>, String> {
    let payload =
        bincode::serde::encode_to_vec(version_2::Payload::of(table), encoding()).map_err(|e| e.to_string())?;
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(blake3::hash(&payload).as_bytes());
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}

pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Calibration, CalibError> {
    if !bytes.starts_with(MAGIC) {
        let message = if MAGIC.starts_with(bytes) {
            format!("the file is cut off in its header: {} of {HEADER} bytes", bytes.len())
        } else {
            "this is not a bss2 calibration (it does not begin with BSS2CAL)".into()
        };
        return Err(refuse(path, message));
    }
    if bytes.len() < HEADER {
        let message = format!("the file is cut off in its header: {} of {HEADER} bytes", bytes.len());
        return Err(refuse(path, message));
    }
    let (head, payload) = bytes.split_at(HEADER);
    let version = head[8..12].iter().rev().fold(0u32, |v, b| v << 8 | u32::from(*b));
    known_version(path, version)?;
    let length = head[12..20].iter().rev().fold(0u64, |v, b| v << 8 | u64::from(*b));
    let found = payload.len() as u64;
    if found != length {
        let what = if found < length { "is cut off" } else { "has bytes left over" };
        return Err(refuse(path, format!("the file {what}: {found} of {length} bytes after its header")));
    }
    if blake3::hash(payload).as_bytes() != &head[20..52] {
        return Err(refuse(path, "the file is damaged: its digest does not match"));
    }
    let table = if version == 1 {
        content::<version_1::Payload>(path, payload)?.thaw()
    } else {
        content::<version_2::Payload>(path, payload)?.thaw()
    };
    table.map_err(|message| refuse(path, message))
}

fn content<Payload: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<Payload, CalibError> {
    match bincode::serde::decode_from_slice(bytes, encoding()) {
        Ok((payload, used)) if used == bytes.len() => Ok(payload),
        Ok((_, used)) => Err(refuse(path, format!("the content ends after {used} of {} bytes", bytes.len()))),
        Err(error) => Err(refuse(path, format!("the content cannot be decoded: {error}"))),
    }
}
