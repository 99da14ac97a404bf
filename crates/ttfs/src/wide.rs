//! Numbers in step: arithmetic of as many doubles as a block has, each operation a loop of its own, which the compiler turns into
//! vector instructions where a loop over a whole formula would become branches. All processors give the same bytes.

#![allow(clippy::inline_always, reason = "must be inlined into a function that is compiled for the processor")]

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

use crate::exponential;

/// One number for each of `N` neurons.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide<const N: usize>(pub(crate) [f64; N]);

/// One answer for each of `N` neurons: all bits or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask<const N: usize>(pub(crate) [u64; N]);

impl<const N: usize> Wide<N> {
    /// The same for all.
    #[inline(always)]
    pub(crate) fn all(x: f64) -> Self {
        Self([x; N])
    }

    /// The first numbers of a list; zeros if it has fewer.
    #[inline(always)]
    pub(crate) fn from(list: &[f64]) -> Self {
        Self(list.first_chunk().copied().unwrap_or([0.0; N]))
    }

    #[inline(always)]
    fn each(self, f: impl Fn(f64) -> f64) -> Self {
        let mut out = self.0;
        for x in &mut out {
            *x = f(*x);
        }
        Self(out)
    }

    #[inline(always)]
    fn with(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let mut out = self.0;
        for (x, y) in out.iter_mut().zip(other.0) {
            *x = f(*x, y);
        }
        Self(out)
    }

    /// `self a + b`, rounded once.
    #[inline(always)]
    pub(crate) fn mul_add(self, a: Self, b: Self) -> Self {
        let mut out = self.0;
        for ((x, a), b) in out.iter_mut().zip(a.0).zip(b.0) {
            *x = x.mul_add(a, b);
        }
        Self(out)
    }

    /// The larger; `other` where one is no number.
    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        self.with(other, |x, y| if x > y { x } else { y })
    }

    /// The smaller; `other` where one is no number.
    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        self.with(other, |x, y| if x < y { x } else { y })
    }

    #[inline(always)]
    pub(crate) fn abs(self) -> Self {
        self.each(f64::abs)
    }

    #[inline(always)]
    pub(crate) fn sqrt(self) -> Self {
        self.each(f64::sqrt)
    }

    #[inline(always)]
    pub(crate) fn below(self, other: Self) -> Mask<N> {
        let mut out = [0; N];
        for ((bits, x), y) in out.iter_mut().zip(self.0).zip(other.0) {
            *bits = u64::from(x < y).wrapping_neg();
        }
        Mask(out)
    }

    /// `e^x` as [`exponential::exp`](crate::exponential::exp). A loop over the whole formula, which is too long to be unrolled.
    #[inline(always)]
    pub(crate) fn exp(self) -> Self {
        let mut out = self.0;
        for x in &mut out {
            *x = exponential::exp(*x);
        }
        Self(out)
    }

    /// `ln x` as [`exponential::ln`](crate::exponential::ln).
    #[inline(always)]
    pub(crate) fn ln(self) -> Self {
        let mut out = self.0;
        for x in &mut out {
            *x = exponential::ln(*x);
        }
        Self(out)
    }
}

impl<const N: usize> Mask<N> {
    /// How many are set.
    pub(crate) fn count(self) -> usize {
        self.0.iter().filter(|bits| **bits != 0).count()
    }

    #[inline(always)]
    pub(crate) fn any(self) -> bool {
        self.0.iter().fold(0, |all, bits| all | bits) != 0
    }
}

impl<const N: usize> Add for Wide<N> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, |x, y| x + y)
    }
}

impl<const N: usize> Sub for Wide<N> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(other, |x, y| x - y)
    }
}

impl<const N: usize> Mul for Wide<N> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(other, |x, y| x * y)
    }
}

impl<const N: usize> Div for Wide<N> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.with(other, |x, y| x / y)
    }
}

impl<const N: usize> Neg for Wide<N> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.each(|x| -x)
    }
}

impl<const N: usize> BitAnd for Mask<N> {
    type Output = Self;

    #[inline(always)]
    fn bitand(mut self, other: Self) -> Self {
        for (bits, more) in self.0.iter_mut().zip(other.0) {
            *bits &= more;
        }
        self
    }
}

impl<const N: usize> BitOr for Mask<N> {
    type Output = Self;

    #[inline(always)]
    fn bitor(mut self, other: Self) -> Self {
        for (bits, more) in self.0.iter_mut().zip(other.0) {
            *bits |= more;
        }
        self
    }
}

impl<const N: usize> Not for Mask<N> {
    type Output = Self;

    #[inline(always)]
    fn not(mut self) -> Self {
        for bits in &mut self.0 {
            *bits = !*bits;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_choose() {
        let (x, y) = (Wide([1.0, 2.0, f64::NAN]), Wide::all(1.5));
        let mask = x.below(y);
        assert_eq!(mask.0, [u64::MAX, 0, 0]);
        assert_eq!((x.max(y).0, x.min(y).0), ([1.5, 2.0, 1.5], [1.0, 1.5, 1.5]));
        assert!(mask.any() && !(mask & !mask).any());
        assert_eq!(((mask | !mask).0, mask.count()), ([u64::MAX; 3], 1));
    }
}
