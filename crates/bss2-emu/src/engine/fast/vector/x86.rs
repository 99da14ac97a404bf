//! Vectors of AVX-512 and AVX2.

use std::arch::x86_64::{
    __m256, __m512, _CMP_GE_OQ, _mm256_add_ps, _mm256_and_ps, _mm256_and_si256, _mm256_blendv_ps, _mm256_castsi256_ps,
    _mm256_cmp_ps, _mm256_cmpeq_epi32, _mm256_div_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_i32gather_ps,
    _mm256_load_ps, _mm256_loadu_si256, _mm256_max_ps, _mm256_min_ps, _mm256_movemask_ps, _mm256_mul_ps, _mm256_or_ps,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32, _mm256_sqrt_ps, _mm256_store_ps, _mm256_sub_ps,
    _mm512_add_ps, _mm512_and_si512, _mm512_cmp_ps_mask, _mm512_div_ps, _mm512_fmadd_ps, _mm512_fnmadd_ps,
    _mm512_i32gather_ps, _mm512_load_ps, _mm512_loadu_si512, _mm512_mask_blend_ps, _mm512_mask_cmp_ps_mask,
    _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_sqrt_ps, _mm512_store_ps,
    _mm512_sub_ps,
};

use super::{Apart, LANES, Lanes, Loops, Mask, Vector, Work};

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
pub unsafe fn with_avx512<W: Work>(work: W) -> W::Output {
    work.with::<Avx512>()
}

#[target_feature(enable = "avx2,fma")]
pub unsafe fn with_avx2<W: Work>(work: W) -> W::Output {
    work.with::<Avx2>()
}

#[target_feature(enable = "avx2")]
pub unsafe fn loops_with_avx2<W: Loops>(work: W) -> W::Output {
    work.run()
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
#[inline(never)]
unsafe fn apart_with_avx512<W: Apart<Avx512>>(work: W) -> W::Output {
    work.run()
}

#[target_feature(enable = "avx2,fma")]
#[inline(never)]
unsafe fn apart_with_avx2<W: Apart<Avx2>>(work: W) -> W::Output {
    work.run()
}

/// In a register of AVX-512. Made within [`with_avx512`] alone.
#[derive(Clone, Copy)]
pub struct Avx512(__m512);

// SAFETY of all blocks below: values of these types are made within `with_avx512` and `with_avx2`, which run on processors with
// these instructions. Loads and stores are of aligned arrays of sixteen numbers, or of words that need no alignment; places in tables
// are below 256.
impl Vector for Avx512 {
    type Mask = u16;

    #[inline(always)]
    fn load(lanes: &Lanes) -> Self {
        Self(unsafe { _mm512_load_ps(lanes.0.as_ptr()) })
    }
    #[inline(always)]
    fn store(self) -> Lanes {
        let mut lanes = Lanes::all(0.0);
        unsafe { _mm512_store_ps(lanes.0.as_mut_ptr(), self.0) };
        lanes
    }
    #[inline(always)]
    fn look_up(table: &[f32; 256], words: &[u32; LANES]) -> Self {
        unsafe {
            let places = _mm512_and_si512(_mm512_loadu_si512(words.as_ptr().cast()), _mm512_set1_epi32(255));
            Self(_mm512_i32gather_ps::<4>(places, table.as_ptr()))
        }
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(value) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(unsafe { _mm512_div_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { _mm512_sqrt_ps(self.0) })
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, summand.0) })
    }
    #[inline(always)]
    fn neg_mul_add(self, factor: Self, summand: Self) -> Self {
        Self(unsafe { _mm512_fnmadd_ps(self.0, factor.0, summand.0) })
    }
    #[inline(always)]
    fn at_least(self, other: Self) -> u16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_GE_OQ>(self.0, other.0) }
    }
    #[inline(always)]
    fn at_least_where(self, other: Self, mask: u16) -> u16 {
        unsafe { _mm512_mask_cmp_ps_mask::<_CMP_GE_OQ>(mask, self.0, other.0) }
    }
    #[inline(always)]
    fn select(mask: u16, first: Self, second: Self) -> Self {
        Self(unsafe { _mm512_mask_blend_ps(mask, second.0, first.0) })
    }
    #[inline(always)]
    fn apart<W: Apart<Self>>(work: W) -> W::Output {
        unsafe { apart_with_avx512(work) }
    }
}

/// In two registers of AVX2. Made within [`with_avx2`] alone.
#[derive(Clone, Copy)]
pub struct Avx2([__m256; 2]);

/// All bits of a number set, or none.
#[derive(Clone, Copy)]
pub struct Masks([__m256; 2]);

const HALF: usize = LANES / 2;

impl Mask for Masks {
    #[inline(always)]
    fn of(bits: u32) -> Self {
        let half = |bits: u32| unsafe {
            let of_lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let set = _mm256_and_si256(_mm256_set1_epi32(bits as i32), of_lane);
            _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, of_lane))
        };
        Self([half(bits), half(bits >> HALF)])
    }
    #[inline(always)]
    fn bits(self) -> u32 {
        unsafe { _mm256_movemask_ps(self.0[0]) as u32 | (_mm256_movemask_ps(self.0[1]) as u32) << HALF }
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(unsafe { [_mm256_and_ps(self.0[0], other.0[0]), _mm256_and_ps(self.0[1], other.0[1])] })
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(unsafe { [_mm256_or_ps(self.0[0], other.0[0]), _mm256_or_ps(self.0[1], other.0[1])] })
    }
}

impl Vector for Avx2 {
    type Mask = Masks;

    #[inline(always)]
    fn load(lanes: &Lanes) -> Self {
        let (low, high) = lanes.0.split_at(HALF);
        Self(unsafe { [_mm256_load_ps(low.as_ptr()), _mm256_load_ps(high.as_ptr())] })
    }
    #[inline(always)]
    fn store(self) -> Lanes {
        let mut lanes = Lanes::all(0.0);
        let (low, high) = lanes.0.split_at_mut(HALF);
        unsafe {
            _mm256_store_ps(low.as_mut_ptr(), self.0[0]);
            _mm256_store_ps(high.as_mut_ptr(), self.0[1]);
        }
        lanes
    }
    #[inline(always)]
    fn look_up(table: &[f32; 256], words: &[u32; LANES]) -> Self {
        let (low, high) = words.split_at(HALF);
        let half = |words: &[u32]| unsafe {
            let places = _mm256_and_si256(_mm256_loadu_si256(words.as_ptr().cast()), _mm256_set1_epi32(255));
            _mm256_i32gather_ps::<4>(table.as_ptr(), places)
        };
        Self([half(low), half(high)])
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(unsafe { [_mm256_set1_ps(value); 2] })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { [_mm256_add_ps(self.0[0], other.0[0]), _mm256_add_ps(self.0[1], other.0[1])] })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { [_mm256_sub_ps(self.0[0], other.0[0]), _mm256_sub_ps(self.0[1], other.0[1])] })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { [_mm256_mul_ps(self.0[0], other.0[0]), _mm256_mul_ps(self.0[1], other.0[1])] })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(unsafe { [_mm256_div_ps(self.0[0], other.0[0]), _mm256_div_ps(self.0[1], other.0[1])] })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { [_mm256_max_ps(self.0[0], other.0[0]), _mm256_max_ps(self.0[1], other.0[1])] })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(unsafe { [_mm256_min_ps(self.0[0], other.0[0]), _mm256_min_ps(self.0[1], other.0[1])] })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(unsafe { [_mm256_sqrt_ps(self.0[0]), _mm256_sqrt_ps(self.0[1])] })
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        let half = |h: usize| unsafe { _mm256_fmadd_ps(self.0[h], factor.0[h], summand.0[h]) };
        Self([half(0), half(1)])
    }
    #[inline(always)]
    fn neg_mul_add(self, factor: Self, summand: Self) -> Self {
        let half = |h: usize| unsafe { _mm256_fnmadd_ps(self.0[h], factor.0[h], summand.0[h]) };
        Self([half(0), half(1)])
    }
    #[inline(always)]
    fn at_least(self, other: Self) -> Masks {
        let half = |h: usize| unsafe { _mm256_cmp_ps::<_CMP_GE_OQ>(self.0[h], other.0[h]) };
        Masks([half(0), half(1)])
    }
    #[inline(always)]
    fn at_least_where(self, other: Self, mask: Masks) -> Masks {
        mask.and(self.at_least(other))
    }
    #[inline(always)]
    fn select(mask: Masks, first: Self, second: Self) -> Self {
        let half = |h: usize| unsafe { _mm256_blendv_ps(second.0[h], first.0[h], mask.0[h]) };
        Self([half(0), half(1)])
    }
    #[inline(always)]
    fn apart<W: Apart<Self>>(work: W) -> W::Output {
        unsafe { apart_with_avx2(work) }
    }
}
