//! IDX files, the format in which MNIST and its relatives are published: unsigned bytes with their dimensions in front.
//!
//! ```text
//! 0 0 8 n   then n dimensions of 4 bytes, big endian, then the product of the dimensions in bytes
//! ```
//!
//! Source: "The MNIST database of handwritten digits" (Cortes, Burges and others, 1998). Files may be gzipped, as they are
//! published.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

/// Type code of unsigned bytes, the one that image sets use.
const UNSIGNED_BYTE: u8 = 8;
/// Beyond this a file is no data set for this program.
const MOST_BYTES: u64 = 1 << 30;

/// Why an IDX file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdxError {
    /// The file cannot be read, or its compression is damaged.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The first bytes are not those of an IDX file of unsigned bytes with so many dimensions, or there is no more.
    #[error("{}: begins with {found:?}; an IDX file of unsigned bytes begins with [0, 0, 8, {n_dimensions}]", path.display())]
    Magic {
        /// The file.
        path: PathBuf,
        /// Its first bytes, at most four.
        found: Vec<u8>,
        /// Number of dimensions that is needed.
        n_dimensions: usize,
    },
    /// The file does not hold as many bytes as its dimensions say, or more than is allowed.
    #[error("{}: dimensions {dimensions:?}, but {found} bytes of data; they must agree and be at most {MOST_BYTES}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Dimensions as the header gives them.
        dimensions: Vec<usize>,
        /// Bytes of data.
        found: usize,
    },
}

/// Reads an IDX file of unsigned bytes with `N` dimensions, gzipped or not: the dimensions, and the bytes in their order.
///
/// ```no_run
/// let ([n_images, rows, columns], bytes) = ttfs::data::idx::read::<3>("train-images-idx3-ubyte.gz".as_ref())?;
/// assert_eq!(bytes.len(), n_images * rows * columns);
/// # Ok::<(), ttfs::data::idx::IdxError>(())
/// ```
///
/// # Errors
/// [`IdxError`] with the path.
pub fn read<const N: usize>(path: &Path) -> Result<([usize; N], Vec<u8>), IdxError> {
    let refuse = |source| IdxError::Read { path: path.to_owned(), source };
    let bytes = contents(path).map_err(refuse)?;
    let header = 4 + 4 * N;
    if bytes.len() < header || bytes[..4] != [0, 0, UNSIGNED_BYTE, N as u8] {
        let found = bytes.iter().copied().take(4).collect();
        return Err(IdxError::Magic { path: path.to_owned(), found, n_dimensions: N });
    }
    let mut dimensions = [0; N];
    for (dimension, bytes) in dimensions.iter_mut().zip(bytes[4..].chunks_exact(4)) {
        *dimension = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    }
    let data = bytes.get(header..).unwrap_or_default();
    let expected = dimensions.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    if expected != Some(data.len()) || bytes.len() as u64 > MOST_BYTES {
        let dimensions = dimensions.to_vec();
        return Err(IdxError::Length { path: path.to_owned(), dimensions, found: data.len() });
    }
    Ok((dimensions, data.to_vec()))
}

/// The bytes of a file, decompressed if they are gzipped: its first two bytes tell, not its name.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut raw)?;
    if !raw.starts_with(&[0x1f, 0x8b]) {
        return Ok(raw);
    }
    let mut bytes = Vec::new();
    MultiGzDecoder::new(raw.as_slice()).take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    const LABELS: [u8; 11] = [0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9];

    #[test]
    fn plain_and_gzipped_files_are_the_same() {
        let (_folder, path) = written("labels", &LABELS);
        assert_eq!(read::<1>(&path).unwrap(), ([3], vec![7, 8, 9]));
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(&LABELS).unwrap();
        let gzipped = gz.finish().unwrap();
        let (_folder, path) = written("labels.gz", &gzipped);
        assert_eq!(read::<1>(&path).unwrap(), ([3], vec![7, 8, 9]));
        // Half a file.
        let (_folder, path) = written("labels.gz", &gzipped[..gzipped.len() / 2]);
        assert!(matches!(read::<1>(&path), Err(IdxError::Read { .. })));
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        let refused = |bytes: &[u8]| {
            let (_folder, path) = written("labels", bytes);
            read::<1>(&path).unwrap_err().to_string()
        };
        assert!(refused(b"hello world").contains("begins with [104, 101, 108, 108]"));
        assert!(refused(&[]).contains("begins with []"));
        assert!(refused(&LABELS[..6]).contains("begins with [0, 0, 8, 1]"));
        assert!(refused(&LABELS[..10]).contains("[3], but 2 bytes"));
        assert!(refused(&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5]).contains("[0, 0, 8, 1]"));
        assert!(read::<1>(Path::new("no/such/file")).unwrap_err().to_string().contains("no/such/file"));
    }
}
