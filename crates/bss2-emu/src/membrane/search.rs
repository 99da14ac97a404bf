//! The search for the first crossing of a level: right for every membrane, by the monotone pieces of its course.

use libm::{exp, log};

use super::{RELEASE_US, response};

/// The course of a potential from now on, without events, seen with "up" as the direction of interest.
pub(super) trait Curve {
    /// The potential now.
    fn start(&self) -> f64;

    /// Potential and its time derivative after a time.
    fn at(&self, s: f64) -> (f64, f64);

    /// Second derivative, given the potential's first.
    fn curvature(&self, s: f64, slope: f64) -> f64;

    /// Time derivative after a time of a potential that was held at its present value until then.
    fn pull(&self, s: f64) -> f64;

    /// The times within `(0, span)`, ascending, between which both `x' e^(t/tau_mem)` and [`pull`](Self::pull) are monotone.
    fn turns(&self, span: f64) -> impl IntoIterator<Item = f64>;

    /// First time in `[0, span]` at which the potential reaches `level` from below; at once if it is there already.
    fn first_crossing(&self, level: f64, span: f64) -> Option<f64> {
        if level == f64::INFINITY {
            return None;
        }
        if self.start() >= level {
            // A potential that leaves its limit starts on it: only an outward course counts.
            let (_, slope) = self.at(0.0);
            if self.start() > level || slope > 0.0 {
                return Some(0.0);
            }
        }
        // From a limit the search starts just inside, where the potential is below the level.
        let mut from = if self.start() >= level { RELEASE_US.min(span) } else { 0.0 };
        let mut slope_from = self.at(from).1;
        for to in self.turns(span).into_iter().chain([span]) {
            let (x_to, slope_to) = self.at(to);
            // Far beyond the time constants everything is zero, the slope, too: it has come down all the same.
            if slope_from > 0.0 && slope_to <= 0.0 {
                let top = self.zero_of_slope(from, to);
                if self.at(top).0 >= level {
                    return Some(self.root(level, from, top));
                }
            } else if x_to >= level {
                return Some(self.root(level, from, to));
            }
            from = to;
            slope_from = slope_to;
        }
        None
    }

    /// First time in `[0, span]` at which a potential held at its present value would rise.
    fn first_rise(&self, span: f64) -> Option<f64> {
        if self.pull(0.0) > 0.0 {
            return Some(0.0);
        }
        let mut from = 0.0;
        for to in self.turns(span).into_iter().chain([span]) {
            if self.pull(to) > 0.0 {
                let (mut a, mut b) = (from, to);
                for _ in 0..200 {
                    let middle = 0.5 * (a + b);
                    if middle <= a || middle >= b {
                        break;
                    }
                    if self.pull(middle) > 0.0 {
                        b = middle;
                    } else {
                        a = middle;
                    }
                }
                return Some(b);
            }
            from = to;
        }
        None
    }

    /// The maximum between a rising and a falling end: safeguarded Newton on the slope.
    fn zero_of_slope(&self, from: f64, to: f64) -> f64 {
        let (mut a, mut b) = (from, to);
        let mut s = 0.5 * (a + b);
        for _ in 0..200 {
            let slope = self.at(s).1;
            if slope > 0.0 {
                a = s;
            } else {
                b = s;
            }
            let step = s - slope / self.curvature(s, slope);
            let next = if step > a && step < b { step } else { 0.5 * (a + b) };
            if next == s || b - a <= f64::EPSILON * b || (next - s).abs() <= 1e-15 * b {
                break;
            }
            s = next;
        }
        s
    }

    /// The crossing between an end below and an end at or above `level`: safeguarded Newton on the potential.
    fn root(&self, level: f64, below: f64, above: f64) -> f64 {
        let (mut a, mut b) = (below, above);
        let mut s = a;
        for _ in 0..200 {
            let (x, slope) = self.at(s);
            let excess = x - level;
            if excess >= 0.0 {
                b = s;
            } else {
                a = s;
            }
            let step = s - excess / slope;
            let next = if step > a && step < b { step } else { 0.5 * (a + b) };
            if (next - s).abs() <= 2e-16 * b || b - a <= 2e-16 * b {
                return next;
            }
            s = next;
        }
        s
    }
}

/// A membrane with one excitatory and one inhibitory current.
pub(super) struct Course {
    pub rate_mem: f64,
    pub rate_up: f64,
    pub rate_down: f64,
    pub x: f64,
    pub up: f64,
    pub down: f64,
}

impl Course {
    /// The one time at which the weighted slope `x' e^(t/tau_mem)` may turn around.
    fn turning_time(&self) -> Option<f64> {
        let (u, d) = (self.up * self.rate_up, self.down * self.rate_down);
        let difference = self.rate_up - self.rate_down;
        (u > 0.0 && d > 0.0 && difference != 0.0).then(|| log(u / d) / difference)
    }
}

impl Curve for Course {
    fn start(&self) -> f64 {
        self.x
    }

    fn at(&self, s: f64) -> (f64, f64) {
        let mem = exp(-self.rate_mem * s);
        let mut x = self.x * mem;
        let mut drive = 0.0;
        if self.up != 0.0 {
            let decay = exp(-self.rate_up * s);
            x += self.up * response(mem, decay, self.rate_mem - self.rate_up, s);
            drive += self.up * decay;
        }
        if self.down != 0.0 {
            let decay = exp(-self.rate_down * s);
            x -= self.down * response(mem, decay, self.rate_mem - self.rate_down, s);
            drive -= self.down * decay;
        }
        (x, drive - self.rate_mem * x)
    }

    fn curvature(&self, s: f64, slope: f64) -> f64 {
        let mut drive = 0.0;
        if self.up != 0.0 {
            drive -= self.rate_up * self.up * exp(-self.rate_up * s);
        }
        if self.down != 0.0 {
            drive += self.rate_down * self.down * exp(-self.rate_down * s);
        }
        drive - self.rate_mem * slope
    }

    fn pull(&self, s: f64) -> f64 {
        self.up * exp(-self.rate_up * s) - self.down * exp(-self.rate_down * s) - self.rate_mem * self.x
    }

    fn turns(&self, span: f64) -> impl IntoIterator<Item = f64> {
        self.turning_time().filter(|t| *t > 0.0 && *t < span)
    }
}
