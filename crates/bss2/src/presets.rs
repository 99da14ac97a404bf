//! Published experiments as configuration files that the program carries with it: `bss2 train --preset NAME`.

use anyhow::bail;

use crate::config::{ConfigError, Layer};

/// An experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// What users type.
    pub name: &'static str,
    /// What is learned.
    pub summary: &'static str,
    /// Sizes: inputs, then layers.
    pub network: &'static str,
    /// What it runs on: `chip` or `ideal`.
    pub substrate: &'static str,
    /// Where the settings come from.
    pub source: &'static str,
    /// The configuration, as TOML.
    pub text: &'static str,
}

/// Describes the file `presets/NAME.toml`.
macro_rules! preset {
    ($name:literal, $network:literal, $substrate:literal, $summary:literal, $source:expr) => {
        Preset {
            name: $name,
            summary: $summary,
            network: $network,
            substrate: $substrate,
            source: $source,
            text: include_str!(concat!("../presets/", $name, ".toml")),
        }
    };
}

const FAST_AND_DEEP: &str = "Göltz, Kriener et al. 2021";

/// The experiments, in the order in which they are listed.
pub const PRESETS: &[Preset] = &[
    preset!("yin-yang-chip", "25-120-3", "chip", "Yin-Yang in the loop, the default recipe", "this project"),
    preset!("yin-yang-chip-published", "25-120-3", "chip", "Yin-Yang in the loop, published recipe", FAST_AND_DEEP),
    preset!("yin-yang", "5-120-3", "ideal", "Yin-Yang in simulation", FAST_AND_DEEP),
    preset!("yin-yang-best", "5-150-3", "ideal", "Yin-Yang in simulation, our best recipe", "this project"),
    preset!("mnist16-chip", "256-246-10", "chip", "MNIST of 16x16 pixels in the loop, our recipe", "this project"),
    preset!("mnist16-chip-published", "256-246-10", "chip", "the same, published recipe", FAST_AND_DEEP),
    preset!("mnist16", "256-128-10", "ideal", "MNIST of 16x16 pixels in simulation", FAST_AND_DEEP),
    preset!("mnist16-best", "256-246-10", "ideal", "MNIST of 16x16 pixels, our best recipe", "this project"),
    preset!("mnist", "784-350-10", "ideal", "MNIST in simulation", FAST_AND_DEEP),
    preset!("mnist-best", "784-350-10", "ideal", "MNIST in simulation, our best recipe", "this project"),
    preset!("mnist-400x2", "784-400-400-10", "ideal", "deep MNIST in simulation", FAST_AND_DEEP),
    preset!("mnist-400x4", "784-400-400-400-400-10", "ideal", "deep MNIST in simulation", FAST_AND_DEEP),
    preset!("mnist-400x4-best", "784-400-400-400-400-10", "ideal", "deep MNIST, our best recipe", "this project"),
    preset!("delgrad-30-weights", "4-30-3", "ideal", "Yin-Yang, weights alone", "DelGrad 2025"),
    preset!("delgrad-30-axonal", "4-30-3", "ideal", "Yin-Yang, weights and axonal delays", "DelGrad 2025"),
    preset!("delgrad-30-synaptic", "4-30-3", "ideal", "Yin-Yang, weights and synaptic delays", "DelGrad 2025"),
    preset!("delgrad-5-weights", "4-5-3", "ideal", "Yin-Yang, weights alone", "DelGrad 2025"),
    preset!("delgrad-5-axonal", "4-5-3", "ideal", "Yin-Yang, weights and axonal delays", "DelGrad 2025"),
    preset!("delgrad-5-synaptic", "4-5-3", "ideal", "Yin-Yang, weights and synaptic delays", "DelGrad 2025"),
    preset!("eventprop", "5-200-3", "ideal", "Yin-Yang, tau_mem = 4 tau_syn", "Wunderlich, Pehle 2021"),
];

/// Names at least this alike (Jaro and Winkler) are taken for slips of the pen.
const ALIKE: f64 = 0.7;

/// The preset of this name.
///
/// # Errors
/// If there is none, with the nearest name.
pub fn named(name: &str) -> anyhow::Result<&'static Preset> {
    if let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) {
        return Ok(preset);
    }
    let score = |preset: &Preset| strsim::jaro_winkler(name, preset.name);
    let nearest = PRESETS.iter().max_by(|a, b| score(a).total_cmp(&score(b))).filter(|p| score(p) > ALIKE);
    let hint = nearest.map(|preset| format!(" did you mean {}?", preset.name)).unwrap_or_default();
    bail!("{name}: there is no such preset;{hint} `bss2 train --list` shows all")
}

/// All presets, one a line, for people.
pub fn listed() -> String {
    let rows: Vec<[&str; 5]> = std::iter::once(["name", "network", "substrate", "source", "what"])
        .chain(PRESETS.iter().map(|p| [p.name, p.network, p.substrate, p.source, p.summary]))
        .collect();
    let widths: Vec<usize> =
        (0..4).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let line = |row: &[&str; 5]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        format!("{}  {}", cells.join("  "), row[4])
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl Preset {
    /// The configuration as a layer under everything that users set.
    ///
    /// # Errors
    /// If the text is not TOML.
    pub fn layer(&self) -> Result<Layer, ConfigError> {
        let origin = format!("--preset {}", self.name);
        let table = self.text.parse().map_err(|e: toml::de::Error| ConfigError::Syntax {
            path: origin.clone().into(),
            message: e.to_string(),
        })?;
        Ok(Layer { origin, table })
    }
}

#[cfg(test)]
mod tests {
    use ttfs::placement::Placement;

    use super::*;
    use crate::config::resolve;
    use crate::laboratory::{layer_sizes, n_inputs};

    /// Sizes of the network, if the program can run the preset.
    fn sizes(preset: &Preset) -> anyhow::Result<Vec<usize>> {
        let config = resolve(&[preset.layer()?])?;
        let (inputs, layers) = (n_inputs(&config)?, layer_sizes(&config)?);
        if preset.substrate == "chip" {
            Placement::with_delays(inputs, &layers, config.network.delays)?;
        }
        Ok([inputs].into_iter().chain(layers).collect())
    }

    #[test]
    fn every_preset_resolves_to_the_network_that_it_names() {
        for preset in PRESETS {
            let sizes = sizes(preset).unwrap_or_else(|error| panic!("{}: {error}", preset.name));
            assert_eq!(sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join("-"), preset.network);
        }
    }

    #[test]
    fn every_file_is_listed() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/presets")).unwrap();
        let mut files: Vec<String> =
            files.map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".toml", "")).collect();
        let mut known: Vec<String> = PRESETS.iter().map(|preset| preset.name.to_owned()).collect();
        files.sort();
        known.sort();
        assert_eq!(files, known);
    }

    /// The default recipe is written out in full.
    #[test]
    fn the_default_recipe_is_the_default() {
        let preset = resolve(&[named("yin-yang-chip").unwrap().layer().unwrap()]).unwrap();
        assert_eq!(preset, crate::config::Config::default());
    }

    #[test]
    fn names_are_found_or_guessed() {
        let error = named("yin-yang-chip-publ").unwrap_err().to_string();
        assert!(error.contains("did you mean yin-yang-chip-published?"), "{error}");
        assert_eq!(listed().lines().count(), PRESETS.len() + 1);
        assert!(listed().contains("25-120-3"));
    }
}
