//! Least-squares fit of an exponential decay to a trace.
//!
//! ```text
//! y = offset                                     before the event
//! y = offset + amplitude e^(-k dt / tau)         k-th sample after it
//! ```
//! The samples before the event pin the offset, so that a window of two or three time constants is enough. A coarse scan over
//! `tau` on a thinned trace (at each `tau` the other two are linear) is followed by Gauss-Newton steps on all samples.

/// A fitted decay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Decay {
    pub amplitude: f64,
    pub tau_us: f64,
}

/// Fewer samples than this are not fitted.
const FEWEST: usize = 8;

/// Fits `samples`, taken every `interval_us` after the event, together with the `baseline` taken before it.
///
/// `None` if there are too few samples or no decay is seen.
pub(crate) fn decay(baseline: &[u16], samples: &[u16], interval_us: f64) -> Option<Decay> {
    if samples.len() < FEWEST || baseline.is_empty() {
        return None;
    }
    let zero = mean(baseline);
    let y: Vec<f64> = samples.iter().map(|v| f64::from(*v) - zero).collect();
    // The baseline enters through its mean, which is zero now, and its number.
    let weight = baseline.len() as f64;
    let mut rate = coarse_rate(&y, weight)?;
    for _ in 0..20 {
        let step = gauss_newton(&y, weight, rate)?;
        let next = (rate + step).clamp(0.5 * rate, 2.0 * rate);
        let change = (next - rate).abs();
        rate = next;
        if change <= 1e-7 * rate {
            break;
        }
    }
    let (amplitude, _) = linear(&y, weight, rate)?;
    let tau_us = interval_us / rate;
    (tau_us.is_finite() && amplitude.is_finite()).then_some(Decay { amplitude, tau_us })
}

fn mean(values: &[u16]) -> f64 {
    values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64
}

/// Best of a geometric series of decay rates (per sample), on about a hundred samples.
fn coarse_rate(y: &[f64], weight: f64) -> Option<f64> {
    const RATIO: f64 = 1.25;
    let stride = y.len().div_ceil(100);
    let thin: Vec<f64> = y.iter().step_by(stride).copied().collect();
    let thin_weight = weight / stride as f64;
    // From two samples to ten windows.
    let mut tau = 2.0;
    let mut best: Option<(f64, f64)> = None;
    while tau < 10.0 * y.len() as f64 {
        if let Some((_, explained)) = linear(&thin, thin_weight, stride as f64 / tau)
            && best.is_none_or(|(most, _)| explained > most)
        {
            best = Some((explained, tau));
        }
        tau *= RATIO;
    }
    best.map(|(_, tau)| 1.0 / tau)
}

/// Amplitude at a given rate, and the sum of squares that amplitude and offset explain.
fn linear(y: &[f64], weight: f64, rate: f64) -> Option<(f64, f64)> {
    let q = libm::exp(-rate);
    let (mut e, mut se, mut see, mut sy, mut sey) = (1.0, 0.0, 0.0, 0.0, 0.0);
    for v in y {
        se += e;
        see += e * e;
        sy += v;
        sey += e * v;
        e *= q;
    }
    let n = weight + y.len() as f64;
    let determinant = n * see - se * se;
    if determinant.is_nan() || determinant <= 0.0 {
        return None;
    }
    let amplitude = (n * sey - se * sy) / determinant;
    let offset = (sy - amplitude * se) / n;
    Some((amplitude, amplitude * sey + offset * sy))
}

/// Step of the rate in a full Gauss-Newton step of amplitude, offset and rate.
fn gauss_newton(y: &[f64], weight: f64, rate: f64) -> Option<f64> {
    let (amplitude, _) = linear(y, weight, rate)?;
    let q = libm::exp(-rate);
    let mut e = 1.0;
    // Sums over the basis 1, e, d with d the derivative of the decay by the rate.
    let (mut s1e, mut s1d, mut see, mut sed, mut sdd) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let (mut sy, mut sey, mut sdy) = (0.0, 0.0, 0.0);
    for (k, v) in y.iter().enumerate() {
        let d = -amplitude * k as f64 * e;
        s1e += e;
        s1d += d;
        see += e * e;
        sed += e * d;
        sdd += d * d;
        sy += v;
        sey += e * v;
        sdy += d * v;
        e *= q;
    }
    let n = weight + y.len() as f64;
    // Eliminate the offset, then the amplitude.
    let (ee, ed, dd) = (see - s1e * s1e / n, sed - s1e * s1d / n, sdd - s1d * s1d / n);
    let (ey, dy) = (sey - s1e * sy / n, sdy - s1d * sy / n);
    let pivot = dd - ed * ed / ee;
    // At the best amplitude and offset the residual has no part along them: what is left along d is the step.
    let step = (dy - ed * ey / ee) / pivot;
    step.is_finite().then_some(step)
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    const INTERVAL_US: f64 = 0.034;

    fn trace(amplitude: f64, tau_us: f64, n: usize) -> Vec<u16> {
        (0..n).map(|k| (300.0 + amplitude * libm::exp(-(k as f64) * INTERVAL_US / tau_us)) as u16).collect()
    }

    #[test]
    fn decays_of_both_signs_and_all_lengths_are_found() {
        for amplitude in [500.0, -250.0] {
            for tau_us in [0.3, 1.0, 6.0, 15.0] {
                // Truncation to integers alone: .29 LSB, here systematic.
                let fit = decay(&[300; 50], &trace(amplitude, tau_us, 700), INTERVAL_US).unwrap();
                assert_relative_eq!(fit.tau_us, tau_us, max_relative = 0.015);
                assert_relative_eq!(fit.amplitude, amplitude, max_relative = 0.01);
            }
        }
    }

    #[test]
    fn a_short_window_is_enough() {
        let fit = decay(&[300; 50], &trace(500.0, 30.0, 900), INTERVAL_US).unwrap();
        assert_relative_eq!(fit.tau_us, 30.0, max_relative = 0.02);
    }

    #[test]
    fn flat_and_short_traces_do_not_break() {
        assert_eq!(decay(&[300; 50], &[300; 3], INTERVAL_US), None);
        assert_eq!(decay(&[], &[300; 30], INTERVAL_US), None);
        if let Some(fit) = decay(&[300; 50], &[300; 300], INTERVAL_US) {
            assert!(fit.amplitude.abs() < 1.0);
        }
    }
}
