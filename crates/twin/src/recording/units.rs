//! What the numbers of a recording mean.

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Units of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// Microseconds of hardware time per unit of time.
    pub us_per_time: f64,
    /// Weight codes per unit of weight.
    pub lsb_per_weight: f64,
    /// Threshold that the recorded network was trained for, in units of weight, with `tau_mem = tau_syn = 1`.
    pub threshold: f64,
    /// Grid of the time stamps in us; 0 for none.
    pub tick_us: f64,
    /// Length of a sample in us.
    pub slot_us: f64,
}

impl Units {
    /// Units of the published recordings.
    pub const PUBLISHED: Self =
        Self { us_per_time: 6.0, lsb_per_weight: 30.0, threshold: 2.6, tick_us: 0.008, slot_us: 180.0 };

    /// Weights of codes.
    pub fn weights(&self, codes: &Array2<i8>) -> Array2<f64> {
        codes.mapv(|code| f64::from(code) / self.lsb_per_weight)
    }

    /// Units from the description of a recording: its key `units`, or the keys of the published experiments.
    pub(super) fn of_meta(meta: &Value) -> Result<Self, String> {
        let units = match meta.get("units") {
            Some(units) => Self::deserialize(units).map_err(|e| format!("units: {e}"))?,
            None => Self::published(meta)?,
        };
        units.check()?;
        Ok(units)
    }

    /// Reads what the published experiments wrote about themselves.
    fn published(meta: &Value) -> Result<Self, String> {
        let setup = meta.get("hx_settings").and_then(Value::as_object).and_then(|s| s.values().next());
        let of_setup = |key: &str| {
            let value = setup.and_then(|s| s.get(key)).and_then(Value::as_f64);
            value.ok_or_else(|| format!("neither units nor hx_settings.SETUP.{key}"))
        };
        let threshold = meta.pointer("/config/default_neuron_params/threshold").and_then(Value::as_f64);
        let us_per_time = 1e3 * of_setup("scale_times")?;
        Ok(Self {
            us_per_time,
            lsb_per_weight: of_setup("scale_weights")?,
            threshold: threshold.ok_or("neither units nor config.default_neuron_params.threshold")?,
            tick_us: Self::PUBLISHED.tick_us,
            slot_us: us_per_time * of_setup("single_simtime")?,
        })
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        for (key, value, least, most) in [
            ("us_per_time", self.us_per_time, 1e-3, 1e4),
            ("lsb_per_weight", self.lsb_per_weight, 1e-3, 1e4),
            ("threshold", self.threshold, 1e-3, 1e4),
            ("tick_us", self.tick_us, 0.0, 1.0),
            ("slot_us", self.slot_us, 1e-3, 1e6),
        ] {
            if !(least..=most).contains(&value) {
                return Err(format!("units.{key} is {value}; allowed are {least}..={most}"));
            }
        }
        Ok(())
    }
}
