//! The description of a chip as a commented `chip.toml`.

use std::fmt::Write as _;

use bss2_emu::{ChipIdentity, ChipSpec};
use toml::{Table, Value};

use crate::config::meaning;

/// All keys of a description with their values and meanings; `--chip` takes it.
///
/// # Errors
/// If a value cannot be written as TOML (a seed beyond 2^63).
pub fn describe(spec: &ChipSpec, identity: &ChipIdentity) -> Result<String, toml::ser::Error> {
    let table = Table::try_from(spec)?;
    let mut text = format!(
        "# Chip {} of bss2 {}. `--chip FILE` takes this file; keys that are left out have the values of the preset.\n",
        identity,
        env!("CARGO_PKG_VERSION")
    );
    section(&mut text, "chip", &table);
    for (name, value) in &table {
        if let Value::Table(inner) = value {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n[{name}]\n");
            section(&mut text, &format!("chip.{name}"), inner);
        }
    }
    Ok(text)
}

/// The values of a table that are no tables.
fn section(text: &mut String, prefix: &str, table: &Table) {
    for (key, value) in table {
        if value.is_table() {
            continue;
        }
        if let Some(meaning) = meaning(&format!("{prefix}.{key}")) {
            let _ = writeln!(text, "# {meaning}");
        }
        let _ = writeln!(text, "{key} = {value}");
    }
}

#[cfg(test)]
mod tests {
    use bss2_emu::spec::Preset;

    use super::*;

    #[test]
    fn a_description_is_read_back_as_it_was_and_explains_every_key() {
        for (_, preset) in Preset::NAMES {
            let mut spec = ChipSpec::new(preset, 42);
            spec.noise.cadc_lsb_std = 0.1 + 0.2;
            let text = describe(&spec, &spec.identity()).unwrap();
            assert_eq!(toml::from_str::<ChipSpec>(&text).unwrap(), spec);
            let keys = text.lines().filter(|l| l.contains(" = ") && !l.starts_with('#')).count();
            let comments = text.lines().filter(|l| l.starts_with('#')).count();
            assert_eq!(comments, keys + 1, "{text}");
        }
    }
}
