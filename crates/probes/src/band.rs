//! What was published for silicon, and how a measurement compares with it.

/// A published range of a measured number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// What was measured.
    pub name: &'static str,
    /// Its unit; empty for a pure number.
    pub unit: &'static str,
    /// Smallest value that silicon is known to show.
    pub low: f64,
    /// Largest value (`+inf`: any above `low`).
    pub high: f64,
    /// Where it was published.
    pub source: &'static str,
}

impl Band {
    /// Smallest and largest value.
    pub fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Whether a value lies in the band, ends included; no number does not.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// A measured number beside its published band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// The band.
    pub band: Band,
    /// The measured number; `NaN` where nothing could be measured.
    pub value: f64,
}

impl Finding {
    /// Whether the measurement agrees with what was published.
    pub fn is_inside(&self) -> bool {
        self.band.contains(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_hold_their_ends_and_no_nonsense() {
        let band = Band { name: "x", unit: "", low: -1.0, high: f64::INFINITY, source: "" };
        assert!(band.contains(-1.0) && band.contains(1e300));
        assert!(!band.contains(-1.1) && !band.contains(f64::NAN));
        assert!(!Finding { band, value: f64::NAN }.is_inside());
    }
}
