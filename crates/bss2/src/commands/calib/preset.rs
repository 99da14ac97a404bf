//! Targets by name.

use ::calib::Targets;
use anyhow::bail;

/// The targets of a name.
///
/// # Errors
/// If there is no such preset, with those that there are and the nearest.
pub fn named(name: &str) -> anyhow::Result<Targets> {
    if let Some(targets) = Targets::preset(name) {
        return Ok(targets);
    }
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    let names = Targets::PRESETS.map(|(name, _)| name);
    let nearest = names.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let nearest = nearest.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
    bail!("--target {name}: no such preset; there are {}{nearest}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_told_what_there_is() {
        assert!(named("hxtorch").is_ok());
        assert!(named("hxtorck").unwrap_err().to_string().contains("did you mean hxtorch?"));
    }
}
