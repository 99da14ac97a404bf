//! The numbers of a section of a description: their keys, values and allowed ranges, in one list per section.
//!
//! The lists serve the checks and the identity of a chip alike. [`numbers!`] takes a section apart without a rest pattern, so a
//! field that is not listed does not compile.

use super::Problem;

/// One number of a section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    /// Its key within the section.
    pub key: &'static str,
    /// Its value.
    pub value: f64,
    /// Smallest allowed value.
    pub least: f64,
    /// Largest allowed value.
    pub most: f64,
}

impl Number {
    /// What is wrong with it, under the name of its section.
    pub fn problem(&self, section: &str) -> Option<Problem> {
        let Self { key, value, least, most } = *self;
        // NaN is in no range.
        let allowed = (least..=most).contains(&value);
        (!allowed)
            .then(|| Problem::out_of_range(format!("{section}.{key}"), value, &format!("a number in {least}..={most}")))
    }
}

/// All numbers of a section: `numbers!(self, Section { key: least..=most, ... })`.
macro_rules! numbers {
    ($section:expr, $Section:ident { $($key:ident: $least:literal..=$most:literal),* $(,)? }) => {{
        let $Section { $($key),* } = *$section;
        [$($crate::spec::ranges::Number { key: stringify!($key), value: $key, least: $least, most: $most }),*]
    }};
}
pub(crate) use numbers;
