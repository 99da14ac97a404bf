//! Exponentials and logarithms for loops that the compiler turns into vector instructions: no branches, no calls, every operation written out, so
//! that all processors give the same bytes.

#![allow(clippy::inline_always, reason = "must be inlined into a function that is compiled for the processor")]

/// `e^x` to 4 units in the last place for `-690 <= x <= 690`; beyond, the value at the border.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    // 1.5 * 2^52: adding it to a small number leaves the nearest integer in the lowest bits.
    const INTEGER: f64 = 6_755_399_441_055_744.0;
    let x = x.clamp(-690.0, 690.0);
    let shifted = x.mul_add(std::f64::consts::LOG2_E, INTEGER);
    let k = shifted - INTEGER;
    let r = k.mul_add(-1.908_214_929_270_587_7e-10, k.mul_add(-0.693_147_180_369_123_8, x));
    // 1/13! to 1/2!: the remainder is below 1e-17 for |r| <= ln 2 / 2.
    let mut series = 1.605_904_383_682_161_3e-10;
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
        series = r.mul_add(series, factor);
    }
    series * f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52))
}

/// `(e^x - 1)/x` to 2e-15 of its value for `-690 <= x <= 690`.
#[inline(always)]
pub(crate) fn expm1_over(x: f64) -> f64 {
    // Where the difference would cancel, the series itself: 1/14! to 1/1!, remainder below 1e-17 for |x| <= 0.5.
    let mut series = 1.147_074_559_772_972_5e-11;
    for factor in [
        1.605_904_383_682_161_3e-10,
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
    ] {
        series = x.mul_add(series, factor);
    }
    if x.abs() < 0.5 { series } else { (exp(x) - 1.0) / x }
}

/// `ln x` of positive normal numbers, to 4e-16 of 1 or of itself, whichever is larger.
#[inline(always)]
pub(crate) fn ln(x: f64) -> f64 {
    // x = m 2^k with m in 0.7..1.4, and ln m = 2 artanh((m - 1)/(m + 1)).
    const HALF_ROOT: u64 = 0x3fe6_a09e_667f_3bcd;
    // 1.5 * 2^52: a small whole number added to its bits is added to it.
    const INTEGER: f64 = 6_755_399_441_055_744.0;
    let shifted = x.to_bits().wrapping_sub(HALF_ROOT);
    let k = f64::from_bits((((shifted as i64) >> 52) as u64).wrapping_add(INTEGER.to_bits())) - INTEGER;
    let m = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff).wrapping_add(HALF_ROOT));
    let z = (m - 1.0) / (m + 1.0);
    let square = z * z;
    // 2/21 to 2/1: the remainder is below 1e-17 for |z| <= 0.172.
    let mut series = 2.0 / 21.0;
    for odd in [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        series = square.mul_add(series, 2.0 / odd);
    }
    k.mul_add(std::f64::consts::LN_2, z * series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_agree_with_the_library() {
        for k in -60_000..60_000 {
            let x = libm::exp(f64::from(k) * 0.01 + 1e-3);
            assert!((ln(x) - libm::log(x)).abs() <= 4e-16 * libm::log(x).abs().max(1.0), "{x}");
        }
        assert_eq!(ln(1.0), 0.0);
    }

    #[test]
    fn exponentials_agree_with_the_library() {
        let (mut worst, mut worst_over) = (0_f64, 0_f64);
        for k in -68_900..=68_900 {
            let x = f64::from(k) * 0.01 + 1e-4;
            worst = worst.max((exp(x) / libm::exp(x) - 1.0).abs());
            worst_over = worst_over.max((expm1_over(x) / (libm::expm1(x) / x) - 1.0).abs());
        }
        for k in -1000..1000 {
            let x = f64::from(k) * 6e-4 + 1e-7;
            worst_over = worst_over.max((expm1_over(x) / (libm::expm1(x) / x) - 1.0).abs());
        }
        assert!(worst < 9e-16 && worst_over < 2e-15, "{worst} {worst_over}");
        assert_eq!((exp(0.0), expm1_over(0.0)), (1.0, 1.0));
    }
}
