//! Polynomials of degree four on the unit interval: the dense output of a step, and the first place where it meets a level.
//!
//! They are kept by their Bernstein coefficients. Three properties make the search safe: the curve lies in the hull of its
//! coefficients, so that a level above all of them is not met; the number of sign changes of the coefficients bounds the
//! number of crossings and equals it where it is one; and halving the interval (de Casteljau) keeps both sharp. So the first
//! crossing is never missed, however short the excursion, and none is invented.

/// Halvings of the interval after which the place is as good as a number can say.
const DEEPEST: u32 = 52;

/// `sum_k c_k binomial(4, k) u^k (1 - u)^(4 - k)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quartic(pub [f64; 5]);

impl Quartic {
    /// The value at `u` in `[0, 1]`.
    pub fn at(&self, u: f64) -> f64 {
        let mut c = self.0;
        for level in (1..5).rev() {
            for k in 0..level {
                c[k] += u * (c[k + 1] - c[k]);
            }
        }
        c[0]
    }

    /// Its derivative there.
    fn slope(&self, u: f64) -> f64 {
        let mut c: [f64; 4] = std::array::from_fn(|k| 4.0 * (self.0[k + 1] - self.0[k]));
        for level in (1..4).rev() {
            for k in 0..level {
                c[k] += u * (c[k + 1] - c[k]);
            }
        }
        c[0]
    }

    /// Upside down.
    pub fn negated(&self) -> Self {
        Self(self.0.map(|c| -c))
    }

    /// The first `u` in `[from, 1]` at which the value is at or above `level`.
    pub fn first_reach(&self, level: f64, from: f64) -> Option<f64> {
        if self.0.iter().all(|c| *c < level) {
            return None;
        }
        let part = if from > 0.0 { self.split(from).1 } else { *self };
        part.search(level, DEEPEST).map(|u| from + (1.0 - from) * u)
    }

    fn search(&self, level: f64, depth: u32) -> Option<f64> {
        let c = &self.0;
        if c[0] >= level {
            return Some(0.0);
        }
        let changes = c.windows(2).filter(|pair| (pair[0] < level) != (pair[1] < level)).count();
        match changes {
            0 => None,
            1 => Some(self.root(level)),
            _ if depth == 0 => Some(1.0),
            _ => {
                let (left, right) = self.split(0.5);
                let first = left.search(level, depth - 1).map(|u| 0.5 * u);
                first.or_else(|| right.search(level, depth - 1).map(|u| 0.5 + 0.5 * u))
            }
        }
    }

    /// The parts before and after `u`, each on a unit interval of its own.
    fn split(&self, u: f64) -> (Self, Self) {
        let (mut left, mut right) = (*self, *self);
        for level in (1..5).rev() {
            for k in 0..level {
                right.0[k] += u * (right.0[k + 1] - right.0[k]);
            }
            left.0[5 - level] = right.0[0];
        }
        (left, right)
    }

    /// The one crossing of a polynomial that begins below and ends at or above `level`: safeguarded Newton.
    fn root(&self, level: f64) -> f64 {
        let (mut a, mut b) = (0.0, 1.0);
        let mut u = 0.5;
        for _ in 0..200 {
            let excess = self.at(u) - level;
            if excess >= 0.0 {
                b = u;
            } else {
                a = u;
            }
            let step = u - excess / self.slope(u);
            let next = if step > a && step < b { step } else { 0.5 * (a + b) };
            if (next - u).abs() <= 2e-16 * b || b - a <= 2e-16 * b {
                return next;
            }
            u = next;
        }
        b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scale (u - a) (u - b) ((u - 0.5)^2 + c)` as a quartic, from its values at five places.
    fn with_roots(a: f64, b: f64, c: f64) -> Quartic {
        // Coefficients of the powers of u, then c_k = sum_i binomial(k, i) / binomial(4, i) p_i.
        let (p, q) = ([a * b, -(a + b), 1.0], [0.25 + c, -1.0, 1.0]);
        let mut power = [0.0; 5];
        for (i, x) in p.iter().enumerate() {
            for (j, y) in q.iter().enumerate() {
                power[i + j] += x * y;
            }
        }
        let binomial = |n: usize, k: usize| (0..k).fold(1.0, |b, i| b * (n - i) as f64 / (i + 1) as f64);
        Quartic(std::array::from_fn(|k| (0..=k).map(|i| binomial(k, i) / binomial(4, i) * power[i]).sum()))
    }

    #[test]
    fn it_is_the_polynomial_it_should_be() {
        let quartic = with_roots(0.2, 0.7, 0.1);
        for u in [0.0, 0.1, 0.35, 0.9, 1.0] {
            let expected = (u - 0.2) * (u - 0.7) * ((u - 0.5) * (u - 0.5) + 0.1);
            assert!((quartic.at(u) - expected).abs() < 1e-15);
            let numeric = (quartic.at(u + 1e-6) - quartic.at(u - 1e-6)) / 2e-6;
            assert!((quartic.slope(u) - numeric).abs() < 1e-9);
            let (left, right) = quartic.split(u);
            assert!((left.at(0.5) - quartic.at(0.5 * u)).abs() < 1e-15);
            assert!((right.at(0.25) - quartic.at(u + 0.25 * (1.0 - u))).abs() < 1e-15);
        }
    }

    #[test]
    fn the_first_crossing_is_found_however_short() {
        // Down through 0.2, up through 0.7.
        let quartic = with_roots(0.2, 0.7, 0.1);
        let near = |found: Option<f64>, expected: f64| {
            assert!((found.unwrap() - expected).abs() < 1e-10, "{found:?} {expected}");
        };
        assert_eq!(quartic.first_reach(0.0, 0.0), Some(0.0));
        near(quartic.first_reach(0.0, 0.3), 0.7);
        near(quartic.negated().first_reach(0.0, 0.0), 0.2);
        assert_eq!(quartic.negated().first_reach(0.0, 0.8), None);
        // An excursion of a hundred-thousandth, and none.
        near(with_roots(0.4, 0.4 + 1e-5, 0.1).negated().first_reach(0.0, 0.0), 0.4);
        let touching = with_roots(0.4, 0.4, 0.1).negated();
        assert_eq!(touching.first_reach(1e-15, 0.0), None);
        assert!((touching.first_reach(-1e-15, 0.0).unwrap() - 0.4).abs() < 1e-6);
    }
}
