//! Targets by name.
//!
//! Stands in for `Targets::preset` and `Targets::PRESETS` of `calib` until they are there.

use ::calib::Targets;
use anyhow::bail;

/// Names, with what they are.
pub const NAMES: [&str; 4] = ["fast-and-deep", "hxtorch", "calix", "spiking2"];

/// The targets of a name.
///
/// # Errors
/// If there is no such preset, with those that there are and the nearest.
pub fn named(name: &str) -> anyhow::Result<Targets> {
    let slow = Targets {
        threshold_lsb: 125.0,
        tau_mem_us: 10.0,
        tau_syn_exc_us: 10.0,
        tau_syn_inh_us: 10.0,
        i_synin_gm: 500,
        synapse_dac_bias: 600,
        refractory_time_us: 2.0,
        ..Targets::default()
    };
    Ok(match name {
        "fast-and-deep" => Targets::default(),
        "hxtorch" => slow,
        "calix" => Targets { reset_lsb: 70.0, ..slow },
        "spiking2" => {
            Targets { i_synin_gm: 500, synapse_dac_bias: 1000, refractory_time_us: 2.0, ..Targets::default() }
        }
        _ => {
            let nearest = NAMES
                .into_iter()
                .max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
            let nearest = nearest.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
            bail!("--target {name}: no such preset; there are {}{nearest}", NAMES.join(", "))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_targets_that_can_be_calibrated_to() {
        for name in NAMES {
            assert!(named(name).unwrap().check().is_empty(), "{name}");
        }
        assert!(named("hxtorck").unwrap_err().to_string().contains("did you mean hxtorch?"));
    }
}
