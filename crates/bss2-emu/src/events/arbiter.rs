//! Interfaces that pass one event per tick: event ports, neuron event outputs, buses.
//!
//! Events that want the same tick wait for the next one that is free. Of those that wait, the one of the lowest rank goes first.
//! Ranks order the sources of events: input channels before background generators before neurons, each by number. So what a
//! source of a higher rank sends never delays one of a lower rank, and the events of a network can be let through layer by layer.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An event that waits for its tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The tick it wants, and, after [`Arbiter::pass`], the tick it got.
    pub tick: u64,
    /// Who goes first.
    pub rank: u32,
    /// Which interface it passes.
    pub interface: u8,
}

/// Up to sixteen interfaces with the ticks at which they have passed events in a trial.
#[derive(Debug, Clone, Default)]
pub struct Arbiter {
    /// By interface, ascending.
    taken: [Vec<u64>; Arbiter::INTERFACES],
    /// Claims of one interface while they are settled, and what waits.
    of_interface: Vec<usize>,
    waiting: BinaryHeap<Reverse<(u32, usize)>>,
}

impl Arbiter {
    /// Interfaces that one arbiter serves.
    pub const INTERFACES: usize = 16;

    /// Forgets all events.
    pub fn clear(&mut self) {
        for taken in &mut self.taken {
            taken.clear();
        }
    }

    /// Lets events pass. `claims` are sorted by tick, then rank; ranks are not below those of events that have passed before.
    pub fn pass(&mut self, claims: &mut [Claim]) {
        let mut last = [None; Self::INTERFACES];
        let mut busy = 0_u16;
        let mut crowded = 0_u16;
        for claim in claims.iter() {
            let i = usize::from(claim.interface);
            busy |= 1 << i;
            if last[i] == Some(claim.tick) || !self.taken[i].is_empty() {
                crowded |= 1 << i;
            }
            last[i] = Some(claim.tick);
        }
        for i in (0..Self::INTERFACES).filter(|i| busy & 1 << i != 0) {
            if crowded & 1 << i != 0 {
                self.settle(claims, i);
            } else {
                self.taken[i].extend(claims.iter().filter(|c| usize::from(c.interface) == i).map(|c| c.tick));
            }
        }
    }

    /// Lets the claims of an interface pass one by one.
    fn settle(&mut self, claims: &mut [Claim], interface: usize) {
        let Self { taken, of_interface, waiting } = self;
        let taken = &mut taken[interface];
        let n_before = taken.len();
        of_interface.clear();
        of_interface.extend((0..claims.len()).filter(|k| usize::from(claims[*k].interface) == interface));
        let (mut next, mut before, mut tick) = (0, 0, 0);
        while next < of_interface.len() || !waiting.is_empty() {
            if waiting.is_empty() {
                tick = tick.max(claims[of_interface[next]].tick);
            }
            while next < of_interface.len() && claims[of_interface[next]].tick <= tick {
                let k = of_interface[next];
                waiting.push(Reverse((claims[k].rank, k)));
                next += 1;
            }
            while before < n_before && taken[before] < tick {
                before += 1;
            }
            let is_free = before == n_before || taken[before] != tick;
            if is_free && let Some(Reverse((_, k))) = waiting.pop() {
                claims[k].tick = tick;
                taken.push(tick);
            }
            tick += 1;
        }
        taken.sort_unstable();
    }

    /// The first tick from `tick` on at which an interface has passed nothing.
    pub fn first_free(&self, interface: u8, tick: u64) -> u64 {
        let taken = &self.taken[usize::from(interface)];
        let start = taken.partition_point(|t| *t < tick);
        let busy = taken[start..].iter().zip(tick..).take_while(|(t, free)| **t == *free).count();
        tick + busy as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claims(list: &[(u64, u32, u8)]) -> Vec<Claim> {
        list.iter().map(|&(tick, rank, interface)| Claim { tick, rank, interface }).collect()
    }

    fn ticks(claims: &[Claim]) -> Vec<u64> {
        claims.iter().map(|c| c.tick).collect()
    }

    #[test]
    fn events_of_one_tick_follow_each_other_by_rank() {
        let mut list = claims(&[(5, 0, 0), (5, 1, 1), (5, 2, 0), (6, 1, 0), (9, 0, 0)]);
        Arbiter::default().pass(&mut list);
        // At tick 6 rank 1 overtakes rank 2, which has waited since tick 5.
        assert_eq!(ticks(&list), [5, 5, 7, 6, 9]);
    }

    #[test]
    fn later_ranks_take_what_is_left() {
        let mut arbiter = Arbiter::default();
        arbiter.pass(&mut claims(&[(5, 0, 3), (7, 0, 3)]));
        let mut late = claims(&[(5, 9, 3), (5, 10, 3), (20, 9, 3)]);
        arbiter.pass(&mut late);
        assert_eq!(ticks(&late), [6, 8, 20]);
        assert_eq!([arbiter.first_free(3, 5), arbiter.first_free(3, 9), arbiter.first_free(0, 5)], [9, 9, 5]);
        arbiter.clear();
        assert_eq!(arbiter.first_free(3, 5), 5);
    }

    proptest! {
        /// One after the other or all together: the lower ranks are not disturbed.
        #[test]
        fn passing_in_parts_is_passing_at_once(list in prop::collection::vec((0u64..12, 0u32..6, 0u8..2), 0..40)) {
            let mut all = claims(&list);
            all.sort_by_key(|c| (c.tick, c.rank));
            let mut parts: Vec<Claim> = Vec::new();
            let mut arbiter = Arbiter::default();
            for ranks in [0..2, 2..3, 3..6] {
                let mut part: Vec<Claim> = all.iter().filter(|c| ranks.contains(&c.rank)).copied().collect();
                arbiter.pass(&mut part);
                parts.extend(part);
            }
            Arbiter::default().pass(&mut all);
            let sorted = |list: &[Claim]| {
                let mut list: Vec<_> = list.iter().map(|c| (c.interface, c.tick, c.rank)).collect();
                list.sort_unstable();
                list
            };
            prop_assert_eq!(sorted(&parts), sorted(&all));
            // No two on one interface share a tick.
            prop_assert!(sorted(&all).windows(2).all(|w| (w[0].0, w[0].1) != (w[1].0, w[1].1)));
        }
    }
}
