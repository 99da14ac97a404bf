//! The unit of the time constants in a file, which the file does not say.

use std::fmt;
use std::str::FromStr;

use crate::digits::shown;

/// A unit of time.
///
/// The documentation of NIR, hxtorch and jaxsnn write milliseconds; Norse and snnTorch write seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Milliseconds.
    Ms,
    /// Seconds.
    S,
}

/// A value that was given, known or guessed.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub why: String,
    /// Whether it could well be another one.
    pub uncertain: bool,
}

impl<T> Guess<T> {
    pub(crate) fn sure(value: T, why: impl Into<String>) -> Self {
        Self { value, why: why.into(), uncertain: false }
    }
}

impl TimeUnit {
    /// Microseconds in one unit.
    pub fn us(self) -> f64 {
        match self {
            Self::Ms => 1e3,
            Self::S => 1e6,
        }
    }

    /// The unit of files with these time constants. `step` is the time step that the writing tool is known to have had, in the
    /// same unit.
    pub(crate) fn guess(taus: &[f64], step: Option<f64>) -> Guess<Self> {
        let mut sorted = taus.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let tau = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
        if let Some(step) = step {
            let value = if step < 0.05 { Self::S } else { Self::Ms };
            return Guess::sure(value, format!("the time step of the tool that wrote them is {}", shown(step)));
        }
        if tau >= 0.5 {
            return Guess::sure(Self::Ms, format!("{} s would be too slow for a neuron", shown(tau)));
        }
        if tau < 1e-4 {
            return Guess::sure(Self::S, format!("{} ms would be too fast for a neuron", shown(tau)));
        }
        let why = format!(
            "a guess: {0} could be seconds (Norse, snnTorch: {1} ms of biology) or milliseconds (hxtorch, jaxsnn: {1} us of hardware)",
            shown(tau),
            shown(tau * 1e3)
        );
        Guess { value: Self::S, why, uncertain: true }
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ms => "ms",
            Self::S => "s",
        })
    }
}

impl FromStr for TimeUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ms" => Ok(Self::Ms),
            "s" => Ok(Self::S),
            other => Err(format!("{other:?} is no unit of time here; allowed are ms and s")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plausible_units() {
        for (taus, step, unit, uncertain) in [
            (vec![10.0, 5.0], None, TimeUnit::Ms, false),
            (vec![6e-6], None, TimeUnit::S, false),
            (vec![0.01], Some(1e-4), TimeUnit::S, false),
            (vec![0.01], None, TimeUnit::S, true),
            (vec![10.0], Some(1.0), TimeUnit::Ms, false),
        ] {
            let guess = TimeUnit::guess(&taus, step);
            assert_eq!((guess.value, guess.uncertain), (unit, uncertain), "{taus:?}: {}", guess.why);
        }
        assert!("us".parse::<TimeUnit>().unwrap_err().contains("ms and s"));
    }
}
