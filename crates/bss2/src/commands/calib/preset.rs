//! Targets by name, or from a file.

use std::path::Path;

use ::calib::{PerNeuron, Targets};
use anyhow::anyhow;

use crate::files::calix_targets;

/// The targets of a name, or those of a file in the names of `calix`; what a file leaves out is as in `fast-and-deep`.
///
/// # Errors
/// If there is no such preset, with those that there are and the nearest; if the file cannot be used.
pub fn given(name_or_file: &str) -> anyhow::Result<(Targets, PerNeuron)> {
    // A name means the preset, whatever files there are in the folder; `./` before it means the file.
    if let Some(targets) = Targets::preset(name_or_file) {
        return Ok((targets, PerNeuron::default()));
    }
    let path = Path::new(name_or_file);
    if path.extension().is_some() || path.exists() {
        return Ok(calix_targets::load(path, Targets::default())?);
    }
    Err(unknown(name_or_file))
}

fn unknown(name: &str) -> anyhow::Error {
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    let names = Targets::PRESETS.map(|(name, _)| name);
    let nearest = names.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let nearest = nearest.filter(|n| likeness(n) > 0.7).map(|n| format!("; did you mean {n}?")).unwrap_or_default();
    anyhow!(
        "--target {name}: no such preset; there are {}, or a file (.json, .csv, .npz) of calib targets{nearest}",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_told_what_there_is() {
        assert!(given("hxtorch").is_ok());
        assert!(given("hxtorck").unwrap_err().to_string().contains("did you mean hxtorch?"));
    }
}
