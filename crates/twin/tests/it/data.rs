//! Where the reference data lie, and what happens when they do not.

use std::path::{Path, PathBuf};

/// The data folder, or `None` after saying that `test` is skipped. With `BSS2_REQUIRE_DATA=1` a missing folder fails.
pub fn folder(test: &str) -> Option<PathBuf> {
    let beside_the_repository = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("BSS2_DATA").map_or_else(beside_the_repository, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    let message = format!("SKIPPED: {test}: no data folder at {} (set BSS2_DATA)", path.display());
    assert!(std::env::var_os("BSS2_REQUIRE_DATA").is_none_or(|value| value != "1"), "{message}");
    eprintln!("{message}");
    None
}

/// The recording of one real chip, or `None` after saying that `test` is skipped.
pub fn recording(test: &str) -> Option<twin::Recording> {
    let path = folder(test)?.join("recordings/w66f3_yinyang_weights.npz");
    Some(twin::Recording::load(&path).unwrap_or_else(|error| panic!("{error}")))
}
