//! What one spike does to a neuron, which tools disagree about.

use std::fmt;
use std::str::FromStr;

use crate::digits::shown;
use crate::graph::CubaLif;
use crate::time_unit::Guess;

/// What an incoming spike is.
///
/// The charge of a spike of weight `W` in the units of [`LifModel`](ttfs::neuron::LifModel), from
/// `tau_syn dI/dt = -I + w_in S`, `tau_mem dv/dt = (v_leak - v) + r I`:
///
/// ```text
/// w = r w_in W area/tau_mem       area: integral of S over one spike
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spike {
    /// NIR to the letter: a delta function, area 1 in the file's unit of time.
    Delta,
    /// The synaptic current jumps by `w_in W` (hxtorch, jaxsnn, Rockpool, Norse's own neurons): area `tau_syn`.
    Current,
    /// Height 1 for one time step of this length, in the file's unit of time (snnTorch, Norse's importer): area `dt`.
    Pulse(f64),
}

/// Ratios of arrays that differ by less are one: files have single precision.
const SAME: f64 = 1e-3;

impl Spike {
    /// The area of one spike.
    pub(crate) fn area(self, tau_syn: f64) -> f64 {
        match self {
            Self::Delta => 1.0,
            Self::Current => tau_syn,
            Self::Pulse(dt) => dt,
        }
    }

    /// What a spike is in a file with these neurons.
    pub(crate) fn guess(layers: &[&CubaLif]) -> Guess<Self> {
        let of = |field: fn(&CubaLif) -> &Vec<f64>| layers.iter().flat_map(move |layer| field(layer).iter().copied());
        let ratios = |a: fn(&CubaLif) -> &Vec<f64>, b: fn(&CubaLif) -> &Vec<f64>| -> Option<f64> {
            let pairs = layers.iter().flat_map(|layer| crate::chain::paired(a(layer), b(layer)));
            let mut ratios = pairs.map(|(a, b)| a / b);
            let first = ratios.next()?;
            ratios.all(|ratio| (ratio / first - 1.0).abs() < SAME).then_some(first)
        };
        let per_tau_syn = ratios(|l| &l.w_in, |l| &l.tau_syn);
        let per_tau_mem = ratios(|l| &l.r, |l| &l.tau_mem);
        if per_tau_syn.is_some_and(|ratio| (ratio - 1.0).abs() < 1e-6) {
            return Guess::sure(Self::Delta, "w_in is tau_syn, so that a spike adds its weight to the current");
        }
        if let (Some(a), Some(b)) = (per_tau_syn, per_tau_mem)
            && a > 0.0
            && (a / b - 1.0).abs() < SAME
        {
            let why = format!(
                "r is tau_mem/dt and w_in is tau_syn/dt for dt = {}, as snnTorch writes them",
                shown(b.recip())
            );
            return Guess::sure(Self::Pulse(b.recip()), why);
        }
        if of(|layer| &layer.w_in).all(|w_in| w_in == 1.0) {
            let why = "a guess: w_in is 1, as hxtorch, jaxsnn, Rockpool and Norse write it; to the letter of NIR it would be \
                       `delta`, in discrete time the length of the time step";
            return Guess { value: Self::Current, why: why.into(), uncertain: true };
        }
        Guess { value: Self::Delta, why: "a guess: the letter of NIR".into(), uncertain: true }
    }
}

impl fmt::Display for Spike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delta => f.write_str("delta"),
            Self::Current => f.write_str("current"),
            Self::Pulse(dt) => f.write_str(&shown(*dt)),
        }
    }
}

impl FromStr for Spike {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "delta" => Ok(Self::Delta),
            "current" => Ok(Self::Current),
            number => match number.parse::<f64>() {
                Ok(dt) if dt.is_finite() && dt > 0.0 => Ok(Self::Pulse(dt)),
                _ => Err(format!("{text:?} is no spike; allowed are delta, current, or a time step above 0")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(tau_syn: f64, tau_mem: f64, r: f64, w_in: f64) -> CubaLif {
        CubaLif {
            tau_syn: vec![tau_syn; 2],
            tau_mem: vec![tau_mem; 2],
            r: vec![r; 2],
            w_in: vec![w_in; 2],
            ..CubaLif::default()
        }
    }

    #[test]
    fn dialects_are_told_apart() {
        for (layer, spike, uncertain) in [
            (layer(0.006, 0.012, 2.0, 0.006), Spike::Delta, false),
            (layer(5e-3, 1e-2, 1.0, 1.0), Spike::Current, true),
            (layer(5e-3, 1e-2, 1.0, 2.0), Spike::Delta, true),
        ] {
            let guess = Spike::guess(&[&layer]);
            assert_eq!((guess.value, guess.uncertain), (spike, uncertain), "{layer:?}");
        }
        let guess = Spike::guess(&[&layer(2e-3, 1e-2, 100.0, 20.0)]);
        let Spike::Pulse(dt) = guess.value else { panic!("{guess:?}") };
        assert!((dt - 1e-4).abs() < 1e-12 && !guess.uncertain);
    }

    #[test]
    fn flags_are_read() {
        assert_eq!("delta".parse(), Ok(Spike::Delta));
        assert_eq!("1e-4".parse(), Ok(Spike::Pulse(1e-4)));
        for bad in ["", "0", "-1", "nan", "inf", "Delta"] {
            assert!(bad.parse::<Spike>().unwrap_err().contains("delta, current"), "{bad}");
        }
    }
}
