//! Values that cross the border as JSON.

use bss2::embedded::Layer;
use pyo3::PyResult;
use serde_json::Value;

use crate::errors::ConfigError;

/// A layer of a configuration.
pub fn layer(origin: &str, text: &str) -> PyResult<Layer> {
    let table = serde_json::from_str::<toml::Table>(text).map_err(|error| {
        let hint = if text.contains("null") { " (None is no value of a configuration: leave the key out)" } else { "" };
        ConfigError::new_err(format!("{origin}: {error}{hint}"))
    })?;
    Ok(Layer { origin: origin.to_owned(), table })
}

/// A value of a type with serde.
pub fn parsed<T: for<'a> serde::Deserialize<'a>>(what: &str, text: &str) -> PyResult<T> {
    serde_json::from_str(text).map_err(|error| ConfigError::new_err(format!("{what}: {error}")))
}

/// The text of a value.
pub fn text(value: &impl serde::Serialize) -> PyResult<String> {
    let value: Result<Value, _> = serde_json::to_value(value);
    value.map(|value| value.to_string()).map_err(crate::errors::from)
}
