//! What the machine could do at best, measured, and what of it a workload needs at least: the roofline.
//!
//! Two peaks of one core, in single precision: vector multiplications (an FMA occupies the same units as a multiplication, so this is
//! the rate of FMAs, too) and loads from the first-level cache. A kernel is taken to need, for each synaptic event,
//!
//! ```text
//! chip, K circuits per neuron    decay of 2K currents and the membrane, 2K couplings of currents to the membrane, one jump, one
//!                                comparison: 4K + 3 operations, each with one operand from memory
//! ideal                          two running sums, one comparison: 3 operations, one operand from memory (the weight)
//! backward pass                  6 operations, 3 operands (kernel of the PSP, its slope, the sum into the gradient)
//! t = max(operations / multiplications per s, 4 B operands / bytes per s)
//! ```
//! Sorting, the event path, noise and solving for crossings are not in it: they are what keeps the share below one.

use std::hint::black_box;
use std::time::Instant;

use bss2_emu::vectors::{Instructions, Loops};
use serde::Serialize;

use super::clock::cpu_s;

/// Numbers in registers: twelve vectors of sixteen, more than two units that take four cycles each can have in flight.
const LANES: usize = 192;
/// Numbers of a block that stays in the first-level cache: 16 KB.
const BLOCK: usize = 4096;
const ROUNDS: usize = 100_000;
const TRIES: usize = 9;

/// Peaks of one core.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Peaks {
    /// Multiplications (or FMAs) of single-precision numbers per second.
    pub multiplications_per_s: f64,
    /// Bytes per second from the first-level cache.
    pub load_bytes_per_s: f64,
}

/// What a synaptic event needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    pub operations: usize,
    pub operands: usize,
}

impl Need {
    /// Forward on a chip.
    pub fn chip(circuits_per_neuron: usize) -> Self {
        let n = 4 * circuits_per_neuron + 3;
        Self { operations: n, operands: n }
    }

    /// Forward on the ideal substrate.
    pub const IDEAL: Self = Self { operations: 3, operands: 1 };

    /// Forward and backward.
    pub fn trained(self) -> Self {
        Self { operations: self.operations + 6, operands: self.operands + 3 }
    }
}

impl Peaks {
    /// Measures; the best of several tries.
    pub fn measure() -> Self {
        let fastest = |work: &dyn Fn()| {
            let once = || {
                let (begun, before) = (Instant::now(), cpu_s());
                work();
                before.zip(cpu_s()).map_or_else(|| begun.elapsed().as_secs_f64(), |(before, after)| after - before)
            };
            (0..TRIES).map(|_| once()).fold(f64::INFINITY, f64::min)
        };
        let multiplying = fastest(&|| {
            black_box(Instructions::widest().run(Multiply(black_box([1.0; LANES]))));
        });
        let block = vec![1.0_f32; BLOCK];
        let loading = fastest(&|| {
            black_box(Instructions::widest().run(Load(black_box(&block))));
        });
        Self {
            multiplications_per_s: (LANES * ROUNDS * 10) as f64 / multiplying,
            load_bytes_per_s: (4 * BLOCK * ROUNDS) as f64 / loading,
        }
    }

    /// Seconds of one core for a synaptic event at the roof.
    pub fn roof_s(&self, need: Need) -> f64 {
        let (operations, bytes) = (need.operations as f64, 4.0 * need.operands as f64);
        (operations / self.multiplications_per_s).max(bytes / self.load_bytes_per_s)
    }
}

/// Independent multiplications in registers.
struct Multiply([f32; LANES]);

impl Loops for Multiply {
    type Output = [f32; LANES];
    #[expect(clippy::inline_always, reason = "to be compiled with the vector instructions of its caller")]
    #[inline(always)]
    fn run(self) -> [f32; LANES] {
        let mut numbers = self.0;
        for _ in 0..10 * ROUNDS {
            for number in &mut numbers {
                *number *= 0.999_999_9;
            }
        }
        numbers
    }
}

/// Sums of a block, in independent lanes.
struct Load<'a>(&'a [f32]);

impl Loops for Load<'_> {
    type Output = [f32; 64];
    #[expect(clippy::inline_always, reason = "to be compiled with the vector instructions of its caller")]
    #[inline(always)]
    fn run(self) -> [f32; 64] {
        let mut sums = [0.0; 64];
        for _ in 0..ROUNDS {
            for numbers in black_box(self.0).as_chunks::<64>().0 {
                for (sum, number) in sums.iter_mut().zip(numbers) {
                    *sum += number;
                }
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roof_is_the_scarcer_of_the_two() {
        let peaks = Peaks { multiplications_per_s: 50e9, load_bytes_per_s: 200e9 };
        assert!((peaks.roof_s(Need::chip(2)) - 11.0 / 50e9).abs() < 1e-15);
        assert!((peaks.roof_s(Need { operations: 1, operands: 10 }) - 40.0 / 200e9).abs() < 1e-15);
        assert_eq!(Need::IDEAL.trained(), Need { operations: 9, operands: 4 });
    }

    #[test]
    fn peaks_are_positive_numbers() {
        let peaks = Peaks::measure();
        assert!(peaks.multiplications_per_s.is_finite() && peaks.multiplications_per_s > 0.0);
        assert!(peaks.load_bytes_per_s.is_finite() && peaks.load_bytes_per_s > 0.0);
    }
}
