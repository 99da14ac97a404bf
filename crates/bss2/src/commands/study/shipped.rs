//! Studies that the program carries with it.

use anyhow::bail;

/// Describes the file `studies/NAME.toml`.
macro_rules! study {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../studies/", $name, ".toml")))
    };
}

/// Name and text, in the order in which they are listed.
pub const STUDIES: &[(&str, &str)] = &[
    study!("fig5-weight-clipping"),
    study!("fig5-weight-resolution"),
    study!("fig5-tau-spread"),
    study!("fig5-tau-ratio"),
    study!("deploy-without-retraining"),
    study!("protocols"),
    study!("transfer"),
    study!("estimators"),
    study!("refractory"),
    study!("serialisation"),
];

/// The text of the study of this name.
///
/// # Errors
/// If there is none, with all names.
pub fn named(name: &str) -> anyhow::Result<&'static str> {
    if let Some((_, text)) = STUDIES.iter().find(|(known, _)| *known == name) {
        return Ok(text);
    }
    let names: Vec<&str> = STUDIES.iter().map(|(name, _)| *name).collect();
    let alike = |other: &&&str| strsim::jaro_winkler(name, other);
    let nearest = names.iter().max_by(|a, b| alike(a).total_cmp(&alike(b))).filter(|other| alike(other) > 0.7);
    let hint = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    bail!("{name}: neither a file nor a shipped study ({}){hint}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use ::study::StudyFile;

    use super::*;

    /// Each is a study, quick or not, with the sizes that were promised.
    #[test]
    fn every_study_parses_and_every_file_is_listed() {
        for (name, text) in STUDIES {
            let study = StudyFile::parse(text, name).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(study.quick.is_some(), "{name} has no [quick]");
            assert!(!study.description.is_empty(), "{name} has no description");
            let quick = study.clone().quick();
            quick.check(name).unwrap();
            let trials = |s: &StudyFile| s.points().len() * s.chips.list().len() * s.seeds.list().len();
            assert!(trials(&quick) < trials(&study), "{name}: --quick asks no less");
            if let Some(panel) = name.strip_prefix("fig5-") {
                assert!(study.seeds.list().len() >= 10, "{name}");
                assert!(study.points().len() >= if panel == "weight-resolution" { 20 } else { 8 }, "{name}");
            }
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/studies");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<String> = files.map(|name| name.replace(".toml", "")).collect();
        let mut known: Vec<String> = STUDIES.iter().map(|(name, _)| (*name).to_owned()).collect();
        files.sort();
        known.sort();
        assert_eq!(files, known);
        assert!(named("fig5-tau-spred").unwrap_err().to_string().contains("did you mean fig5-tau-spread?"));
    }
}
