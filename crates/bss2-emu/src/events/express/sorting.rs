//! Sorting of events.

use super::{Key, LOW};

/// Sorts: by the digits of the tick, and then by what is below it.
pub fn sort(keys: &mut Vec<Key>, spare: &mut Vec<Key>) {
    const DIGIT: u32 = 8;
    const FEWEST: usize = 24;
    if keys.len() < FEWEST {
        return keys.sort_unstable();
    }
    let (first, last) =
        keys.iter().fold((u32::MAX, 0), |(first, last), key| (first.min(key.tick()), last.max(key.tick())));
    let bits = u32::BITS - (last - first).leading_zeros();
    if bits > 2 * DIGIT {
        return keys.sort_unstable();
    }
    let digit = bits.div_ceil(2);
    let buckets = 1_usize << digit;
    // Below the length of the tables whatever the digit is.
    let mask = (buckets - 1) % (1 << DIGIT);
    let base = u64::from(first) << LOW;
    let of = |key: Key, number: u32| ((key.0 - base) >> (LOW + number * digit)) as usize & mask;
    let mut places = [[0_u32; 1 << DIGIT]; 2];
    let [lower, upper] = &mut places;
    for key in keys.iter() {
        lower[of(*key, 0)] += 1;
        upper[of(*key, 1)] += 1;
    }
    spare.resize(keys.len(), Key(0));
    for (number, places) in [lower, upper].into_iter().enumerate() {
        let mut sum = 0;
        for place in &mut places[..buckets] {
            sum += std::mem::replace(place, sum);
        }
        for key in keys.iter() {
            let place = &mut places[of(*key, number as u32)];
            spare[*place as usize] = *key;
            *place += 1;
        }
        std::mem::swap(keys, spare);
    }
    settle(keys);
}

/// Merges sorted events into sorted ones.
pub fn merge(all: &mut Vec<Key>, keys: &[Key]) {
    let mut old = all.len();
    all.extend(keys);
    let mut new = keys.len();
    let mut place = all.len();
    while new > 0 && old > 0 {
        place -= 1;
        if all[old - 1] > keys[new - 1] {
            old -= 1;
            all[place] = all[old];
        } else {
            new -= 1;
            all[place] = keys[new];
        }
    }
    all[..new].copy_from_slice(&keys[..new]);
}

/// Sorts what is nearly sorted.
pub fn settle(keys: &mut [Key]) {
    const MOST_MOVES: usize = 16;
    let mut moves = 0;
    for k in 1..keys.len() {
        let key = keys[k];
        if keys[k - 1] <= key {
            continue;
        }
        let mut place = k;
        while place > 0 && keys[place - 1] > key {
            keys[place] = keys[place - 1];
            place -= 1;
        }
        keys[place] = key;
        moves += k - place;
        if moves > MOST_MOVES * keys.len() {
            return keys.sort_unstable();
        }
    }
}
