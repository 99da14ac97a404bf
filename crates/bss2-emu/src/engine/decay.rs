//! What becomes of four neurons over a time, looked up instead of computed.
//!
//! Between two events a membrane is a linear map of (potential, excitatory current, inhibitory current). Its five non-trivial
//! entries cost three exponentials. Arrivals lie on the 8 ns grid but for a latency they share, so the time between two of
//! them is a whole number of ticks, which is split into a fine and a coarse part with a table each; the product of two maps is
//! the map of the sum. All entries are sums of products of positive numbers: nothing cancels, equal time constants are no
//! special case, and an entry is good to a few units in the last place. What a time has beyond whole ticks (a chip without
//! time grid, sources of different latency) is short, and its map is a short Taylor series.

#![allow(
    clippy::needless_range_loop,
    clippy::needless_bitwise_bool,
    reason = "loops over lanes without branches become vector instructions"
)]

use libm::{exp, expm1};

use crate::events::TICK_US;
use crate::membrane::lanes::Rates;
use crate::parameters::NeuronParameters;

/// Neurons that are handled together.
pub const LANES: usize = 4;

/// One value for each of four neurons.
pub type Lanes = [f64; LANES];

/// Ticks in a coarse step, and entries of each of the two tables.
const STEPS: u32 = 32;
/// Shortest time constant for which the series of a half tick is exact.
const SHORTEST_TAU_US: f64 = 0.5;
/// A time this close to whole ticks is whole ticks: differences of times within a trial are rounded at about 1e-13 us.
const ROUNDING_US: f64 = 1e-12;

/// The linear map over some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decay {
    pub mem: Lanes,
    pub exc: Lanes,
    pub inh: Lanes,
    /// Potential per unit of initial current, in us.
    pub from_exc: Lanes,
    pub from_inh: Lanes,
}

impl Decay {
    const NONE: Self = Self {
        mem: [1.0; LANES],
        exc: [1.0; LANES],
        inh: [1.0; LANES],
        from_exc: [0.0; LANES],
        from_inh: [0.0; LANES],
    };

    /// This map followed by another.
    fn then(&self, next: &Self) -> Self {
        let mut out = Self::NONE;
        for l in 0..LANES {
            out.mem[l] = self.mem[l] * next.mem[l];
            out.exc[l] = self.exc[l] * next.exc[l];
            out.inh[l] = self.inh[l] * next.inh[l];
            out.from_exc[l] = next.mem[l] * self.from_exc[l] + next.from_exc[l] * self.exc[l];
            out.from_inh[l] = next.mem[l] * self.from_inh[l] + next.from_inh[l] * self.inh[l];
        }
        out
    }
}

/// A time between two events: coarse steps, fine steps, and what is left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// The time itself in us.
    pub span_us: f64,
    coarse: u32,
    fine: u32,
    /// Within half a tick either way; zero on the grid.
    rest_us: f64,
}

impl Gap {
    /// Splits a time.
    pub fn new(span_us: f64) -> Self {
        let ticks = libm::rint(span_us / TICK_US);
        let rest = span_us - ticks * TICK_US;
        let rest_us = if rest.abs() <= ROUNDING_US { 0.0 } else { rest };
        let ticks = ticks as u32;
        Self { span_us, coarse: ticks / STEPS, fine: ticks % STEPS, rest_us }
    }
}

/// The tables of four neurons.
#[derive(Debug, Clone)]
pub struct DecayTable {
    pub rates: Rates<LANES>,
    /// Maps over 0.. ticks, then over 0.. coarse steps.
    rows: Vec<Decay>,
}

impl DecayTable {
    /// Fills the tables for up to four neurons; `None` if a time constant is too short for them.
    pub fn new<'a>(neurons: impl IntoIterator<Item = &'a NeuronParameters>) -> Option<Self> {
        let mut table =
            Self { rates: Rates { mem: [1.0; LANES], exc: [1.0; LANES], inh: [1.0; LANES] }, rows: Vec::new() };
        for (l, p) in neurons.into_iter().enumerate() {
            let taus = [p.tau_mem_us, p.tau_syn_exc_us, p.tau_syn_inh_us];
            if taus.iter().any(|tau| *tau < SHORTEST_TAU_US) {
                return None;
            }
            [table.rates.mem[l], table.rates.exc[l], table.rates.inh[l]] = taus.map(|tau| 1.0 / tau);
        }
        table.rows.reserve_exact(2 * STEPS as usize);
        for unit_us in [TICK_US, f64::from(STEPS) * TICK_US] {
            let start = table.rows.len();
            table.rows.push(Decay::NONE);
            for k in 1..STEPS {
                // Powers of two from exponentials, the rest as products of at most five of these.
                let highest = 1 << k.ilog2();
                let row = if k == highest {
                    table.exact(f64::from(k) * unit_us)
                } else {
                    table.rows[start + highest as usize].then(&table.rows[start + (k - highest) as usize])
                };
                table.rows.push(row);
            }
        }
        Some(table)
    }

    /// The map over a time by exponentials.
    fn exact(&self, span: f64) -> Decay {
        let mut out = Decay::NONE;
        for l in 0..LANES {
            let (mem, exc, inh) = (self.rates.mem[l], self.rates.exc[l], self.rates.inh[l]);
            out.mem[l] = exp(-mem * span);
            out.exc[l] = exp(-exc * span);
            out.inh[l] = exp(-inh * span);
            let response = |d: f64| out.mem[l] * if d == 0.0 { span } else { expm1(d * span) / d };
            (out.from_exc[l], out.from_inh[l]) = (response(mem - exc), response(mem - inh));
        }
        out
    }

    /// The map over a time within half a tick.
    fn short(&self, span: f64) -> Decay {
        // (e^z - 1)/z; the next term is below 1e-16 for the shortest time constant.
        let series = |z: f64| 1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0 * (1.0 + z / 5.0 * (1.0 + z / 6.0))));
        let decay = |rate: f64| 1.0 - rate * span * series(-rate * span);
        let mut out = Decay::NONE;
        for l in 0..LANES {
            let (mem, exc, inh) = (self.rates.mem[l], self.rates.exc[l], self.rates.inh[l]);
            out.mem[l] = decay(mem);
            out.exc[l] = decay(exc);
            out.inh[l] = decay(inh);
            out.from_exc[l] = out.mem[l] * span * series((mem - exc) * span);
            out.from_inh[l] = out.mem[l] * span * series((mem - inh) * span);
        }
        out
    }

    /// The map over a gap.
    #[inline]
    pub fn over(&self, gap: &Gap) -> Decay {
        let coarse = &self.rows[(STEPS + gap.coarse.min(STEPS - 1)) as usize];
        let fine = &self.rows[gap.fine as usize];
        let mut decay = if gap.coarse == 0 {
            *fine
        } else if gap.fine == 0 {
            *coarse
        } else {
            coarse.then(fine)
        };
        let mut left = gap.coarse.saturating_sub(STEPS - 1);
        while left > 0 {
            let steps = left.min(STEPS - 1);
            decay = decay.then(&self.rows[(STEPS + steps) as usize]);
            left -= steps;
        }
        if gap.rest_us != 0.0 {
            decay = decay.then(&self.short(gap.rest_us));
        }
        decay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way of putting a map together against its exponentials.
    #[test]
    fn looked_up_maps_are_those_of_the_exponentials() {
        let neurons = [(6.0, 6.0, 6.0), (10.0, 5.0, 2.0), (6.0, 6.0 + 1e-9, 5.9), (0.5, 20.0, 0.5)].map(|(m, e, i)| {
            NeuronParameters { tau_mem_us: m, tau_syn_exc_us: e, tau_syn_inh_us: i, ..NeuronParameters::default() }
        });
        let table = DecayTable::new(&neurons).unwrap();
        let ticks = [0.0, 1.0, 31.0, 32.0, 33.0, 257.0, 1023.0, 1024.0, 2077.0, 22_500.0];
        for span in ticks.iter().flat_map(|t| [0.0, 0.31, -0.49, 1e-6].map(|rest| (t + rest) * TICK_US)) {
            let (found, exact) = (table.over(&Gap::new(span)), table.exact(span));
            for (a, b) in [
                (found.mem, exact.mem),
                (found.exc, exact.exc),
                (found.inh, exact.inh),
                (found.from_exc, exact.from_exc),
                (found.from_inh, exact.from_inh),
            ] {
                for l in 0..LANES {
                    // A long time multiplies the rounding of the rate itself.
                    let bound = 4e-15 + 4e-16 * span / 0.5;
                    assert!((a[l] - b[l]).abs() <= bound * b[l].abs(), "lane {l}, {span} us: {} and {}", a[l], b[l]);
                }
            }
        }
    }

    #[test]
    fn very_short_time_constants_have_no_table() {
        let p = NeuronParameters { tau_syn_inh_us: 0.1, ..NeuronParameters::default() };
        assert!(DecayTable::new(&[p]).is_none());
    }
}
