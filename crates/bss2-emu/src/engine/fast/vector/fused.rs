//! Loops compiled several times: for plain Rust, for AVX2 and for AVX-512, with fused multiply-adds where the code asks for them.

#![allow(unsafe_code, reason = "calls of code that is valid on processors with the instructions it was compiled for")]

#[cfg(target_arch = "x86_64")]
use super::x86;
use super::{Loops, Plain, Work};

/// Vector instructions that this processor has.
///
/// `mul_add` rounds once in all variants, and nothing else is fused or reordered: results are equal to the last bit. In plain
/// Rust for a processor without fused multiply-add it is slow.
///
/// ```
/// use bss2_emu::vectors::{Instructions, Loops};
///
/// struct Sum<'a>(&'a [f32]);
/// impl Loops for Sum<'_> {
///     type Output = f32;
///     #[inline(always)]
///     fn run(self) -> f32 {
///         self.0.iter().fold(0.0, |sum, x| x.mul_add(0.1, sum))
///     }
/// }
/// let of = |instructions: Instructions| instructions.run(Sum(&[1.0, 2.0, 4.0]));
/// assert!(Instructions::available().into_iter().all(|kind| of(kind) == of(Instructions::widest())));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instructions(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// The widest that the processor has.
    pub fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx512() {
                return Self(Set::Avx512);
            }
            if has_avx2() {
                return Self(Set::Avx2);
            }
        }
        Self(Set::Plain)
    }

    /// All that the processor has, the narrowest first.
    pub fn available() -> Vec<Self> {
        let mut all = vec![Self(Set::Plain)];
        #[cfg(target_arch = "x86_64")]
        all.extend(
            [(Set::Avx2, has_avx2()), (Set::Avx512, has_avx512())].iter().filter(|(_, has)| *has).map(|k| Self(k.0)),
        );
        all
    }

    /// Their name.
    pub fn name(self) -> &'static str {
        match self.0 {
            Set::Plain => "plain",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "AVX2 and FMA",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "AVX-512",
        }
    }

    /// Runs loops that are compiled for these instructions.
    pub fn run<W: Loops>(self, work: W) -> W::Output {
        match self.0 {
            Set::Plain => work.run(),
            // SAFETY: values with these sets are made only where the processor was found to have them.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => unsafe { with_avx2(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => unsafe { with_avx512(work) },
        }
    }

    /// Does work with vectors of these instructions, for what the compiler does not find in loops: registers of masks, above all.
    pub fn with_vectors<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            Set::Plain => work.with::<Plain>(),
            // SAFETY: as in `run`.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => unsafe { x86::with_avx2(work) },
            // SAFETY: as in `run`.
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => unsafe { x86::with_avx512(work) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    has_avx2()
        && std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512vl")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn with_avx2<W: Loops>(work: W) -> W::Output {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn with_avx512<W: Loops>(work: W) -> W::Output {
    work.run()
}
