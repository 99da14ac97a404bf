//! What happens between two events, told at a glance where that is possible.
//!
//! The search ([`super::search`]) is right for every membrane, and slow. Nearly all intervals are of two plain kinds: nothing
//! happens, or the membrane rises to its threshold in one go. Both can be told from the ends of the interval:
//!
//! ```text
//! v = tau_mem (1 - e^(-t/tau_mem))      dx/dv = x' e^(t/tau_mem) = y      y' = e^(t/tau_mem) (i_inh/tau_inh - i_exc/tau_exc)
//! ```
//! The bracket changes its sign at most once. Where both ends agree about it, the potential over `v` is concave (or convex)
//! in between: it lies below its tangents (above them), and reaches a level that it starts below and ends above exactly once.
//! Everything else, and everything closer to a level than [`MARGIN_LSB`], is left to the search.

use super::Membrane;
use super::lanes::{Points, Rates};

/// What is closer than this to a threshold or limit is not told at a glance. Far above all rounding.
const MARGIN_LSB: f64 = 1e-9;
/// Times that the crossing is computed anew from a nearer point before the search takes over.
const MOST_POINTS: usize = 8;

/// What happens in an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Glance {
    /// Neither threshold nor limit is reached.
    Calm,
    /// The threshold is reached for the first time after this time, and no limit before.
    Spike(f64),
    /// The search has to tell.
    Unclear,
}

/// A guess of what a membrane does without further events, with everything computed that costs an exponential.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// The guess: a time near the crossing, or near the turn of the membrane if there is none.
    pub near_us: f64,
    /// The membrane then, and its decay up to then.
    pub near: Points<1>,
    pub decay_mem: f64,
    /// Time of the crossing, if it is exact.
    pub crossing_us: Option<f64>,
}

/// The potential over `v` between the ends of an interval, seen with "up" as the direction of interest.
struct Arc {
    x: [f64; 2],
    /// Slopes `y` at the ends.
    y: [f64; 2],
    /// Length of the interval in `v`.
    length: f64,
    concave: bool,
    convex: bool,
}

impl Arc {
    fn flipped(&self) -> Self {
        let Self { x, y, length, concave, convex } = *self;
        Self { x: x.map(|x| -x), y: y.map(|y| -y), length, concave: convex, convex: concave }
    }

    /// Whether it certainly stays below a level.
    fn stays_below(&self, level: f64) -> bool {
        let level = level - MARGIN_LSB;
        let Self { x: [x0, x1], y: [y0, y1], .. } = *self;
        let ends = x0 < level && x1 < level;
        // The tangents of the ends meet above the arc, at a height that is compared after multiplication by y0 - y1 > 0.
        let roof = || y0 <= 0.0 || y1 >= 0.0 || y0 * (x1 - x0 - y1 * self.length) < (level - x0) * (y0 - y1);
        level == f64::INFINITY || ends && (self.convex || self.concave && roof())
    }
}

impl Membrane {
    /// Tells an interval with known ends. `decay_mem` is the factor of the membrane over it.
    pub(crate) fn glance(&self, from: Points<1>, to: Points<1>, span: f64, decay_mem: f64) -> Glance {
        let rates = self.rates();
        let bend = [rates.bend(&from)[0], rates.bend(&to)[0]];
        let (concave, convex) = (bend.iter().all(|b| *b >= 0.0), bend.iter().all(|b| *b <= 0.0));
        let arc = self.arc(from, to, decay_mem, concave, convex);
        let ceiling = self.threshold.min(self.upper);
        if !arc.flipped().stays_below(-self.lower) {
            return Glance::Unclear;
        }
        if arc.stays_below(ceiling) {
            return Glance::Calm;
        }
        let rises_once = (concave || convex) && from.x[0] < ceiling - MARGIN_LSB && to.x[0] > ceiling + MARGIN_LSB;
        if rises_once && self.threshold <= self.upper { self.spike(from, span) } else { Glance::Unclear }
    }

    /// Tells an interval without further events whose end is far away.
    pub(crate) fn glance_ahead(&self, from: Points<1>, span: f64, outlook: &Outlook) -> Glance {
        let ceiling = self.threshold.min(self.upper);
        let Points { x: [x], exc: [exc], inh: [inh] } = from;
        if x >= ceiling - MARGIN_LSB || x.min(0.0) - inh * self.peak_inh <= self.lower + MARGIN_LSB {
            return Glance::Unclear;
        }
        if x.max(0.0) + exc * self.peak_exc < ceiling - MARGIN_LSB {
            return Glance::Calm;
        }
        // The membrane is concave at first. A lower bound of the time for which it is:
        let (up, down) = (exc * self.rate_exc, inh * self.rate_inh);
        let difference = self.rate_exc - self.rate_inh;
        let concave_us = if difference <= 0.0 || down == 0.0 { f64::INFINITY } else { (1.0 - down / up) / difference };
        if up < down {
            return Glance::Unclear;
        }
        if let Some(s) = outlook.crossing_us
            && s > 0.0
            && s <= span.min(concave_us)
            && self.threshold <= self.upper
        {
            return Glance::Spike(s);
        }
        if outlook.near_us > 0.0 && span <= concave_us {
            let arc = self.arc(from, outlook.near, outlook.decay_mem, true, false);
            // From the near point on, below the tangent there.
            let later = outlook.near.x[0] + self.rates().slope(&outlook.near)[0].max(0.0) / self.rate_mem;
            if arc.stays_below(ceiling) && later < ceiling - MARGIN_LSB {
                return Glance::Calm;
            }
        }
        // The guess was too far off, or it is a close call.
        match self.spike(from, span) {
            Glance::Spike(s) if s <= concave_us && self.threshold <= self.upper => Glance::Spike(s),
            _ => Glance::Unclear,
        }
    }

    /// Whether a membrane that is held at its reset for some time certainly does nothing ever after, if no events come.
    pub(crate) fn stays_calm(&self, now: Points<1>, held_us: f64) -> bool {
        // e^u is more than the first terms of its series.
        let at_most = |rate: f64| {
            let u = rate * held_us;
            1.0 / (1.0 + u * (1.0 + u / 2.0 * (1.0 + u / 3.0 * (1.0 + u / 4.0))))
        };
        let highest = self.reset.max(0.0) + now.exc[0] * at_most(self.rate_exc) * self.peak_exc;
        let lowest = self.reset.min(0.0) - now.inh[0] * at_most(self.rate_inh) * self.peak_inh;
        highest < self.threshold.min(self.upper) - MARGIN_LSB && lowest > self.lower + MARGIN_LSB
    }

    /// The crossing of the threshold by a membrane that rises to it once within the interval.
    ///
    /// From a point nearby the crossing follows from the series of the potential; the point moves until it is near enough.
    /// Every point is an exact state, so that the accuracy is that of the last series.
    fn spike(&self, from: Points<1>, span: f64) -> Glance {
        let (rates, threshold) = (self.rates(), [self.threshold]);
        let mut s = rates.guess(&from, &threshold)[0];
        if s >= span {
            s = 0.0;
        }
        for _ in 0..MOST_POINTS {
            let point = if s > 0.0 { rates.at(&from, &[s]).0 } else { from };
            let step = rates.steps(&point, &threshold);
            s += step.us[0];
            // At the end of the interval rounding may put the crossing just behind it. NaN is outside.
            let inside = s > 0.0 && s <= span * (1.0 + 1e-12);
            if !inside {
                return Glance::Unclear;
            }
            if step.exact[0] {
                return Glance::Spike(s.min(span));
            }
        }
        Glance::Unclear
    }

    fn arc(&self, from: Points<1>, to: Points<1>, decay_mem: f64, concave: bool, convex: bool) -> Arc {
        let slope = |p: &Points<1>| self.rates().slope(p)[0];
        Arc {
            x: [from.x[0], to.x[0]],
            y: [slope(&from), slope(&to) / decay_mem],
            length: (1.0 - decay_mem) / self.rate_mem,
            concave,
            convex,
        }
    }

    fn rates(&self) -> Rates<1> {
        Rates { mem: [self.rate_mem], exc: [self.rate_exc], inh: [self.rate_inh] }
    }
}

#[cfg(test)]
mod tests;
