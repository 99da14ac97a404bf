//! The order in which spikes reach a layer, for sixteen samples at once: one sample in each lane of a sorting network, which needs no
//! branch and no exchange between lanes.

#![allow(clippy::inline_always, reason = "loops must be inlined into a function that is compiled for the processor")]

use bss2_emu::vectors::Loops;

/// Samples that are sorted together.
pub(super) const SAMPLES: usize = 16;
/// Bits of a key that tell the source, below those of its time.
const SOURCE_BITS: u32 = 12;
/// The key of a source that is silent: behind all others, also where it is left at the end of a list.
const SILENT: u32 = u32::MAX;
/// Most sources that keys can tell apart.
pub(super) const MOST_SOURCES: usize = 1 << SOURCE_BITS;

/// One key of each sample.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Row([u32; SAMPLES]);

/// Keys in the order of their times; silent sources are left out.
#[derive(Debug, Default)]
pub(super) struct Order {
    rows: Vec<Row>,
    keys: Vec<u32>,
    /// Spikes of each sample.
    pub(super) counts: [usize; SAMPLES],
}

impl Order {
    /// Sources of a sample by their times, to one part in a million of the span of all its spikes.
    pub(super) fn sources(&self, sample: usize) -> impl Iterator<Item = u32> {
        self.rows[..self.counts[sample]].iter().map(move |row| row.0[sample] & (MOST_SOURCES as u32 - 1))
    }
}

/// Sorts the spikes of up to [`SAMPLES`] samples of at most [`MOST_SOURCES`] sources, `+inf` for silence.
pub(super) struct Sort<'a, S> {
    pub(super) order: &'a mut Order,
    pub(super) samples: S,
}

impl<'a, S: Iterator<Item = &'a [f64]>> Loops for Sort<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Order { rows, keys, counts } = self.order;
        *counts = [0; SAMPLES];
        rows.clear();
        for ((sample, times), count) in self.samples.enumerate().zip(&mut *counts) {
            rows.resize(rows.len().max(times.len()), Row([SILENT; SAMPLES]));
            make_keys(times, keys);
            let (rows, mut n) = (&mut rows[..], 0);
            // Without a branch, which would be foretold wrongly for every other source.
            for (source, &key) in keys.iter().enumerate() {
                rows[n].0[sample] = key | source as u32;
                n += usize::from(key != SILENT);
            }
            *count = n;
        }
        rows.truncate(counts.iter().copied().max().unwrap_or(0));
        sort(rows);
    }
}

/// Times in steps of a millionth of their span, above the bits of the source.
#[inline(always)]
fn make_keys(times: &[f64], keys: &mut Vec<u32>) {
    // 2^52: what is added to it is a whole number in the lowest bits.
    const INTEGER: f64 = 4_503_599_627_370_496.0;
    const LANES: usize = 32;
    let (mut firsts, mut lasts) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    let (blocks, rest) = times.as_chunks::<LANES>();
    for block in blocks {
        for l in 0..LANES {
            let last = if block[l] < f64::INFINITY { block[l] } else { f64::NEG_INFINITY };
            firsts[l] = if block[l] < firsts[l] { block[l] } else { firsts[l] };
            lasts[l] = if last > lasts[l] { last } else { lasts[l] };
        }
    }
    let first = firsts.iter().chain(rest).copied().fold(f64::INFINITY, f64::min);
    let last =
        lasts.iter().chain(rest.iter().filter(|t| **t < f64::INFINITY)).copied().fold(f64::NEG_INFINITY, f64::max);
    let steps = f64::from((1_u32 << (32 - SOURCE_BITS)) - 1);
    let scale = if last > first { steps / (last - first) } else { 0.0 };
    keys.resize(times.len(), 0);
    for (key, t) in keys.iter_mut().zip(times) {
        let steps = (((t - first) * scale) + INTEGER).to_bits() as u32;
        *key = if *t < f64::INFINITY { steps << SOURCE_BITS } else { SILENT };
    }
}

/// Batcher's odd-even merge sort of each column.
#[inline(always)]
fn sort(rows: &mut [Row]) {
    let n = rows.len();
    let mut sorted = 1;
    while sorted < n {
        let mut distance = sorted;
        while distance > 0 {
            let mut from = distance % sorted;
            while from + distance < n {
                // Not across the border between two lists that are merged.
                if !(from + distance).is_multiple_of(2 * sorted) {
                    let (lower, upper) = rows[from..].split_at_mut(distance);
                    for (a, b) in lower.iter_mut().zip(upper) {
                        for l in 0..SAMPLES {
                            (a.0[l], b.0[l]) = (a.0[l].min(b.0[l]), a.0[l].max(b.0[l]));
                        }
                    }
                }
                from += 2 * distance;
            }
            distance /= 2;
        }
        sorted *= 2;
    }
}

#[cfg(test)]
mod tests {
    use bss2_emu::rng::{Purpose, Stream};
    use bss2_emu::vectors::Instructions;

    use super::*;

    #[test]
    fn spikes_come_in_the_order_of_their_times() {
        let mut draw = Stream::new(6, Purpose::Search, [0, 0, 0]);
        for n in [0, 1, 2, 17, 73, 256, 400, 4096] {
            for n_samples in [1, 5, SAMPLES] {
                let samples: Vec<Vec<f64>> = (0..n_samples)
                    .map(|_| {
                        let silent = draw.uniform();
                        let mut time =
                            || if draw.uniform() < silent { f64::INFINITY } else { 3.0 * draw.uniform() - 1.0 };
                        (0..n).map(|_| time()).collect()
                    })
                    .collect();
                for instructions in Instructions::available() {
                    let mut order = Order::default();
                    instructions.run(Sort { order: &mut order, samples: samples.iter().map(Vec::as_slice) });
                    for (number, times) in samples.iter().enumerate() {
                        let mut sources: Vec<u32> = order.sources(number).collect();
                        let found: Vec<f64> = sources.iter().map(|&source| times[source as usize]).collect();
                        assert!(found.windows(2).all(|pair| pair[0] <= pair[1] + 4e-6), "of {n} in {instructions:?}");
                        sources.sort_unstable();
                        sources.dedup();
                        assert_eq!(sources.len(), times.iter().filter(|t| t.is_finite()).count(), "every source once");
                    }
                }
            }
        }
    }
}
