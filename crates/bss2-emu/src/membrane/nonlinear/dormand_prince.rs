//! One step of the embedded Runge-Kutta pair of order 5(4) of Dormand and Prince, with dense output and step control.
//!
//! A step is tried with the length that was proposed last. The difference of the two embedded solutions estimates its error;
//! if that is more than allowed in any component, or not a number, the step is tried again, shorter. The accepted solution is
//! the one of fifth order, the course in between a polynomial of fourth order whose error is of the size of the estimate: a
//! step may be left at any time.
//!
//! Coefficients, dense output and control after E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations
//! I, 2nd ed., sections II.4-II.6.

#![allow(clippy::unreadable_literal, reason = "numerators and denominators as they are printed")]

use libm::pow;

use super::quartic::Quartic;

/// Times of the stages, in lengths of the step.
const NODES: [f64; 7] = [0.0, 1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0, 1.0];

/// Weights of the earlier stages in each stage; the last one is the solution of fifth order.
const STAGES: [&[f64]; 7] = [
    &[],
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];

/// Difference of the solutions of fifth and fourth order.
const ERROR: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0, -1.0 / 40.0];

/// Of the fourth-order term of the dense output.
const DENSE: [f64; 7] = [
    -12715105075.0 / 11282082432.0,
    0.0,
    87487479700.0 / 32700410799.0,
    -10690763975.0 / 1880347072.0,
    701980252875.0 / 199316789632.0,
    -1453857185.0 / 822651844.0,
    69997945.0 / 29380423.0,
];

/// The length aimed at is this part of the one that the estimate allows.
const SAFETY: f64 = 0.9;
/// A length changes from one try to the next by no more than these factors.
const SHRINK: f64 = 0.2;
const GROW: f64 = 5.0;

/// An accepted step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step<const N: usize> {
    pub start: f64,
    pub length: f64,
    /// The components over the length of the step.
    pub course: [Quartic; N],
}

/// A step of given length.
struct Attempt<const N: usize> {
    stages: [[f64; N]; 7],
    end: [f64; N],
    error: [f64; N],
}

impl<const N: usize> Step<N> {
    pub fn end(&self) -> f64 {
        self.start + self.length
    }

    /// Where in the step a time lies, in 0..=1.
    pub fn place(&self, time: f64) -> f64 {
        ((time - self.start) / self.length).clamp(0.0, 1.0)
    }

    /// The components at a time of the step.
    pub fn at(&self, time: f64) -> [f64; N] {
        let u = if time >= self.end() { 1.0 } else { self.place(time) };
        self.course.map(|c| c.at(u))
    }
}

/// Makes a step from `y` at `start`: the accepted step and the length proposed for the next.
///
/// `rates` are the derivatives, given the time since the start. `length` is tried first; a step as short as `shortest` is
/// accepted whatever its error. `allowed` is the error that each component may have, from the values at both ends and the
/// rates at the start.
pub fn step<const N: usize>(
    start: f64,
    y: &[f64; N],
    length: f64,
    shortest: f64,
    rates: impl Fn(f64, &[f64; N]) -> [f64; N],
    allowed: impl Fn(&[f64; N], &[f64; N], &[f64; N]) -> [f64; N],
) -> (Step<N>, f64) {
    let first = rates(0.0, y);
    let mut length = length.max(shortest);
    let mut most = GROW;
    loop {
        let attempt = attempt(y, first, length, &rates);
        let allowed = allowed(y, &attempt.end, &first);
        // The largest, and infinite where one is not a number.
        let excess = (0..N)
            .map(|i| (attempt.error[i] / allowed[i]).abs())
            .fold(0.0, |a: f64, b| if b.is_nan() { f64::INFINITY } else { a.max(b) });
        let factor = (SAFETY * pow(excess, -0.2)).clamp(SHRINK, most);
        if excess <= 1.0 || length <= shortest {
            return (Step { start, length, course: attempt.dense(y, length) }, length * factor);
        }
        length = (length * factor).max(shortest);
        most = 1.0;
    }
}

fn attempt<const N: usize>(
    y: &[f64; N],
    first: [f64; N],
    length: f64,
    rates: &impl Fn(f64, &[f64; N]) -> [f64; N],
) -> Attempt<N> {
    let mut stages = [[0.0; N]; 7];
    stages[0] = first;
    let mut end = *y;
    for k in 1..7 {
        end = moved(y, length, STAGES[k], &stages);
        stages[k] = rates(NODES[k] * length, &end);
    }
    let error = combined(length, &ERROR, &stages);
    Attempt { stages, end, error }
}

fn combined<const N: usize>(length: f64, weights: &[f64], stages: &[[f64; N]; 7]) -> [f64; N] {
    std::array::from_fn(|i| length * weights.iter().zip(stages).map(|(w, stage)| w * stage[i]).sum::<f64>())
}

fn moved<const N: usize>(y: &[f64; N], length: f64, weights: &[f64], stages: &[[f64; N]; 7]) -> [f64; N] {
    let change = combined(length, weights, stages);
    std::array::from_fn(|i| y[i] + change[i])
}

impl<const N: usize> Attempt<N> {
    /// `y + u d + u (1-u) p + u^2 (1-u) q + u^2 (1-u)^2 r`, by Bernstein coefficients.
    fn dense(&self, y: &[f64; N], length: f64) -> [Quartic; N] {
        let last = combined(length, &DENSE, &self.stages);
        std::array::from_fn(|i| {
            let (y, r) = (y[i], last[i]);
            let d = self.end[i] - y;
            let p = length * self.stages[0][i] - d;
            let q = d - length * self.stages[6][i] - p;
            let second = y + d / 2.0 + p / 3.0 + q / 6.0 + r / 6.0;
            Quartic([y, y + (d + p) / 4.0, second, y + (3.0 * d + p + q) / 4.0, self.end[i]])
        })
    }
}

#[cfg(test)]
mod tests {
    use libm::{cos, sin};

    use super::*;

    /// A rotation whose speed grows with time: `(cos, sin)` of `t + t^2 / 2`.
    fn spiral(t: f64, y: &[f64; 2]) -> [f64; 2] {
        [-(1.0 + t) * y[1], (1.0 + t) * y[0]]
    }

    fn exact(t: f64) -> [f64; 2] {
        let angle = t + 0.5 * t * t;
        [cos(angle), sin(angle)]
    }

    fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
        (a[0] - b[0]).abs().max((a[1] - b[1]).abs())
    }

    /// Errors at the end of `[0, 1]` and at its worst in between, with `n` equal steps.
    fn errors(n: usize) -> (f64, f64) {
        let (mut y, mut worst) = (exact(0.0), 0.0f64);
        let length = 1.0 / n as f64;
        for k in 0..n {
            let start = k as f64 * length;
            let rates = |s: f64, y: &[f64; 2]| spiral(start + s, y);
            let attempt = attempt(&y, rates(0.0, &y), length, &rates);
            let step = Step { start, length, course: attempt.dense(&y, length) };
            for u in [0.2, 0.5, 0.7] {
                worst = worst.max(distance(step.at(start + u * length), exact(start + u * length)));
            }
            y = attempt.end;
        }
        (distance(y, exact(1.0)), worst)
    }

    #[test]
    fn the_solution_is_of_fifth_order_and_its_dense_output_of_fourth() {
        for n in [8, 16, 32] {
            let ((end, dense), (end_half, dense_half)) = (errors(n), errors(2 * n));
            let (order, dense_order) = ((end / end_half).log2(), (dense / dense_half).log2());
            assert!((4.8..5.6).contains(&order), "{n} steps: order {order}");
            // A single step of fourth order has an error of fifth.
            assert!((4.3..5.6).contains(&dense_order), "{n} steps: order {dense_order}");
        }
    }

    #[test]
    fn the_error_follows_what_is_allowed() {
        let run = |tolerance: f64| {
            let (mut y, mut time, mut length, mut steps) = (exact(0.0), 0.0, 0.1, 0);
            while time < 4.0 {
                let rates = |s: f64, y: &[f64; 2]| spiral(time + s, y);
                let (step, next) = step(time, &y, length, 1e-12, rates, |_, _, _| [tolerance; 2]);
                let end = step.end().min(4.0);
                (y, time, length, steps) = (step.at(end), end, next, steps + 1);
            }
            (distance(y, exact(4.0)), steps)
        };
        for tolerance in [1e-6, 1e-8, 1e-10] {
            let (error, steps) = run(tolerance);
            assert!(error < 30.0 * tolerance, "{tolerance}: {error}");
            assert!(steps < 8 * (1e-2 / pow(tolerance, 0.2) * 100.0) as usize, "{tolerance}: {steps} steps");
        }
    }

    #[test]
    fn what_is_not_a_number_makes_the_step_shorter_until_it_cannot_be() {
        let pole = |_: f64, y: &[f64; 1]| [if y[0] < 1.0 { 1.0 } else { f64::NAN }];
        let (step, _) = step(0.0, &[0.0], 8.0, 1e-3, pole, |_, _, _| [1e-6]);
        assert!(step.length < 1.0 && step.end() > 0.1);
        assert!((step.at(0.05)[0] - 0.05).abs() < 1e-15);
    }
}
