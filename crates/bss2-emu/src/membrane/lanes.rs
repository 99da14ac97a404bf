//! The arithmetic of crossings for several membranes in step.
//!
//! Everything here is free of branches and written over arrays, one entry per membrane, which compilers turn into vector
//! instructions; with one entry it is ordinary scalar code.

#![allow(
    clippy::needless_range_loop,
    clippy::needless_bitwise_bool,
    reason = "loops over lanes without branches become vector instructions"
)]

/// Order of the series of the potential around a point.
const ORDER: usize = 7;
/// Part of the shortest time constant within which that series is exact to 1e-16.
const SERIES_RANGE: f64 = 0.03;
/// A Newton step smaller than this part of the time is the last: the next would be its square.
const LAST_STEP: f64 = 1e-7;

/// Inverse time constants in 1/us.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates<const N: usize> {
    pub mem: [f64; N],
    pub exc: [f64; N],
    pub inh: [f64; N],
}

/// Potentials and currents of free membranes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Points<const N: usize> {
    pub x: [f64; N],
    pub exc: [f64; N],
    pub inh: [f64; N],
}

/// Times to the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps<const N: usize> {
    pub us: [f64; N],
    /// Whether the time is exact: the crossing is that near, and rising.
    pub exact: [bool; N],
}

impl<const N: usize> Points<N> {
    /// All at rest.
    pub const REST: Self = Self { x: [0.0; N], exc: [0.0; N], inh: [0.0; N] };

    /// One of them.
    pub fn lane(&self, l: usize) -> Points<1> {
        Points { x: [self.x[l]], exc: [self.exc[l]], inh: [self.inh[l]] }
    }
}

impl<const N: usize> Rates<N> {
    /// Slope of the potential.
    pub fn slope(&self, p: &Points<N>) -> [f64; N] {
        let mut slope = [0.0; N];
        for l in 0..N {
            slope[l] = p.exc[l] - p.inh[l] - self.mem[l] * p.x[l];
        }
        slope
    }

    /// Sign of the curvature over `tau_mem (1 - e^(-t/tau_mem))`: positive where the potential bends down.
    pub fn bend(&self, p: &Points<N>) -> [f64; N] {
        let mut bend = [0.0; N];
        for l in 0..N {
            bend[l] = self.exc[l] * p.exc[l] - self.inh[l] * p.inh[l];
        }
        bend
    }

    /// About when a threshold is crossed for the first time; if it is not, about when the potential turns; 0 if it falls.
    ///
    /// Exact if all time constants are alike, good to second order in their differences. With `u` the time in units of
    /// theirs, the potential in units of the threshold is `e^-u (a + b u)`. Its peak is at `u = 1 - a/b`; a distance `w`
    /// before it, `-w - ln(1 - w) = ln p` with the height `p` of the peak, and `w` is a series in `sqrt(2 ln p)`
    /// (Temme's, known from the incomplete gamma function).
    pub fn guess(&self, p: &Points<N>, threshold: &[f64; N]) -> [f64; N] {
        let bend = self.bend(p);
        let mut guess = [0.0; N];
        for l in 0..N {
            let current = p.exc[l] - p.inh[l];
            let rate = 0.5 * (self.mem[l] + bend[l] / current);
            let b = current / (rate * threshold[l]);
            let peak = 1.0 - p.x[l] * rate / current;
            let q = (2.0 * larger(rough_log(b) - peak, 0.0)).sqrt();
            let w = q * (1.0 - q / 3.0 * (1.0 - q / 12.0 * (1.0 + q * (2.0 / 15.0) * (1.0 + q / 16.0))));
            let s = (peak - w) / rate;
            guess[l] = if (b > 0.0) & (s > 0.0) { s } else { 0.0 };
        }
        guess
    }

    /// The membranes after some time, and their decay over it.
    pub fn at(&self, p: &Points<N>, span: &[f64; N]) -> (Points<N>, [f64; N]) {
        let (mem, exc, inh) = (decay(&self.mem, span), decay(&self.exc, span), decay(&self.inh, span));
        let mut to = Points::REST;
        for l in 0..N {
            let response = |decay: f64, rate: f64| {
                let d = self.mem[l] - rate;
                let z = d * span[l];
                // As in the parent module.
                let series = 1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0 * (1.0 + z / 5.0 * (1.0 + z / 6.0))));
                let (near, far) = (mem[l] * span[l] * series, (decay - mem[l]) / d);
                if z.abs() < 1e-2 { near } else { far }
            };
            to.x[l] =
                mem[l] * p.x[l] + p.exc[l] * response(exc[l], self.exc[l]) - p.inh[l] * response(inh[l], self.inh[l]);
            to.exc[l] = p.exc[l] * exc[l];
            to.inh[l] = p.inh[l] * inh[l];
        }
        (to, mem)
    }

    /// Times to the thresholds according to the series of the potentials.
    pub fn steps(&self, p: &Points<N>, threshold: &[f64; N]) -> Steps<N> {
        let mut series = [[0.0; N]; ORDER];
        let (mut x, mut exc, mut inh) = (p.x, p.exc, p.inh);
        let mut factorial = 1.0;
        for (k, coefficients) in series.iter_mut().enumerate() {
            factorial /= (k + 1) as f64;
            for l in 0..N {
                x[l] = exc[l] - inh[l] - self.mem[l] * x[l];
                exc[l] *= -self.exc[l];
                inh[l] *= -self.inh[l];
                coefficients[l] = x[l] * factorial;
            }
        }
        let (mut missing, mut us) = ([0.0; N], [0.0; N]);
        for l in 0..N {
            missing[l] = threshold[l] - p.x[l];
            // Where the parabola crosses on its rise. If it does not, NaN goes through all that follows.
            let (first, second) = (series[0][l], series[1][l]);
            let root = (first * first + 4.0 * second * missing[l]).sqrt();
            let rising = first > 0.0;
            us[l] =
                if rising { 2.0 * missing[l] } else { root - first } / if rising { first + root } else { 2.0 * second };
        }
        let mut exact = [false; N];
        for _ in 0..2 {
            let (mut mean_slope, mut change) = ([0.0; N], [0.0; N]);
            for coefficients in series.iter().rev() {
                for l in 0..N {
                    change[l] = change[l] * us[l] + mean_slope[l];
                    mean_slope[l] = mean_slope[l] * us[l] + coefficients[l];
                }
            }
            for l in 0..N {
                let slope = mean_slope[l] + change[l] * us[l];
                let step = (missing[l] - mean_slope[l] * us[l]) / slope;
                us[l] += step;
                let shortest = larger(self.mem[l], larger(self.exc[l], self.inh[l]));
                exact[l] =
                    (slope > 0.0) & (step.abs() <= LAST_STEP * us[l].abs()) & (us[l].abs() * shortest <= SERIES_RANGE);
            }
        }
        Steps { us, exact }
    }
}

/// Without the care for NaN of the standard function, which costs several instructions per lane.
#[inline]
pub fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// See [`larger`].
#[inline]
pub fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// 1.5 * 2^52: adding it to a small number leaves the nearest integer in the lowest bits.
const INTEGER: f64 = 6_755_399_441_055_744.0;

/// `e^(-rate span)`, to one unit in the last place; zero below `e^-700`. The method of `libm` (FreeBSD, `e_exp.c`) without its
/// branches.
#[inline]
fn decay<const N: usize>(rate: &[f64; N], span: &[f64; N]) -> [f64; N] {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const P: [f64; 5] = [
        1.666_666_666_666_660_2e-1,
        -2.777_777_777_701_559_3e-3,
        6.613_756_321_437_934e-5,
        -1.653_390_220_546_525_2e-6,
        4.138_136_797_057_238_5e-8,
    ];
    let mut decay = [0.0; N];
    for l in 0..N {
        let x = -rate[l] * span[l];
        let shifted = x * std::f64::consts::LOG2_E + INTEGER;
        let k = shifted - INTEGER;
        let (high, low) = (x - k * LN2_HIGH, k * LN2_LOW);
        let r = high - low;
        let rr = r * r;
        let c = r - rr * (P[0] + rr * (P[1] + rr * (P[2] + rr * (P[3] + rr * P[4]))));
        let y = 1.0 + (r * c / (2.0 - c) - low + high);
        let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
        decay[l] = if x > -700.0 { y * power } else { 0.0 };
    }
    decay
}

/// The logarithm to 1e-7, for guesses; not for zero, negative numbers or infinities.
#[inline]
fn rough_log(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    const BIAS: u64 = 1024;
    let root_half = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    // Exponent and mantissa such that the latter lies between the square roots of a half and of two.
    let relative = x.to_bits().wrapping_sub(root_half).wrapping_add(BIAS << 52);
    let exponent = f64::from_bits(INTEGER.to_bits().wrapping_add(relative >> 52)) - (INTEGER + BIAS as f64);
    let mantissa = f64::from_bits((relative & MANTISSA).wrapping_add(root_half));
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let zz = z * z;
    exponent * std::f64::consts::LN_2 + 2.0 * z * (1.0 + zz * (1.0 / 3.0 + zz * (1.0 / 5.0 + zz * (1.0 / 7.0))))
}

#[cfg(test)]
mod tests;
