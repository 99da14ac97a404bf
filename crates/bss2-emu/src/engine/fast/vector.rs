//! Sixteen numbers that are handled together: plain Rust, or AVX2 or AVX-512 where the processor has it.
//!
//! All do the same IEEE operations in the same order, fused multiply-add included, so that their results are equal to the last
//! bit. This module and its child are the ones with `unsafe` code: the calls that are valid on some processors only.

#![allow(
    unsafe_code,
    clippy::inline_always,
    clippy::needless_range_loop,
    clippy::return_self_not_must_use,
    reason = "vector instructions: methods must be inlined into a function that is compiled for the processor"
)]

pub mod fused;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Neurons that are handled together.
pub const LANES: usize = 16;
/// Bits of all of them.
pub const ALL: u32 = (1 << LANES) - 1;

/// The lanes whose bits are set.
#[inline(always)]
pub fn lanes_of(mut bits: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = bits.trailing_zeros() as usize;
        (bits != 0).then(|| {
            bits &= bits - 1;
            lane % LANES
        })
    })
}

/// One number for each of sixteen neurons.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Lanes(pub [f32; LANES]);

impl Lanes {
    /// The same number for all.
    pub const fn all(value: f32) -> Self {
        Self([value; LANES])
    }
}

/// What comparisons give: yes or no for each number.
pub trait Mask: Copy {
    /// Yes where the bit is set.
    fn of(bits: u32) -> Self;
    /// One bit for each number.
    fn bits(self) -> u32;
    /// Yes where both say yes.
    fn and(self, other: Self) -> Self;
    /// Yes where one of them does.
    fn or(self, other: Self) -> Self;
}

/// A bit for each number.
impl Mask for u16 {
    #[inline(always)]
    fn of(bits: u32) -> Self {
        bits as u16
    }
    #[inline(always)]
    fn bits(self) -> u32 {
        u32::from(self)
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }
}

/// Sixteen numbers in registers.
pub trait Vector: Copy {
    /// What comparisons give.
    type Mask: Mask;
    /// From memory.
    fn load(lanes: &Lanes) -> Self;
    /// To memory.
    fn store(self) -> Lanes;
    /// Entries of a table that the lowest bytes of words choose.
    fn look_up(table: &[f32; 256], words: &[u32; LANES]) -> Self;
    /// The same number sixteen times.
    fn splat(value: f32) -> Self;
    /// Sum of each pair.
    fn add(self, other: Self) -> Self;
    /// Difference.
    fn sub(self, other: Self) -> Self;
    /// Product.
    fn mul(self, other: Self) -> Self;
    /// Quotient.
    fn div(self, other: Self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// `self * factor + summand`, rounded once.
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// `summand - self * factor`, rounded once.
    fn neg_mul_add(self, factor: Self, summand: Self) -> Self;
    /// The larger; the second where they cannot be compared.
    fn max(self, other: Self) -> Self;
    /// The smaller; the second where they cannot be compared.
    fn min(self, other: Self) -> Self;
    /// Where `self >= other`.
    fn at_least(self, other: Self) -> Self::Mask;
    /// Where the mask says yes and `self >= other`.
    fn at_least_where(self, other: Self, mask: Self::Mask) -> Self::Mask;
    /// The first where the mask says yes, else the second.
    fn select(mask: Self::Mask, first: Self, second: Self) -> Self;
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
}

impl Vector for Plain {
    type Mask = u16;

    #[inline(always)]
    fn load(lanes: &Lanes) -> Self {
        Self(lanes.0)
    }
    #[inline(always)]
    fn store(self) -> Lanes {
        Lanes(self.0)
    }
    #[inline(always)]
    fn look_up(table: &[f32; 256], words: &[u32; LANES]) -> Self {
        let mut out = [0.0; LANES];
        for l in 0..LANES {
            out[l] = table[(words[l] & 255) as usize];
        }
        Self(out)
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
    fn at_least(self, other: Self) -> u16 {
        (0..LANES).map(|l| u16::from(self.0[l] >= other.0[l]) << l).sum()
    }
    #[inline(always)]
    fn at_least_where(self, other: Self, mask: u16) -> u16 {
        self.at_least(other) & mask
    }
    #[inline(always)]
    fn select(mask: u16, first: Self, second: Self) -> Self {
        let mut out = second.0;
        for l in 0..LANES {
            if mask & 1 << l != 0 {
                out[l] = first.0[l];
            }
        }
        Self(out)
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

/// Kinds of vectors, from the widest to those that every processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// AVX-512.
    Wide = 0,
    /// AVX2.
    Half = 1,
    /// Plain Rust.
    Plain = 2,
}

/// Keeps tests from kinds that are wider than this. Results do not depend on it, so that other tests may run meanwhile.
#[cfg(test)]
pub static WIDEST: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(Kind::Wide as u8);

/// The widest kind that the processor has.
pub fn kind() -> Kind {
    #[cfg(test)]
    let allowed = |kind: Kind| kind as u8 >= WIDEST.load(std::sync::atomic::Ordering::Relaxed);
    #[cfg(not(test))]
    let allowed = |_| true;
    #[cfg(target_arch = "x86_64")]
    {
        let half = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
        let wide = half
            && std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512vl");
        if wide && allowed(Kind::Wide) {
            return Kind::Wide;
        }
        if half && allowed(Kind::Half) {
            return Kind::Half;
        }
    }
    let _ = allowed;
    Kind::Plain
}

/// Does the work with the widest vectors that the processor has.
pub fn dispatch<W: Work>(work: W) -> W::Output {
    match kind() {
        // SAFETY: the processor has what the kind needs.
        #[cfg(target_arch = "x86_64")]
        Kind::Wide => unsafe { x86::with_avx512(work) },
        // SAFETY: the same.
        #[cfg(target_arch = "x86_64")]
        Kind::Half => unsafe { x86::with_avx2(work) },
        _ => work.with::<Plain>(),
    }
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
