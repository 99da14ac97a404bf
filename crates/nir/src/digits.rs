//! Numbers as people read them.

/// A number with six digits: what comes from single precision has no more.
pub(crate) fn shown(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    if rounded != 0.0 && !(1e-4..1e7).contains(&rounded.abs()) { format!("{rounded:e}") } else { rounded.to_string() }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn six_digits() {
        for (value, text) in
            [(9.999_999_934_434_952e-5, "0.0001"), (5.000_004_5, "5"), (1.25e-6, "1.25e-6"), (0.0, "0")]
        {
            assert_eq!(shown(value), text);
        }
    }
}
