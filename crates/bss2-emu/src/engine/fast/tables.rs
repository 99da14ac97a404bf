//! What a block of sixteen neurons needs to know about itself.

use crate::dynamics::Body;
use crate::events::TICK_US;
use crate::membrane::Membrane;

use super::vector::{LANES, Lanes};

/// Ticks of the longest step that is looked up; longer times take several.
pub const LONGEST_STEP: u32 = 112;
/// Shortest time constant for which the series over a step is exact to an `f32`.
const SHORTEST_TAU_US: f64 = 2.0;
/// Shortest refractory time: a neuron fires once in a step at most.
const SHORTEST_REFRACTORY_US: f64 = 1.0;

/// A longer refractory time is as good as this one for a bound.
pub const LONGEST_HOLD_US: f64 = 1e3;

/// Whole ticks that are not more than a time.
#[inline]
pub fn ticks_before(time_us: f64) -> u32 {
    (time_us * (1.0 / TICK_US) - 1e-3) as u32
}

/// The map of a step, for neurons of up to `K` circuits.
#[derive(Debug, Clone, Copy)]
pub struct Step<const K: usize> {
    pub mem: Lanes,
    pub exc: [Lanes; K],
    pub inh: [Lanes; K],
    /// The least of the decays of inhibition.
    pub least_inh: Lanes,
    /// Potential per unit of initial current, in us.
    pub from_exc: [Lanes; K],
    pub from_inh: [Lanes; K],
    /// Its length.
    pub span_us: f32,
}

/// What currents of one sign can do at most if no events come, for the slowest of them, against the fastest of the other sign.
///
/// Responses `r_a(t)` and `r_b(t)` to currents with rates `a < b` obey `r_b(t) >= e^(-(b - a) t) r_a(t)`.
#[derive(Debug, Clone, Copy)]
pub struct Tail {
    /// Largest response to a unit current, in us.
    pub peak: Lanes,
    /// How much of it a unit current of the other sign takes away, for a time of [`LONG`].
    pub spared: Lanes,
    /// The response after that time, when it falls.
    pub late: Lanes,
}

/// In time constants, the longest of the membrane and its inputs.
const LONG: f64 = 3.0;
/// What is left of a potential after that time, at most.
pub const LEFT_AFTER_LONG: f32 = 0.05;

/// Up to sixteen neurons of up to `K` circuits. Places left over are never asked.
#[derive(Debug, Clone)]
pub struct Block<const K: usize> {
    /// Bits of the places that are taken.
    pub used: u32,
    /// By number of ticks.
    pub steps: Vec<Step<K>>,
    pub rate_mem: Lanes,
    pub rate_exc: [Lanes; K],
    pub rate_inh: [Lanes; K],
    /// Largest responses to a unit current, in us.
    pub peak_exc: [Lanes; K],
    pub peak_inh: [Lanes; K],
    /// Of excitation, and of inhibition.
    pub tails: [Tail; 2],
    pub reset: Lanes,
    pub lower: Lanes,
    pub upper: Lanes,
    pub refractory_us: [f64; LANES],
    /// Not more than the shortest of them.
    pub refractory_ticks: u32,
}

/// Rates and peaks of a neuron of up to `K` circuits.
struct Constants<const K: usize> {
    mem: f64,
    exc: [f64; K],
    inh: [f64; K],
    peak_exc: [f64; K],
    peak_inh: [f64; K],
}

/// Response of a membrane to a unit current, after a time.
fn response(rate_mem: f64, rate: f64, time_us: f64) -> f64 {
    let d = rate_mem - rate;
    libm::exp(-rate_mem * time_us) * if d == 0.0 { time_us } else { libm::expm1(d * time_us) / d }
}

fn constants<const K: usize>(body: &Body) -> Option<(Constants<K>, &Membrane)> {
    let (mut c, membrane) = match body {
        Body::Lif(membrane) => {
            let ([mem, exc, inh], [peak_exc, peak_inh]) = (membrane.rates_per_us(), membrane.peaks());
            let [exc, inh, peak_exc, peak_inh] = [exc, inh, peak_exc, peak_inh].map(|v| [v; K]);
            (Constants { mem, exc, inh, peak_exc, peak_inh }, membrane)
        }
        Body::Joined(joined) if joined.n_inputs() <= 2 * K => {
            let [mem, ..] = joined.membrane.rates_per_us();
            // Circuits that it does not have never get a current.
            let of = |sign: usize, k: usize| {
                if 2 * k + sign < joined.n_inputs() { joined.input(2 * k + sign) } else { (mem, 0.0) }
            };
            let c = Constants {
                mem,
                exc: std::array::from_fn(|k| of(0, k).0),
                inh: std::array::from_fn(|k| of(1, k).0),
                peak_exc: std::array::from_fn(|k| of(0, k).1),
                peak_inh: std::array::from_fn(|k| of(1, k).1),
            };
            (c, &joined.membrane)
        }
        _ => return None,
    };
    let rates = c.exc.iter_mut().chain(&mut c.inh).map(|r| *r).fold(c.mem, f64::max);
    let fits = rates * SHORTEST_TAU_US <= 1.0
        && membrane.holdoff_us == 0.0
        && membrane.start == 0.0
        && membrane.refractory_us >= SHORTEST_REFRACTORY_US;
    fits.then_some((c, membrane))
}

/// Most circuits that a neuron in a block can have.
const MOST_CIRCUITS: usize = 8;

/// Whether a neuron can be in a block, and how many circuits it has then.
pub fn circuits(body: &Body) -> Option<usize> {
    constants::<MOST_CIRCUITS>(body)?;
    match body {
        Body::Joined(joined) => Some(joined.n_inputs().div_ceil(2)),
        _ => Some(1),
    }
}

impl<const K: usize> Block<K> {
    /// A block of neurons that can be in one.
    pub fn new<'a>(bodies: impl IntoIterator<Item = &'a Body>) -> Self {
        let one = Lanes::all(1.0);
        let none = Lanes::all(0.0);
        let mut block = Self {
            used: 0,
            steps: Vec::new(),
            rate_mem: one,
            rate_exc: [one; K],
            rate_inh: [one; K],
            peak_exc: [none; K],
            peak_inh: [none; K],
            tails: [Tail { peak: none, spared: none, late: none }; 2],
            reset: none,
            lower: Lanes::all(f32::NEG_INFINITY),
            upper: Lanes::all(f32::INFINITY),
            refractory_us: [f64::INFINITY; LANES],
            refractory_ticks: 0,
        };
        let blank = |ticks: u32| Step {
            mem: one,
            exc: [one; K],
            inh: [one; K],
            least_inh: one,
            from_exc: [none; K],
            from_inh: [none; K],
            span_us: (f64::from(ticks) * TICK_US) as f32,
        };
        block.steps = (0..=LONGEST_STEP).map(blank).collect();
        for (l, body) in bodies.into_iter().enumerate() {
            let Some((c, membrane)) = constants::<K>(body) else { continue };
            block.used |= 1 << l;
            block.rate_mem.0[l] = c.mem as f32;
            block.reset.0[l] = membrane.reset as f32;
            block.lower.0[l] = membrane.lower as f32;
            block.upper.0[l] = membrane.upper as f32;
            block.refractory_us[l] = membrane.refractory_us;
            for k in 0..K {
                (block.rate_exc[k].0[l], block.rate_inh[k].0[l]) = (c.exc[k] as f32, c.inh[k] as f32);
                (block.peak_exc[k].0[l], block.peak_inh[k].0[l]) = (c.peak_exc[k] as f32, c.peak_inh[k] as f32);
            }
            for (tail, mine, others, peaks) in [(0, &c.exc, &c.inh, &c.peak_exc), (1, &c.inh, &c.exc, &c.peak_inh)] {
                let slowest = mine.iter().copied().fold(f64::INFINITY, f64::min);
                let fastest = others.iter().copied().fold(0.0, f64::max);
                let long = LONG / slowest.min(c.mem);
                let tail = &mut block.tails[tail];
                tail.peak.0[l] = peaks.iter().copied().fold(0.0, f64::max) as f32;
                tail.spared.0[l] = libm::exp(-(fastest - slowest).max(0.0) * long) as f32;
                tail.late.0[l] = response(c.mem, slowest, long) as f32;
            }
            for (ticks, step) in block.steps.iter_mut().enumerate() {
                let span = ticks as f64 * TICK_US;
                let mem = libm::exp(-c.mem * span);
                let response = |rate: f64| response(c.mem, rate, span) as f32;
                step.mem.0[l] = mem as f32;
                for k in 0..K {
                    step.exc[k].0[l] = libm::exp(-c.exc[k] * span) as f32;
                    step.inh[k].0[l] = libm::exp(-c.inh[k] * span) as f32;
                    step.least_inh.0[l] = step.least_inh.0[l].min(step.inh[k].0[l]);
                    (step.from_exc[k].0[l], step.from_inh[k].0[l]) = (response(c.exc[k]), response(c.inh[k]));
                }
            }
        }
        let shortest_us = block.refractory_us.iter().copied().fold(LONGEST_HOLD_US, f64::min);
        block.refractory_ticks = ticks_before(shortest_us);
        block
    }
}
