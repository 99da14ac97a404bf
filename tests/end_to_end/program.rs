//! What the tests share: a folder of their own, one calibration of chip 1, and short trainings.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// Settings of a training that takes a second.
pub const SHORT: [&str; 6] =
    ["--set", "data.train_size=200", "--set", "data.validation_size=50", "--set", "data.test_size=60"];

/// The program.
pub fn bss2(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bss2"));
    command.args(arguments);
    command
}

/// Runs the program, expects success, and returns what it printed.
pub fn succeed(arguments: &[&str]) -> String {
    let output = bss2(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{arguments:?}\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Runs the program, expects exit code 1, and returns its complaint.
pub fn fail(arguments: &[&str]) -> String {
    let output = bss2(arguments).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}\n{complaint}");
    assert!(complaint.contains("error: "), "{complaint}");
    complaint
}

/// The folder of reference data, or `None` after saying that `test` is skipped. With `BSS2_REQUIRE_DATA=1` a missing folder
/// fails.
pub fn data(test: &str) -> Option<PathBuf> {
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

/// The table of chip 1, measured once for all tests.
pub fn table_of_chip_1() -> &'static str {
    static TABLE: OnceLock<(TempDir, String)> = OnceLock::new();
    let (_, path) = TABLE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = text(&folder.path().join("chip-1.json"));
        succeed(&["calib", "run", "--chip", "1", "-o", &path]);
        (folder, path)
    });
    path
}

/// A path as text.
pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A short training on chip 1 into `folder`, with more arguments.
pub fn train_into(folder: &Path, more: &[&str]) -> String {
    let out = text(folder);
    let mut arguments = vec!["train", "--calibration", table_of_chip_1(), "--out", &out];
    arguments.extend(SHORT);
    arguments.extend(more);
    succeed(&arguments)
}

/// All files below a folder by relative path, the wall-clock times left out.
pub fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn visit(folder: &Path, base: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, base, files);
            } else if path.file_name().unwrap() != "timings.json" {
                files.insert(path.strip_prefix(base).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    visit(folder, folder, &mut files);
    files
}

/// Fails with the names of the files that differ.
pub fn assert_same(a: &Path, b: &Path) {
    let (a, b) = (contents(a), contents(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    let differing: Vec<_> = a.iter().filter(|(name, bytes)| b[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(differing.is_empty(), "these files differ: {differing:?}");
}
