//! The book: every page is in its table of contents, and every link of the README and the book leads somewhere.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
}

/// Targets of `[text](target)` in a page, without those on the web and within the page.
fn links(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target.split('#').next().unwrap_or("").to_owned()))
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut all = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    pages(&root().join("docs"), &mut all);
    assert!(all.len() > 8, "the book has lost its pages: {all:?}");
    for page in &all {
        for target in links(page) {
            assert!(page.parent().unwrap().join(&target).exists(), "{}: {target} does not exist", page.display());
        }
    }
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let docs = root().join("docs");
    let listed = links(&docs.join("SUMMARY.md"));
    let mut all = Vec::new();
    pages(&docs, &mut all);
    for page in all {
        let name = page.strip_prefix(&docs).unwrap().to_str().unwrap().replace('\\', "/");
        assert!(name == "SUMMARY.md" || listed.contains(&name), "{name} is not in SUMMARY.md");
    }
}
