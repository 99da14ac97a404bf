//! Sections whose keys depend on their `kind`: naming another kind begins the section anew with the defaults of that kind.

use toml::{Table, Value};
use ttfs::loss::Loss;
use ttfs::optimiser::{Optimiser, Schedule};

use super::Config;

/// The sections.
pub(super) const SECTIONS: [&str; 3] = ["training.loss", "training.optimiser", "training.schedule"];

/// The default configuration, and for every other kind of every section the default with that kind.
pub(super) fn variants() -> Vec<Config> {
    let with = |change: &dyn Fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        config
    };
    let mut variants = vec![Config::default()];
    variants.extend(Loss::kinds().map(|loss| with(&|config| config.training.loss = loss)));
    variants.extend(Optimiser::kinds().map(|optimiser| with(&|config| config.training.optimiser = optimiser)));
    variants.extend(Schedule::kinds().map(|schedule| with(&|config| config.training.schedule = schedule)));
    variants
}

/// The default configuration of the kind `kind` of a section; `None` if there is no such kind.
pub(super) fn of_kind(section: &str, kind: &Value) -> Option<Config> {
    let is = |config: &Config| {
        Table::try_from(config).is_ok_and(|table| find(&table, &format!("{section}.kind")).as_ref() == Some(&kind))
    };
    variants().into_iter().find(is)
}

/// Takes a section over from another configuration.
pub(super) fn take(section: &str, from: &Config, to: &mut Config) {
    match section {
        "training.loss" => to.training.loss = from.training.loss,
        "training.optimiser" => to.training.optimiser = from.training.optimiser,
        "training.schedule" => to.training.schedule = from.training.schedule,
        _ => {}
    }
}

/// Why a key is none of the section's although another kind has it, with the keys of the present kind.
pub(super) fn of_another_kind(key: &str, table: &Table) -> Option<String> {
    let section = SECTIONS.into_iter().find(|section| key.starts_with(&format!("{section}.")))?;
    let mut owners: Vec<String> = variants()
        .iter()
        .filter_map(|variant| Table::try_from(variant).ok())
        .filter(|variant| find(variant, key).is_some())
        .filter_map(|variant| find(&variant, &format!("{section}.kind")).map(ToString::to_string))
        .collect();
    owners.dedup();
    let present = find(table, section)?.as_table()?;
    let kind = present.get("kind")?;
    let keys: Vec<&str> = present.keys().map(String::as_str).filter(|key| *key != "kind").collect();
    let keys = if keys.is_empty() { "no keys".to_owned() } else { format!("the keys {}", keys.join(", ")) };
    (!owners.is_empty()).then(|| {
        format!("belongs to {section}.kind = {}, but the kind is {kind}, which has {keys}", owners.join(" or "))
    })
}

/// The value at a dotted key.
pub(super) fn find<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut parts = key.split('.');
    let mut value = table.get(parts.next()?)?;
    for part in parts {
        value = value.get(part)?;
    }
    Some(value)
}

/// Reads keys of before optimisers could be chosen: `training.adam.KEY` is `training.optimiser.KEY` with the kind Adam.
pub(super) fn with_present_names(mut table: Table) -> Table {
    let Some(Value::Table(training)) = table.get_mut("training") else { return table };
    let Some(Value::Table(adam)) = training.remove("adam") else { return table };
    let optimiser = training.entry("optimiser").or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(optimiser) = optimiser {
        optimiser.entry("kind").or_insert_with(|| "adam".into());
        for (key, value) in adam {
            optimiser.entry(key).or_insert(value);
        }
    }
    table
}
