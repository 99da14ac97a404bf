//! The 16x16 digits, byte for byte as the published pipeline makes them.

use ndarray::Array3;
use sha2::{Digest as _, Sha256};
use ttfs::data::images::{ImageSet, Part, Pipeline};

use crate::data;

/// Digests recorded with Pillow 13: `sha256_test`, `sha256_train` of the oracle.
const TEST: &str = "049961bd18a69b5341c4de7c3e1eaec728a311c539329ba68be13221461d4ff6";
const TRAIN: &str = "9fb6f8c7312f896a0239d5468e940d4c4fbe4a8a2437a57e0d7af5b59b23656b";

#[test]
fn all_seventy_thousand_byte_for_byte() {
    let Some(folder) = data::folder("mnist16::all_seventy_thousand_byte_for_byte") else { return };
    let first: Array3<u8> = data::array(&folder.join("oracles/mnist16_reference.npz"), "test_first_200");
    for (part, n, digest) in [(Part::Test, 10_000, TEST), (Part::Train, 60_000, TRAIN)] {
        let images = ImageSet::Mnist.load(&folder, part, Pipeline::Small).unwrap();
        assert_eq!(images.pixels.dim(), (n, 256));
        if part == Part::Test {
            for (ours, theirs) in images.pixels.outer_iter().zip(first.outer_iter()) {
                assert!(ours.iter().eq(theirs.iter()));
            }
        }
        let found = format!("{:x}", Sha256::digest(images.pixels.as_slice().unwrap()));
        assert_eq!(found, digest, "{part:?}");
    }
}
