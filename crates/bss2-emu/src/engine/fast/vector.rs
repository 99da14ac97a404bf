//! Eight numbers that are handled together: plain Rust, or AVX2 where the processor has it.
//!
//! Both do the same IEEE operations in the same order, fused multiply-add included, so that their results are equal to the last
//! bit. This is the one module with `unsafe` code: the calls that are valid on a processor with AVX2 and FMA only.

#![allow(
    unsafe_code,
    clippy::inline_always,
    clippy::needless_range_loop,
    reason = "vector instructions: methods must be inlined into a function that is compiled for the processor"
)]

pub mod fused;

/// Neurons that are handled together.
pub const LANES: usize = 8;

/// One number for each of eight neurons.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(32))]
pub struct Lanes(pub [f32; LANES]);

impl Lanes {
    /// The same number for all.
    pub const fn all(value: f32) -> Self {
        Self([value; LANES])
    }
}

/// Eight numbers in registers. Comparisons give masks: all bits of a number set, or none.
pub trait Vector: Copy {
    /// From memory.
    fn load(lanes: &Lanes) -> Self;
    /// To memory.
    fn store(self) -> Lanes;
    /// The same number eight times.
    fn splat(value: f32) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
    /// `self * factor + summand`, rounded once.
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// `summand - self * factor`, rounded once.
    fn neg_mul_add(self, factor: Self, summand: Self) -> Self;
    /// The larger; the second where they cannot be compared.
    fn max(self, other: Self) -> Self;
    /// The smaller; the second where they cannot be compared.
    fn min(self, other: Self) -> Self;
    /// Mask of `self >= other`.
    fn at_least(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    /// Bits of the other that are not set in this.
    fn and_not(self, other: Self) -> Self;
    /// The first where the mask is set, else the second.
    fn select(mask: Self, first: Self, second: Self) -> Self;
    /// One bit for each number: its mask.
    fn bits(self) -> u32;
    /// Does work out of line, for the same processor: keeps what is rare from taking registers of what is not.
    fn apart<W: Apart<Self>>(work: W) -> W::Output;
}

/// Rare work with vectors of one kind.
pub trait Apart<V> {
    /// What comes of it.
    type Output;
    /// Does it. To be inlined: `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

/// In plain Rust.
#[derive(Debug, Clone, Copy)]
pub struct Plain([f32; LANES]);

impl Plain {
    #[inline(always)]
    fn map(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut out = self.0;
        for l in 0..LANES {
            out[l] = f(out[l], other.0[l]);
        }
        Self(out)
    }

    #[inline(always)]
    fn map_bits(self, other: Self, f: impl Fn(u32, u32) -> u32) -> Self {
        self.map(other, |a, b| f32::from_bits(f(a.to_bits(), b.to_bits())))
    }
}

impl Vector for Plain {
    #[inline(always)]
    fn load(lanes: &Lanes) -> Self {
        Self(lanes.0)
    }
    #[inline(always)]
    fn store(self) -> Lanes {
        Lanes(self.0)
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; LANES])
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.map(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.map(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.map(other, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.map(other, |a, b| a / b)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        let mut out = self.0;
        for l in 0..LANES {
            out[l] = out[l].mul_add(factor.0[l], summand.0[l]);
        }
        Self(out)
    }
    #[inline(always)]
    fn neg_mul_add(self, factor: Self, summand: Self) -> Self {
        let mut out = self.0;
        for l in 0..LANES {
            out[l] = (-out[l]).mul_add(factor.0[l], summand.0[l]);
        }
        Self(out)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.map(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.map(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn at_least(self, other: Self) -> Self {
        self.map(other, |a, b| f32::from_bits(if a >= b { u32::MAX } else { 0 }))
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self.map_bits(other, |a, b| a & b)
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self.map_bits(other, |a, b| a | b)
    }
    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        self.map_bits(other, |a, b| !a & b)
    }
    #[inline(always)]
    fn select(mask: Self, first: Self, second: Self) -> Self {
        mask.and(first).or(mask.and_not(second))
    }
    #[inline(always)]
    fn bits(self) -> u32 {
        (0..LANES).map(|l| (self.0[l].to_bits() >> 31) << l).sum()
    }
    #[inline(never)]
    fn apart<W: Apart<Self>>(work: W) -> W::Output {
        work.run()
    }
}

/// Work that can be done with any kind of vector.
pub trait Work {
    /// What comes of it.
    type Output;
    /// Does it. To be inlined: `#[inline(always)]`.
    fn with<V: Vector>(self) -> Self::Output;
}

/// Keeps tests to plain Rust. Results do not depend on it, so that other tests may run meanwhile.
#[cfg(test)]
pub static PLAIN: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// Does the work with the widest vectors that the processor has.
pub fn dispatch<W: Work>(work: W) -> W::Output {
    #[cfg(test)]
    if PLAIN.load(std::sync::atomic::Ordering::Relaxed) {
        return work.with::<Plain>();
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the processor has AVX2 and FMA.
        return unsafe { x86::with_avx2(work) };
    }
    work.with::<Plain>()
}

/// Loops over slices that the compiler can turn into vector instructions.
pub trait Loops {
    /// What comes of them.
    type Output;
    /// Runs them. To be inlined: `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

/// Runs loops that are compiled for the widest vectors the processor has. The arithmetic is the same for all: nothing is
/// fused or reordered.
pub fn widest<W: Loops>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { x86::loops_with_avx2(work) };
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, _CMP_GE_OQ, _mm256_add_ps, _mm256_and_ps, _mm256_andnot_ps, _mm256_blendv_ps, _mm256_cmp_ps,
        _mm256_div_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_load_ps, _mm256_max_ps, _mm256_min_ps,
        _mm256_movemask_ps, _mm256_mul_ps, _mm256_or_ps, _mm256_set1_ps, _mm256_sqrt_ps, _mm256_store_ps,
        _mm256_sub_ps,
    };

    use super::{Apart, Lanes, Loops, Vector, Work};

    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn with_avx2<W: Work>(work: W) -> W::Output {
        work.with::<Avx2>()
    }

    #[target_feature(enable = "avx2")]
    pub unsafe fn loops_with_avx2<W: Loops>(work: W) -> W::Output {
        work.run()
    }

    #[target_feature(enable = "avx2,fma")]
    #[inline(never)]
    unsafe fn apart_with_avx2<W: Apart<Avx2>>(work: W) -> W::Output {
        work.run()
    }

    /// In a register of AVX2. Made within [`with_avx2`] alone.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256);

    // SAFETY of all blocks below: values of this type are made within `with_avx2`, which runs on processors with AVX2 and FMA.
    // Loads and stores are of aligned arrays of eight numbers.
    impl Vector for Avx2 {
        #[inline(always)]
        fn load(lanes: &Lanes) -> Self {
            Self(unsafe { _mm256_load_ps(lanes.0.as_ptr()) })
        }
        #[inline(always)]
        fn store(self) -> Lanes {
            let mut lanes = Lanes::all(0.0);
            unsafe { _mm256_store_ps(lanes.0.as_mut_ptr(), self.0) };
            lanes
        }
        #[inline(always)]
        fn splat(value: f32) -> Self {
            Self(unsafe { _mm256_set1_ps(value) })
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(unsafe { _mm256_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Self(unsafe { _mm256_sub_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(unsafe { _mm256_mul_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Self(unsafe { _mm256_div_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn sqrt(self) -> Self {
            Self(unsafe { _mm256_sqrt_ps(self.0) })
        }
        #[inline(always)]
        fn mul_add(self, factor: Self, summand: Self) -> Self {
            Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, summand.0) })
        }
        #[inline(always)]
        fn neg_mul_add(self, factor: Self, summand: Self) -> Self {
            Self(unsafe { _mm256_fnmadd_ps(self.0, factor.0, summand.0) })
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            Self(unsafe { _mm256_max_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            Self(unsafe { _mm256_min_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn at_least(self, other: Self) -> Self {
            Self(unsafe { _mm256_cmp_ps::<_CMP_GE_OQ>(self.0, other.0) })
        }
        #[inline(always)]
        fn and(self, other: Self) -> Self {
            Self(unsafe { _mm256_and_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn or(self, other: Self) -> Self {
            Self(unsafe { _mm256_or_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn and_not(self, other: Self) -> Self {
            Self(unsafe { _mm256_andnot_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn select(mask: Self, first: Self, second: Self) -> Self {
            Self(unsafe { _mm256_blendv_ps(second.0, first.0, mask.0) })
        }
        #[inline(always)]
        fn bits(self) -> u32 {
            unsafe { _mm256_movemask_ps(self.0) as u32 }
        }
        #[inline(always)]
        fn apart<W: Apart<Self>>(work: W) -> W::Output {
            unsafe { apart_with_avx2(work) }
        }
    }
}
