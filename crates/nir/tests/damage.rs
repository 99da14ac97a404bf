//! Damaged files end in an error, or in the network where the damage is of no consequence: never in a panic of the program.

use std::fs;
use std::path::Path;

use nir::Graph;

#[test]
fn cut_off_and_flipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.nir");
    for name in ["lif_norse.nir", "made_forms.nir", "made_nested.nir"] {
        let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap();
        let mut refused = 0;
        for k in 0..60 {
            fs::write(&path, &bytes[..bytes.len() * k / 60]).unwrap();
            refused += usize::from(Graph::read(&path).is_err());
        }
        assert_eq!(refused, 60, "{name}");
        let mut state = 1_u64;
        for _ in 0..400 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut flipped = bytes.clone();
            let bit = (state >> 16) as usize % (8 * bytes.len());
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &flipped).unwrap();
            if let Err(error) = Graph::read(&path) {
                assert!(error.to_string().contains("damaged.nir"), "{error}");
                refused += 1;
            }
        }
        assert!(refused > 60, "{name}");
    }
}
