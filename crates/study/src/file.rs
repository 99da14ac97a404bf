//! The study file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Table;

use crate::axes::{self, Axis, AxisPoint, AxisValue, Design};
use crate::{Error, Protocol, Seeds};

/// Most repeats of a test.
const MOST_REPEATS: u32 = 1000;

/// From which chips networks are taken to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferPairs {
    /// From each chip to the next of the list, and from the last to the first.
    #[default]
    Next,
    /// From every chip to every other.
    All,
}

/// What protocols need to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The network of the protocol `deploy`: a file, looked for beside the study and in the folder of the data sets.
    pub network: String,
    /// Epochs of the protocol `fine-tune` after the noise-aware ones.
    pub fine_tune_epochs: u32,
    /// A fine-tuned network has recovered when its validation accuracy is at most this below that of the training in the loop.
    pub recovery_margin: f64,
    /// Hours of the protocols `drifted` and `recalibrated`.
    pub drift_hours: f64,
    /// Chips of the protocol `transfer`.
    pub transfer: TransferPairs,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            network: String::new(),
            fine_tune_epochs: 10,
            recovery_margin: 0.005,
            drift_hours: 24.0,
            transfer: TransferPairs::Next,
        }
    }
}

/// What `--quick` replaces: the same question, asked of less.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quick {
    /// Keys over the study's own.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub config: Table,
    /// Chips.
    pub chips: Option<Seeds>,
    /// Training seeds.
    pub seeds: Option<Seeds>,
    /// Repeats.
    pub repeats: Option<u32>,
    /// Epochs of the protocol `fine-tune`.
    pub fine_tune_epochs: Option<u32>,
    /// Of every axis only each n-th point, and the last.
    pub every: Option<usize>,
}

/// A study: what varies, what is done, how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyFile {
    /// Title.
    pub title: String,
    /// What is asked, for the report.
    #[serde(default)]
    pub description: String,
    /// Preset that configurations begin with; empty: the defaults.
    #[serde(default)]
    pub base: String,
    /// How axes make points.
    #[serde(default)]
    pub design: Design,
    /// What is done.
    pub protocols: Vec<Protocol>,
    /// Seeds of chips.
    #[serde(default)]
    pub chips: Seeds,
    /// Training seeds.
    #[serde(default)]
    pub seeds: Seeds,
    /// Whether the n-th training seed goes with the n-th chip alone, instead of every seed with every chip.
    #[serde(default)]
    pub paired: bool,
    /// Tests of each network, with temporal noise of their own.
    #[serde(default = "once")]
    pub repeats: u32,
    /// What protocols need to know.
    #[serde(default)]
    pub settings: Settings,
    /// Keys of the configuration.
    #[serde(default)]
    pub config: Table,
    /// Keys of single protocols, by their names.
    #[serde(default)]
    pub overrides: BTreeMap<Protocol, Table>,
    /// What varies.
    #[serde(default)]
    pub axes: Vec<Axis>,
    /// What `--quick` replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quick: Option<Quick>,
}

fn once() -> u32 {
    1
}

impl StudyFile {
    /// Reads a study; `origin` names it in messages.
    ///
    /// # Errors
    /// [`Error::Syntax`] with line and column, or [`Error::Problems`] with all values that make no sense.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let study: Self = toml::from_str(text)
            .map_err(|e| Error::Syntax { origin: origin.to_owned(), message: e.to_string().trim_end().to_owned() })?;
        study.check(origin)?;
        Ok(study)
    }

    /// Refuses values that make no sense.
    ///
    /// # Errors
    /// [`Error::Problems`] with all of them.
    pub fn check(&self, origin: &str) -> Result<(), Error> {
        let problems = self.problems();
        if problems.is_empty() { Ok(()) } else { Err(Error::Problems { origin: origin.to_owned(), problems }) }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.title.trim().is_empty() {
            problems.push("title: \"\" is not allowed; expected some words".to_owned());
        }
        if self.protocols.is_empty() {
            let names: Vec<&str> = Protocol::ALL.iter().map(|p| p.name()).collect();
            problems.push(format!("protocols: [] is not allowed; expected one or more of {}", names.join(", ")));
        }
        for (n, protocol) in self.protocols.iter().enumerate() {
            if self.protocols[..n].contains(protocol) {
                problems.push(format!("protocols: \"{}\" is given twice; expected each once", protocol.name()));
            }
        }
        problems.extend(self.chips.problems("chips"));
        problems.extend(self.seeds.problems("seeds"));
        let (chips, seeds) = (self.chips.list().len(), self.seeds.list().len());
        if self.paired && chips != seeds {
            problems.push(format!("paired: {chips} chips and {seeds} seeds; expected as many of both"));
        }
        if self.paired && self.protocols.contains(&Protocol::Transfer) {
            problems.push("paired: true is not allowed with the protocol transfer; expected false".to_owned());
        }
        if !(1..=MOST_REPEATS).contains(&self.repeats) {
            problems.push(format!("repeats: {} is not allowed; expected 1..={MOST_REPEATS}", self.repeats));
        }
        let Settings { network, fine_tune_epochs, recovery_margin, drift_hours, .. } = &self.settings;
        if !(1..=1_000_000).contains(fine_tune_epochs) {
            problems
                .push(format!("settings.fine_tune_epochs: {fine_tune_epochs} is not allowed; expected 1..=1000000"));
        }
        if !(0.0..=1.0).contains(recovery_margin) {
            problems.push(format!("settings.recovery_margin: {recovery_margin} is not allowed; expected 0..=1"));
        }
        if !(0.0..=100_000.0).contains(drift_hours) {
            problems.push(format!("settings.drift_hours: {drift_hours} is not allowed; expected 0..=100000"));
        }
        let has = |protocol| self.protocols.contains(&protocol);
        if has(Protocol::Deploy) && network.is_empty() {
            problems.push("settings.network: \"\" is not allowed with the protocol deploy; expected a file".to_owned());
        }
        if has(Protocol::Transfer) && self.chips.list().len() < 2 {
            problems.push("chips: one is not enough for the protocol transfer; expected two or more".to_owned());
        }
        for protocol in self.overrides.keys() {
            if !has(*protocol) {
                problems.push(format!("overrides.{}: has no effect, `protocols` does not name it", protocol.name()));
            }
        }
        problems.extend(axes::problems(&self.axes, self.design));
        if let Some(quick) = &self.quick {
            if quick.every == Some(0) {
                problems.push("quick.every: 0 is not allowed; expected 1 or more".to_owned());
            }
            problems.extend(quick.chips.iter().flat_map(|seeds| seeds.problems("quick.chips")));
            problems.extend(quick.seeds.iter().flat_map(|seeds| seeds.problems("quick.seeds")));
        }
        problems
    }

    /// The study as `--quick` makes it.
    #[must_use]
    pub fn quick(mut self) -> Self {
        let Some(quick) = self.quick.take() else { return self };
        merge(&mut self.config, &quick.config);
        self.chips = quick.chips.unwrap_or(self.chips);
        self.seeds = quick.seeds.unwrap_or(self.seeds);
        self.repeats = quick.repeats.unwrap_or(self.repeats);
        self.settings.fine_tune_epochs = quick.fine_tune_epochs.unwrap_or(self.settings.fine_tune_epochs);
        if let Some(stride) = quick.every {
            self.axes.iter_mut().for_each(|axis| axis.thin(stride));
        }
        self
    }

    /// The study with keys of a `--set`: those of the study itself (all but tables of keys and `axes`), else of the configuration.
    ///
    /// # Errors
    /// [`Error::Syntax`] if a value is of the wrong type.
    pub fn with(self, set: &Table, origin: &str) -> Result<Self, Error> {
        const OWN: [&str; 10] =
            ["chips", "seeds", "paired", "repeats", "settings", "protocols", "title", "description", "base", "design"];
        let refuse = |message: String| Error::Syntax { origin: origin.to_owned(), message };
        let mut whole = Table::try_from(&self).map_err(|e| refuse(e.to_string()))?;
        for (key, value) in set {
            let one = Table::from_iter([(key.clone(), value.clone())]);
            if OWN.contains(&key.as_str()) {
                merge(&mut whole, &one);
            } else {
                let config = whole.entry("config").or_insert_with(|| toml::Value::Table(Table::new()));
                if let toml::Value::Table(config) = config {
                    merge(config, &one);
                }
            }
        }
        whole.try_into().map_err(|e: toml::de::Error| refuse(e.message().to_owned()))
    }

    /// The study as TOML, always the same for the same study.
    ///
    /// # Errors
    /// [`Error::Encode`] if a value has no TOML.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|e| Error::Encode { what: "the study", message: e.to_string() })
    }

    /// How many points its axes span.
    pub(crate) fn n_points(&self) -> usize {
        axes::n_points(&self.axes, self.design)
    }

    /// A point as people read it.
    pub(crate) fn described(&self, point: &AxisPoint) -> String {
        let place = |v: &AxisValue| format!("{} {}", self.axes[v.axis].name, v.text);
        point.values.iter().map(place).collect::<Vec<_>>().join(", ")
    }

    /// The points that its axes span.
    pub fn points(&self) -> Vec<AxisPoint> {
        axes::points(&self.axes, self.design)
    }
}

/// Puts the values of `over` into `table`, tables key by key.
fn merge(table: &mut Table, over: &Table) {
    for (key, value) in over {
        match (table.get_mut(key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(over)) => merge(inner, over),
            _ => {
                table.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STUDY: &str = "title = 'a study'\nprotocols = ['train']\n";

    fn refused(text: &str) -> String {
        StudyFile::parse(text, "s.toml").unwrap_err().to_string()
    }

    #[test]
    fn a_study_has_defaults_and_comes_back_as_it_was() {
        let study = StudyFile::parse(STUDY, "s.toml").unwrap();
        assert_eq!((study.repeats, study.chips.list(), study.seeds.list()), (1, vec![1], vec![1]));
        assert_eq!(study.points().len(), 1);
        let text = format!(
            "{STUDY}chips = {{ first = 3, count = 2 }}\n[config.training]\nepochs = 7\n[overrides.train]\nengine = 'fast'\n[[axes]]\nname = 'x'\nkeys = ['training.epochs']\nvalues = [1, 2]\n"
        );
        let study = StudyFile::parse(&text, "s.toml").unwrap();
        assert_eq!(study.chips.list(), [3, 4]);
        assert_eq!(StudyFile::parse(&study.to_toml().unwrap(), "s.toml").unwrap(), study);
    }

    /// Every way to be wrong names the file, the key or the line, the value, and what is allowed.
    #[test]
    fn malformed_studies_are_explained() {
        let axis = |rest: &str| format!("{STUDY}[[axes]]\nname = 'x'\n{rest}\n");
        let with = |rest: &str| format!("{STUDY}{rest}\n");
        let cases: Vec<(String, &[&str])> = vec![
            ("title = ".into(), &["line 1", "s.toml"]),
            ("protocols = ['train']".into(), &["missing field `title`"]),
            ("title = 'x'".into(), &["missing field `protocols`"]),
            ("title = ''\nprotocols = ['train']".into(), &["title", "some words"]),
            ("title = 'x'\nprotocols = []".into(), &["protocols: []", "in-the-loop"]),
            ("title = 'x'\nprotocols = ['trian']".into(), &["unknown variant `trian`", "`train`", "line 2"]),
            ("title = 'x'\nprotocols = ['train', 'train']".into(), &["\"train\" is given twice"]),
            ("title = 'x'\nprotocols = 'train'".into(), &["line 2", "sequence"]),
            (with("chps = [1]"), &["unknown field `chps`", "chips", "line 3"]),
            (with("chips = []"), &["chips: [] is not allowed"]),
            (with("chips = [1, 1]"), &["chips: a seed is given twice"]),
            (with("chips = [-1]"), &["line 3", "chips"]),
            (with("seeds = { first = 1, count = 0 }"), &["seeds.count: 0", "1..="]),
            (with("repeats = 0"), &["repeats: 0", "1..=1000"]),
            (with("repeats = 'many'"), &["line 3", "invalid type"]),
            ("title = 'x'\nprotocols = ['deploy']".into(), &["settings.network", "expected a file"]),
            ("title = 'x'\nprotocols = ['transfer']".into(), &["chips: one is not enough"]),
            (with("[settings]\ndrift_hours = -1.0"), &["settings.drift_hours: -1", "0..=100000"]),
            (with("[settings]\nrecovery_margin = nan"), &["settings.recovery_margin: NaN"]),
            (with("[overrides.raw]\nengine = 'fast'"), &["overrides.raw: has no effect"]),
            (with("[overrides.rwa]\nengine = 'fast'"), &["unknown variant `rwa`"]),
            (axis(""), &["axes[0]: neither"]),
            (axis("keys = ['a']"), &["axes[0].values: []"]),
            (axis("keys = ['a']\nvalues = [1]\ntables = [{ a = 1 }]"), &["`keys` and `tables`"]),
            (axis("keys = ['a..b']\nvalues = [1]"), &["axes[0].keys: \"a..b\""]),
            (axis("keys = ['chip.seed']\nvalues = [1]"), &["axes[0].keys: \"chip.seed\"", "`chips`"]),
            (axis("keys = ['a', 'b']\nvalues = [[1]]"), &["axes[0].values[0]", "expected 2"]),
            (axis("keys = ['a']\nvalues = [1, 2]\nat = [1.0]"), &["axes[0].at: 1 entries; expected 2"]),
            (axis("keys = ['a']\nvalues = [1]\nkind = 2"), &["unknown field `kind`"]),
            (
                axis("keys = ['a']\nvalues = [1]\n[[axes]]\nname = 'x'\nkeys = ['b']\nvalues = [1]"),
                &["axes[1].name: \"x\" is taken"],
            ),
            (
                axis(
                    "keys = ['a']\nvalues = [1]\nzip = 'g'\n[[axes]]\nname = 'y'\nkeys = ['b']\nvalues = [1, 2]\nzip = 'g'",
                ),
                &["axes[1]: 2 points", "has 1"],
            ),
            (
                axis("keys = ['a']\nvalues = [1]\n[[axes]]\nname = 'y'\nkeys = ['a']\nvalues = [2]"),
                &["axes[1].keys: \"a\"", "\"x\""],
            ),
            (
                format!("{STUDY}[[axes]]\nname = 'mean'\nkeys = ['a']\nvalues = [1]"),
                &["axes[0].name: \"mean\" is a column"],
            ),
            (with("chips = 'all'"), &["chips", "a list of seeds", "count"]),
            (with("paired = true\nchips = [1, 2]"), &["paired: 2 chips and 1 seeds"]),
            (with("[quick]\nevery = 0"), &["quick.every: 0"]),
        ];
        assert!(cases.len() >= 20);
        for (text, words) in cases {
            let message = refused(&text);
            for word in words {
                assert!(message.contains(word), "{text}\n->\n{message}\nlacks {word}");
            }
            assert!(message.contains("s.toml"), "{message}");
        }
    }

    #[test]
    fn quick_asks_less_and_set_wins() {
        let text = format!(
            "{STUDY}chips = {{ first = 1, count = 20 }}\n[config.training]\nepochs = 100\nseed = 1\n[[axes]]\nname = 'x'\nkeys = ['a']\nvalues = [1, 2, 3, 4, 5]\n[quick]\nevery = 3\nchips = [1]\n[quick.config.training]\nepochs = 2\n"
        );
        let study = StudyFile::parse(&text, "s.toml").unwrap().quick();
        let points: Vec<String> = study.points().iter().map(|point| study.described(point)).collect();
        assert_eq!(points, ["x 1", "x 4", "x 5"]);
        assert_eq!(study.chips.list(), [1]);
        assert_eq!(study.config.to_string(), "[training]\nepochs = 2\nseed = 1\n");
        let set: Table = "repeats = 3\n[training]\nepochs = 9".parse().unwrap();
        let study = study.with(&set, "--set").unwrap();
        assert_eq!((study.repeats, study.config.to_string().contains("epochs = 9")), (3, true));
        let bad: Table = "repeats = 'x'".parse().unwrap();
        assert!(study.with(&bad, "--set").is_err());
    }
}
