//! From tables of keys to a checked configuration.

use std::path::{Path, PathBuf};

use bss2_emu::spec::Preset;
use bss2_emu::{ChipSpec, Problem};
use toml::{Table, Value};

use super::{Config, Data, DataKind, kinds};

/// Values from one place, with the name of the place for messages.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Where the values come from: a file, a flag.
    pub origin: String,
    /// The values.
    pub table: Table,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file is not TOML.
    #[error("{path} is not valid TOML:\n{message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser says, with line and column.
        message: String,
    },
    /// An assignment is not `key=value`.
    #[error(
        "--set {text:?} is not an assignment; write --set KEY=VALUE, for example --set training.optimiser.learning_rate=0.003"
    )]
    Assignment {
        /// What was written.
        text: String,
    },
    /// Keys or values are wrong.
    #[error("{}", list(.0))]
    Problems(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|p| format!("  {p}")).collect();
    let what = if problems.len() == 1 { "a problem" } else { "problems" };
    format!("the configuration has {what}:\n{}", lines.join("\n"))
}

/// Reads a TOML file.
///
/// # Errors
/// If it cannot be read or parsed; the message names the file, line and column.
pub fn table_from_file(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    text.parse().map_err(|e: toml::de::Error| ConfigError::Syntax { path: path.to_owned(), message: e.to_string() })
}

/// Parses `key=value`; the value is TOML, or else text.
///
/// # Errors
/// If there is no `=` or no key.
pub fn assignment(text: &str) -> Result<Layer, ConfigError> {
    let refuse = || ConfigError::Assignment { text: text.to_owned() };
    let (key, value) = text.split_once('=').ok_or_else(refuse)?;
    let (key, value) = (key.trim(), value.trim());
    if key.is_empty() || key.split('.').any(str::is_empty) {
        return Err(refuse());
    }
    let value = format!("value = {value}")
        .parse::<Table>()
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(value.to_owned()));
    Ok(Layer { origin: format!("--set {key}"), table: nested(key, value) })
}

/// Whether an assignment comes before others whatever their order: it begins a section anew, and keys set beside it win.
pub fn comes_first(layer: &Layer) -> bool {
    let key = layer.origin.strip_prefix("--set ");
    key.is_some_and(|key| {
        ["chip.preset", "data.kind"].contains(&key)
            || kinds::SECTIONS.iter().any(|section| key.strip_prefix(section) == Some(".kind"))
    })
}

/// The table that holds one value at a dotted key.
pub fn nested(key: &str, value: Value) -> Table {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    let inner = match rest {
        Some(rest) => Value::Table(nested(rest, value)),
        None => value,
    };
    Table::from_iter([(first.to_owned(), inner)])
}

/// Puts layers over the defaults and checks the result.
///
/// # Errors
/// [`ConfigError::Problems`] with every unknown key, wrong type and value out of range.
pub fn resolve(layers: &[Layer]) -> Result<Config, ConfigError> {
    let mut problems = Vec::new();
    let mut base = Config::default();
    let mut table = to_table(&base)?;
    for layer in layers {
        let given = kinds::with_present_names(layer.table.clone());
        for section in kinds::SECTIONS {
            begin_with_kind(section, &given, &mut base, &mut table)?;
        }
        let known = leaves(&table);
        if let Some(value) = given.get("chip").and_then(|chip| chip.get("preset")) {
            match value.clone().try_into::<Preset>() {
                Ok(preset) => begin_with(preset, &mut base, &mut table)?,
                Err(_) => problems.push(Problem {
                    key: "chip.preset".into(),
                    message: format!(
                        "{} is not allowed; expected one of {} ({})",
                        shown(value),
                        Preset::NAMES.map(|(name, _)| format!("{name:?}")).join(", "),
                        layer.origin
                    ),
                }),
            }
        }
        if let Some(kind) = given.get("data").and_then(|data| data.get("kind")?.as_str()) {
            // A name that is none is reported with the other values.
            if let Some(kind) = DataKind::of_name(kind) {
                begin_with_data(kind, &mut base, &mut table)?;
            }
        }
        for (key, value) in leaves_with_values(&given, &table) {
            if key == "chip.preset" {
                continue;
            }
            if !known.contains(&key) {
                problems.push(match kinds::of_another_kind(&key, &table) {
                    Some(message) => Problem { key, message: format!("{message} ({})", layer.origin) },
                    None => unknown(&key, &known, &layer.origin),
                });
                continue;
            }
            let mut alone = to_table(&base)?;
            set(&mut alone, &key, value.clone());
            match Config::deserialize_table(alone) {
                Err(message) => problems.push(Problem {
                    key: key.clone(),
                    message: format!("{} is not allowed; {message} ({})", shown(&value), layer.origin),
                }),
                Ok(config) => {
                    set(&mut table, &key, value.clone());
                    // What is wrong with this value alone carries its own key; the rest is found in the whole below.
                    problems.extend(
                        config.problems().into_iter().filter(|p| p.key != key && is_part(&p.key, &key)).map(|p| {
                            Problem { key: key.clone(), message: format!("{} ({})", p.message, layer.origin) }
                        }),
                    );
                }
            }
        }
    }
    let config = Config::deserialize_table(table)
        .map_err(|message| ConfigError::Problems(vec![Problem { key: "configuration".into(), message }]))?;
    // A problem of a whole section has been reported under its key already if one value alone makes it.
    let found: Vec<Problem> = config
        .problems()
        .into_iter()
        .filter(|p| !problems.iter().any(|known| known.message.starts_with(&p.message) && is_part(&p.key, &known.key)))
        .collect();
    problems.extend(found);
    if problems.is_empty() { Ok(config) } else { Err(ConfigError::Problems(problems)) }
}

/// Whether a problem's key is the key itself or a section that holds it.
fn is_part(section: &str, key: &str) -> bool {
    key == section || key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

/// A layer asks for a preset: the chip, and the latencies that go with it, begin anew from there; its seed stays.
fn begin_with(preset: Preset, base: &mut Config, table: &mut Table) -> Result<(), ConfigError> {
    let seed = table.get("chip").and_then(|chip| chip.get("seed")).cloned();
    base.chip = ChipSpec::new(preset, base.chip.seed);
    base.scaling.latency = super::latency(preset);
    let mut fresh = to_table(base)?;
    if let Some(seed) = seed {
        set(&mut fresh, "chip.seed", seed);
    }
    for section in ["chip", "scaling"] {
        let Some(Value::Table(fresh)) = fresh.remove(section) else { continue };
        if section == "chip" {
            table.insert(section.to_owned(), Value::Table(fresh));
        } else if let (Some(Value::Table(scaling)), Some(latency)) = (table.get_mut(section), fresh.get("latency")) {
            scaling.insert("latency".to_owned(), latency.clone());
        }
    }
    Ok(())
}

/// A layer names another kind of a section: the section begins anew with the defaults of that kind. A kind that does not exist is
/// found with its key.
fn begin_with_kind(section: &str, given: &Table, base: &mut Config, table: &mut Table) -> Result<(), ConfigError> {
    let key = format!("{section}.kind");
    let Some(kind) = kinds::find(given, &key).filter(|kind| kinds::find(table, &key) != Some(*kind)) else {
        return Ok(());
    };
    let Some(fresh) = kinds::of_kind(section, kind) else { return Ok(()) };
    kinds::take(section, &fresh, base);
    if let Some(value) = kinds::find(&to_table(base)?, section) {
        set(table, section, value.clone());
    }
    Ok(())
}

/// A layer names a data set: its kind and the numbers of its samples begin anew from there; files and seeds stay.
fn begin_with_data(kind: DataKind, base: &mut Config, table: &mut Table) -> Result<(), ConfigError> {
    base.data = Data::of_kind(kind);
    let fresh = to_table(base)?;
    for key in ["kind", "train_size", "validation_size", "test_size"] {
        if let Some(value) = fresh.get("data").and_then(|data| data.get(key)) {
            set(table, &format!("data.{key}"), value.clone());
        }
    }
    Ok(())
}

fn to_table(config: &Config) -> Result<Table, ConfigError> {
    Table::try_from(config)
        .map_err(|e| ConfigError::Problems(vec![Problem { key: "configuration".into(), message: e.to_string() }]))
}

impl Config {
    fn deserialize_table(table: Table) -> Result<Self, String> {
        Value::Table(table).try_into::<Self>().map_err(|e| e.message().trim().replace('\n', " "))
    }
}

/// Dotted keys of all values that are not tables.
pub(crate) fn leaves(table: &Table) -> Vec<String> {
    leaves_with_values(table, table).into_iter().map(|(key, _)| key).collect()
}

/// Leaves of `table`; what is a table there but a value in `shape` (or the other way round) counts as a leaf.
fn leaves_with_values(table: &Table, shape: &Table) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    for (key, value) in table {
        match (value, shape.get(key)) {
            (Value::Table(inner), Some(Value::Table(shape))) => {
                out.extend(leaves_with_values(inner, shape).into_iter().map(|(k, v)| (format!("{key}.{k}"), v)));
            }
            (Value::Table(inner), None) if !inner.is_empty() => {
                out.extend(leaves_with_values(inner, inner).into_iter().map(|(k, v)| (format!("{key}.{k}"), v)));
            }
            _ => out.push((key.clone(), value.clone())),
        }
    }
    out
}

fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            // An integer where a float belongs is what people write.
            let value = match (&value, table.get(key)) {
                (Value::Integer(i), Some(Value::Float(_))) => Value::Float(*i as f64),
                _ => value,
            };
            table.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            if let Some(Value::Table(inner)) = table.get_mut(first) {
                set(inner, rest, value);
            }
        }
    }
}

fn unknown(key: &str, known: &[String], origin: &str) -> Problem {
    let last = |k: &str| k.rsplit('.').next().unwrap_or(k).to_owned();
    let score = |candidate: &str| {
        strsim::jaro_winkler(key, candidate).max(0.98 * strsim::jaro_winkler(&last(key), &last(candidate)))
    };
    let nearest = known.iter().max_by(|a, b| score(a).total_cmp(&score(b)));
    let hint = nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
    Problem { key: key.to_owned(), message: format!("no such key{hint} ({origin})") }
}

fn shown(value: &Value) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(assignments: &[&str]) -> Result<Config, ConfigError> {
        let layers: Result<Vec<Layer>, _> = assignments.iter().map(|a| assignment(a)).collect();
        resolve(&layers?)
    }

    fn message(assignments: &[&str]) -> String {
        with(assignments).unwrap_err().to_string()
    }

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(resolve(&[]).unwrap(), Config::default());
        let text = Config::default().to_toml().unwrap();
        let again = Layer { origin: "file".into(), table: text.parse().unwrap() };
        assert_eq!(resolve(&[again]).unwrap(), Config::default());
    }

    #[test]
    fn values_are_set_and_integers_serve_as_floats() {
        let config =
            with(&["training.epochs=7", "scaling.slot_us=90", "network.hidden=[30]", "encoding.bias=none"]).unwrap();
        assert_eq!(config.training.epochs, 7);
        assert_eq!(config.scaling.slot_us, 90.0);
        assert_eq!(config.network.hidden, [30]);
        assert_eq!(config.encoding.bias, None);
    }

    #[test]
    fn a_preset_sets_the_rest_of_the_chip_and_single_keys_win() {
        let config = with(&["chip.seed=5", "chip.preset=ideal", "chip.events.time_grid=true"]).unwrap();
        assert_eq!(config.chip.variation, bss2_emu::variation::Variation::IDEAL);
        assert!(config.chip.events.time_grid);
        assert_eq!((config.chip.seed, config.scaling.latency.external_us), (5, 0.0));
        // A later preset begins anew.
        let config = with(&["chip.events.time_grid=false", "chip.preset=bss2"]).unwrap();
        assert!(config.chip.events.time_grid);
        assert!(message(&["chip.preset=silicon"]).contains("expected one of \"bss2\", \"bss2-calibrated\", "));
        let config = with(&["chip.preset=bss2-calibrated"]).unwrap();
        assert_eq!(config.chip.residual.gain_mean_rel, 0.04);
        assert_eq!(config.scaling.latency.external_us, 0.47);
    }

    #[test]
    fn a_data_set_brings_its_sizes_and_single_keys_win() {
        let config =
            with(&["data.test_seed=7", "data.train_size=10", "data.kind=mnist16", "data.test_size=500"]).unwrap();
        let data = &config.data;
        assert_eq!((data.train_size, data.validation_size, data.test_size, data.test_seed), (50_000, 10_000, 500, 7));
        let text = message(&["data.kind=mnist17"]);
        assert!(text.contains("data.kind") && text.contains("mnist17") && text.contains("fashion-mnist16"), "{text}");
        assert!(message(&["data.kind=mnist", "data.train_size=60000"]).contains("1..=50000"));
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let text = message(&[
            "training.learning_rate=0.1",
            "calibration.tau_mem_us=-3",
            "training.epochs=many",
            "training.optimiser.learning_rate=-1",
            "chip.noise.spike_jitter_us_std=-1",
        ]);
        assert!(
            text.contains("training.learning_rate: no such key; did you mean `training.optimiser.learning_rate`?"),
            "{text}"
        );
        assert!(text.contains("calibration.tau_mem_us: -3"), "{text}");
        assert!(text.contains("training.epochs: \"many\" is not allowed"), "{text}");
        assert!(text.contains("training.optimiser.learning_rate: `learning_rate` is -1"), "{text}");
        assert!(text.contains("chip.noise.spike_jitter_us_std: -1"), "{text}");
        assert_eq!(text.lines().count(), 6, "{text}");
    }

    #[test]
    fn a_kind_brings_its_own_keys() {
        use ttfs::loss::{Loss, Mse, TtfsLoss};
        use ttfs::optimiser::{Optimiser, Schedule, Sgd};

        let config = with(&["training.loss.kind=mse", "training.loss.t_wrong=0.9"]).unwrap();
        assert_eq!(config.training.loss, Loss::Mse(Mse { t_wrong: 0.9, ..Mse::default() }));
        // Without a kind, and with the present one, values stay.
        let config = with(&["training.loss.xi=0.3", "training.loss.kind=ttfs"]).unwrap();
        assert_eq!(config.training.loss, Loss::Ttfs(TtfsLoss { xi: 0.3, alpha: 0.1, beta: 1.0 }));
        let config = with(&[
            "training.optimiser.kind=sgd",
            "training.optimiser.momentum=0.5",
            "training.schedule.kind=constant",
        ])
        .unwrap();
        assert_eq!(config.training.optimiser, Optimiser::Sgd(Sgd { momentum: 0.5, ..Sgd::default() }));
        assert_eq!(config.training.schedule.learning_rate(0.1, 90, 100), 0.1);
        assert!(matches!(config.training.schedule, Schedule::Constant(_)));
        // Back again: the default is the recipe.
        let config = with(&["training.loss.kind=mse", "training.loss.kind=ttfs"]).unwrap();
        assert_eq!(config.training.loss, Config::default().training.loss);
        let text = config.to_toml().unwrap();
        assert_eq!(resolve(&[Layer { origin: "file".into(), table: text.parse().unwrap() }]).unwrap(), config);
    }

    #[test]
    fn keys_of_another_kind_are_refused_with_those_of_the_present_one() {
        let text = message(&["training.loss.kind=mse", "training.loss.xi=0.2"]);
        assert!(
            text.contains("training.loss.xi: belongs to training.loss.kind = \"ttfs\" or \"cross-entropy\""),
            "{text}"
        );
        assert!(text.contains("the kind is \"mse\", which has the keys t_correct, t_wrong (--set"), "{text}");
        let text = message(&["training.schedule.kind=constant", "training.schedule.gamma=0.5"]);
        assert!(text.contains("which has no keys"), "{text}");
        let text = message(&["training.loss.kind=hinge"]);
        assert!(text.contains("training.loss.kind: \"hinge\" is not allowed") && text.contains("`mse`"), "{text}");
        assert!(message(&["training.optimiser.kind=sgd", "training.optimiser.momentum=1"]).contains("momentum"));
    }

    #[test]
    fn the_old_name_of_the_optimiser_is_read() {
        let config = with(&["training.adam.learning_rate=0.003", "training.adam.beta1=0.8"]).unwrap();
        let ttfs::optimiser::Optimiser::Adam(adam) = config.training.optimiser else { panic!("not Adam") };
        assert_eq!((adam.learning_rate, adam.beta1, adam.beta2), (0.003, 0.8, 0.999));
        assert!(message(&["training.adam.momentum=1"]).contains("training.optimiser.momentum: belongs to"));
    }

    #[test]
    fn what_the_substrate_does_not_use_is_refused() {
        let ideal = ["substrate=ideal", "scaling.threshold=1", "scaling.tau_mem=2", "training.rounding=false"];
        let config = with(&ideal).unwrap();
        assert_eq!((config.scaling.threshold, config.scaling.tau_mem), (1.0, 2.0));
        let text = message(&ideal[1..]);
        for key in ["scaling.threshold: 1 has no effect", "scaling.tau_mem: 2", "training.rounding: false"] {
            assert!(text.contains(key), "{key} is missing in {text}");
        }
        assert!(message(&["substrate=noise-aware"]).contains("chip.preset = \"bss2-calibrated\""));
        assert!(with(&["substrate=noise-aware", "chip.preset=fast-and-deep"]).is_ok());
        assert!(message(&["noise_aware.test_chips=0"]).contains("1..=1000"));
    }

    #[test]
    fn a_key_of_a_section_is_not_a_value() {
        assert!(message(&["training=3"]).contains("training"));
        assert!(message(&["nonsense"]).contains("--set KEY=VALUE"));
        assert!(message(&["=3"]).contains("--set KEY=VALUE"));
    }
}
