//! Search for the codes of 512 neurons at once.
//!
//! Each measurement takes one code per neuron and gives one value per neuron. What is known beforehand is the direction in
//! which the value moves with the code, and the range of the code. The search is a safeguarded secant: a line through all
//! points measured so far predicts the next code; where the prediction leaves the bracket that the points span, the middle
//! of the bracket is taken instead, so that it is never worse than the binary search of `calix` by more than the few points
//! it begins with. A code that is proposed again is measured again and its values averaged. The result is the code whose
//! mean is closest to the target. Usual are 3 to 5 measurements, where a binary search over 0..=1022 takes 12.

use std::ops::RangeInclusive;

use bss2_emu::CapMemCode;

/// Which way the value goes when the code rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Rising,
    Falling,
}

/// How the second code is chosen, when no slope is known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstStep {
    /// That many codes towards the target.
    By(u16),
    /// As if the value were proportional to the code.
    InProportion,
}

/// What is searched, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    pub range: RangeInclusive<u16>,
    pub direction: Direction,
    pub first_step: FirstStep,
    /// Measurements after which to stop at the latest.
    pub most: usize,
}

/// Codes found and what they measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub codes: Vec<CapMemCode>,
    /// Mean value at the code found; not finite if nothing could be measured.
    pub values: Vec<f64>,
}

impl Search {
    /// Runs the search. `measure` gives one value per code; an infinite value says "beyond what can be measured" with its
    /// sign, NaN "nothing seen".
    pub fn run<E>(
        &self,
        targets: &[f64],
        start: Vec<CapMemCode>,
        mut measure: impl FnMut(&[CapMemCode]) -> Result<Vec<f64>, E>,
    ) -> Result<Found, E> {
        let mut codes = start;
        let mut points = vec![Points::default(); codes.len()];
        for count in 1..=self.most {
            let values = measure(&codes)?;
            for ((points, code), value) in points.iter_mut().zip(&codes).zip(&values) {
                points.add(code.get(), *value);
            }
            if count == self.most {
                break;
            }
            let next: Vec<CapMemCode> =
                points.iter().zip(targets).map(|(points, target)| self.propose(points, *target)).collect();
            let settled = next
                .iter()
                .zip(&points)
                .zip(targets)
                .all(|((next, points), target)| points.best(*target).code == next.get());
            if settled {
                break;
            }
            codes = next;
        }
        let best = points.iter().zip(targets).map(|(p, target)| p.best(*target));
        let (codes, values) = best.map(|p| (CapMemCode::saturating(p.code.into()), p.mean())).unzip();
        Ok(Found { codes, values })
    }

    fn propose(&self, points: &Points, target: f64) -> CapMemCode {
        let best = points.best(target);
        let sign = match self.direction {
            Direction::Rising => 1.0,
            Direction::Falling => -1.0,
        };
        let value = best.mean();
        if value.is_nan() {
            return CapMemCode::saturating(best.code.into());
        }
        let code = f64::from(best.code);
        let towards = if value < target { sign } else { -sign };
        let predicted = match (points.slope(), self.first_step) {
            (Some(slope), _) if slope * sign > 0.0 => code + (target - value) / slope,
            (None, FirstStep::InProportion) if value.is_finite() && value > 0.0 => code * target / value,
            (_, FirstStep::By(step)) => {
                code + towards * f64::from(step) * f64::from(1u32 << points.0.len().min(8)) / 2.0
            }
            (_, FirstStep::InProportion) => code + towards * (code / 2.0 + 1.0),
        };
        let (first, last) = (f64::from(*self.range.start()), f64::from(*self.range.end()));
        let predicted = libm::rint(predicted).clamp(first, last);
        let (below, above) = points.bracket(target, self.direction);
        let low = below.map_or(first, f64::from);
        let high = above.map_or(last, f64::from);
        let inside = (low..=high).contains(&predicted);
        // Noise can turn a bracket inside out; then the neuron is as close to its target as can be seen.
        let chosen = if low > high {
            code
        } else if inside {
            predicted
        } else {
            libm::rint(0.5 * (low + high))
        };
        CapMemCode::saturating(chosen)
    }
}

#[derive(Debug, Clone, Copy)]
struct Point {
    code: u16,
    sum: f64,
    n: u32,
}

impl Point {
    fn mean(&self) -> f64 {
        self.sum / f64::from(self.n)
    }
}

#[derive(Debug, Clone, Default)]
struct Points(Vec<Point>);

impl Points {
    fn add(&mut self, code: u16, value: f64) {
        if let Some(point) = self.0.iter_mut().find(|p| p.code == code) {
            point.sum += value;
            point.n += 1;
        } else {
            self.0.push(Point { code, sum: value, n: 1 });
        }
    }

    fn best(&self, target: f64) -> Point {
        let distance = |p: &Point| {
            let d = (p.mean() - target).abs();
            if d.is_nan() { f64::INFINITY } else { d }
        };
        self.0.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(Point {
            code: 0,
            sum: f64::NAN,
            n: 1,
        })
    }

    /// Slope of the line of least squares through the finite points.
    fn slope(&self) -> Option<f64> {
        let finite = || self.0.iter().filter(|p| p.mean().is_finite());
        let n = finite().count() as f64;
        if n < 2.0 {
            return None;
        }
        let mean_code = finite().map(|p| f64::from(p.code)).sum::<f64>() / n;
        let mean_value = finite().map(Point::mean).sum::<f64>() / n;
        let (mut cc, mut cv) = (0.0, 0.0);
        for p in finite() {
            let d = f64::from(p.code) - mean_code;
            cc += d * d;
            cv += d * (p.mean() - mean_value);
        }
        (cc > 0.0).then(|| cv / cc)
    }

    /// The highest code known to be too low, and the lowest known to be too high.
    fn bracket(&self, target: f64, direction: Direction) -> (Option<u16>, Option<u16>) {
        let too_low = |p: &&Point| match direction {
            Direction::Rising => p.mean() < target,
            Direction::Falling => p.mean() > target,
        };
        let too_high = |p: &&Point| match direction {
            Direction::Rising => p.mean() > target,
            Direction::Falling => p.mean() < target,
        };
        (self.0.iter().filter(too_low).map(|p| p.code).max(), self.0.iter().filter(too_high).map(|p| p.code).min())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn run(search: &Search, target: f64, start: u16, f: impl Fn(f64) -> f64) -> (u16, usize) {
        let mut count = 0;
        let found = search
            .run(&[target], vec![CapMemCode::saturating(start.into())], |codes| {
                count += 1;
                Ok::<_, Infallible>(codes.iter().map(|c| f(c.get().into())).collect())
            })
            .unwrap();
        (found.codes[0].get(), count)
    }

    fn search(direction: Direction, first_step: FirstStep) -> Search {
        Search { range: 0..=1022, direction, first_step, most: 14 }
    }

    #[test]
    fn lines_take_three_measurements() {
        let rising = search(Direction::Rising, FirstStep::By(40));
        assert_eq!(run(&rising, 80.0, 620, |c| 0.25 * c - 90.0), (680, 3));
        let falling = search(Direction::Falling, FirstStep::By(40));
        assert_eq!(run(&falling, 80.0, 620, |c| 255.0 - 0.25 * c), (700, 3));
        let proportional = search(Direction::Rising, FirstStep::InProportion);
        assert_eq!(run(&proportional, 1.0, 100, |c| c / 137.0), (137, 2));
    }

    #[test]
    fn curves_and_unmeasurable_ends_are_found_by_bisection_at_worst() {
        let rising = search(Direction::Rising, FirstStep::By(40));
        let curve = |c: f64| {
            if c < 300.0 {
                f64::NEG_INFINITY
            } else if c > 800.0 {
                f64::INFINITY
            } else {
                (c - 300.0) * (c - 300.0)
            }
        };
        for start in [0, 290, 500, 1022] {
            let (code, _) = run(&rising, 10_000.0, start, curve);
            assert!((399..=401).contains(&code), "from {start}: {code}");
        }
    }

    #[test]
    fn an_unreachable_target_ends_at_the_boundary() {
        let rising = search(Direction::Rising, FirstStep::By(40));
        assert_eq!(run(&rising, 1e6, 620, |c| c).0, 1022);
        assert_eq!(run(&rising, -5.0, 620, |c| c).0, 0);
    }

    #[test]
    fn nothing_seen_leaves_the_code_alone() {
        let rising = search(Direction::Rising, FirstStep::By(40));
        assert_eq!(run(&rising, 1.0, 620, |_| f64::NAN), (620, 1));
    }
}
