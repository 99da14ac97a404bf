//! A step in which something may happen to some of the neurons.

#![allow(clippy::inline_always, clippy::needless_range_loop, reason = "vector code: see the module of vectors")]

use crate::events::TICK_US;

use super::kernel::{Course, Now, Surroundings, coast, receive, sum};
use super::series::Series;
use super::vector::{Apart, LANES, Lanes, Mask, Vector};

/// Peaks closer to the ceiling than this, relative to it, are looked at in double precision.
const NARROW: f32 = 1e-5;

/// A step that somebody has to look at.
pub(super) struct Look<'c, 'a, V: Vector, S, const K: usize> {
    pub course: &'c mut Course<'a, S, K>,
    /// At its beginning.
    pub now: Now<V, K>,
    pub ticks: u32,
    pub tick: u32,
    /// Of the event at its end.
    pub jumps: &'c [Lanes],
}

impl<V: Vector, S: Surroundings, const K: usize> Apart<V> for Look<'_, '_, V, S, K> {
    /// The membranes at the end.
    type Output = Now<V, K>;

    #[inline(always)]
    fn run(self) -> Now<V, K> {
        let Self { course, mut now, ticks, tick, jumps } = self;
        let zero = V::splat(0.0);
        let row = &course.block.steps[ticks as usize];
        let free_to = coast(row, &now);
        let (mut exc, mut inh) = (now.exc, now.inh);
        for k in 0..K {
            exc[k] = exc[k].mul(V::load(&row.exc[k]));
            inh[k] = inh[k].mul(V::load(&row.inh[k]));
        }
        let until_us = f64::from(tick + ticks) * TICK_US;
        let from_us = f64::from(tick) * TICK_US;
        let span = V::splat(row.span_us);
        let free = course.free & !now.waiting;
        let (lower, rate) = (V::load(&course.block.lower), V::load(&course.block.rate_mem));
        let low_now = sum(&exc).sub(sum(&now.inh));
        let lowest = rate.neg_mul_add(now.x, low_now).min(zero).mul_add(span, now.x);
        let near_lower = lower.at_least(lowest);
        // The ceiling is reached at a time s from below, and left again with at most the slopes `rise` and `fall`:
        // x + rise s >= ceiling and to + fall (span - s) >= ceiling.
        let drive = sum(&now.exc).sub(sum(&inh));
        let rise = rate.neg_mul_add(now.x, drive).max(zero);
        let fall = rate.mul_add(now.ceiling, zero.sub(low_now)).max(zero);
        let (before, after) = (now.ceiling.sub(now.x), now.ceiling.sub(free_to));
        let roof = before.mul(fall).add(after.mul(rise));
        let highest = rise.mul_add(span, now.x);
        let above = free_to.at_least(now.ceiling);
        let near_ceiling = highest.at_least(now.ceiling).and(above.or(span.mul(rise).mul(fall).at_least(roof)));
        // Where nothing can pull it up from the lower limit, the potential is the free one or the limit.
        let pinned = rate.mul(lower).at_least(drive);
        let mut to = V::select(near_lower.and(pinned), free_to.max(lower), free_to);
        let mut unclear = (near_lower.bits() & !pinned.bits() | near_ceiling.bits()) & free;
        let crossed = above.bits() & !near_lower.bits() & !course.limited & unclear;
        if crossed != 0 {
            // The step itself is noted already.
            course.crossings.step(now.noted).crossed = crossed;
            now.noted += 1;
            now.waiting |= crossed;
            now.release = now.release.min(tick + course.block.refractory_ticks);
            course.block(&mut now, crossed);
            unclear &= !crossed;
        }
        let left = unclear & course.limited;
        course.leave(&mut now, left);
        unclear &= !left;
        if unclear & !near_lower.bits() != 0 {
            let last = rate.neg_mul_add(free_to, low_now);
            let mut bend = zero.sub(rate.mul(last));
            for k in 0..K {
                bend = exc[k].neg_mul_add(V::load(&course.block.rate_exc[k]), bend);
                bend = inh[k].mul_add(V::load(&course.block.rate_inh[k]), bend);
            }
            let (peak, sure) = Series::new(course.block, now.x, now.exc, now.inh).peak(span, last, bend);
            let below = now.ceiling.sub(now.ceiling.mul(V::splat(NARROW))).at_least(peak).and(sure);
            unclear &= near_lower.bits() | !below.bits();
        }
        if now.release <= tick + ticks {
            course.settle(&mut now);
            let released = (0..LANES).map(|l| u32::from(course.until_us[l] <= until_us) << l).sum();
            if released != 0 {
                unclear |= course.let_go(&mut now, released, (row, from_us), &mut to);
            }
        }
        if unclear != 0 {
            let mut potentials = to.store();
            let left = course.one_by_one(&mut now, unclear, (from_us, until_us), &mut potentials);
            to = V::load(&potentials);
            course.leave(&mut now, left);
        }
        now.x = to;
        receive(row, &mut now, jumps);
        now
    }
}
