//! Numbers in step: arithmetic of as many doubles as a block has, each operation a loop of its own, which the compiler turns into
//! vector instructions where a loop over a whole formula would become branches. All processors give the same bytes.

#![allow(clippy::inline_always, reason = "must be inlined into a function that is compiled for the processor")]

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

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

    /// `e^x` as [`exponential::exp`](crate::exponential::exp).
    #[inline(always)]
    pub(crate) fn exp(self) -> Self {
        // 1.5 * 2^52: adding it to a small number leaves the nearest integer in the lowest bits.
        const INTEGER: f64 = 6_755_399_441_055_744.0;
        let x = self.max(Self::all(-690.0)).min(Self::all(690.0));
        let shifted = x.mul_add(Self::all(std::f64::consts::LOG2_E), Self::all(INTEGER));
        let k = shifted - Self::all(INTEGER);
        let r = k.mul_add(Self::all(-1.908_214_929_270_587_7e-10), k.mul_add(Self::all(-0.693_147_180_369_123_8), x));
        // 1/13! to 1/2!: the remainder is below 1e-17 for |r| <= ln 2 / 2.
        let mut series = Self::all(1.605_904_383_682_161_3e-10);
        for factor in [
            2.087_675_698_786_81e-9,
            2.505_210_838_544_172e-8,
            2.755_731_922_398_589_3e-7,
            2.755_731_922_398_589e-6,
            2.480_158_730_158_73e-5,
            1.984_126_984_126_984e-4,
            1.388_888_888_888_889e-3,
            8.333_333_333_333_333e-3,
            4.166_666_666_666_666_4e-2,
            0.166_666_666_666_666_66,
            0.5,
            1.0,
            1.0,
        ] {
            series = r.mul_add(series, Self::all(factor));
        }
        series * shifted.each(|x| f64::from_bits((x.to_bits() << 52).wrapping_add(1023 << 52)))
    }

    /// `ln x` of positive normal numbers, to 4e-16 of 1 or of itself, whichever is larger.
    #[inline(always)]
    pub(crate) fn ln(self) -> Self {
        // x = m 2^k with m in 0.7..1.4, and ln m = 2 artanh((m - 1)/(m + 1)).
        const HALF_ROOT: u64 = 0x3fe6_a09e_667f_3bcd;
        const INTEGER: f64 = 6_755_399_441_055_744.0;
        let shifted = self.each(|x| f64::from_bits(x.to_bits().wrapping_sub(HALF_ROOT)));
        // The exponent with its sign, as a small number added to the bits of a large one.
        let k = shifted
            .each(|x| f64::from_bits((((x.to_bits() as i64) >> 52) as u64).wrapping_add(INTEGER.to_bits())) - INTEGER);
        let m = shifted.each(|x| f64::from_bits((x.to_bits() & 0x000f_ffff_ffff_ffff).wrapping_add(HALF_ROOT)));
        let z = (m - Self::all(1.0)) / (m + Self::all(1.0));
        let square = z * z;
        // 2/21 to 2/1: the remainder is below 1e-17 for |z| <= 0.172.
        let mut series = Self::all(2.0 / 21.0);
        for odd in [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
            series = square.mul_add(series, Self::all(2.0 / odd));
        }
        k.mul_add(Self::all(std::f64::consts::LN_2), z * series)
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
    fn elementary_functions_agree_with_the_library() {
        for k in -6000..6000 {
            let x = f64::from(k) * 0.1 + 1e-3;
            assert_eq!(Wide([x; 4]).exp().0, [crate::exponential::exp(x); 4]);
            let y = libm::exp(x);
            let found = Wide([y; 4]).ln().0[2];
            assert!((found - libm::log(y)).abs() <= 4e-16 * libm::log(y).abs().max(1.0), "{y}: {found}");
        }
    }

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
