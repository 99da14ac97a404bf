//! The draws of sixteen neurons in one trial, in step: the same streams, the same normal numbers as
//! [`Stream::normal`](crate::rng::Stream::normal), to the precision of an `f32`.
//!
//! `rand_distr` draws normal numbers by the ziggurat of 256 layers: of 64 bits the lowest eight choose a layer, the others a
//! place in it, and 98.8 % of all draws lie in the part of the layer that needs no further look. Draws that do not (or so close
//! to its edge that an `f32` cannot tell) are reported: their stream has to be asked itself.

#![allow(clippy::inline_always, clippy::needless_range_loop, reason = "vector code: see the module of vectors")]

use std::sync::LazyLock;

use super::vector::{LANES, Lanes, Mask, Vector};
use crate::rng::Key;

/// Right end of the last layer, and the area of each (Marsaglia and Tsang, "The ziggurat method for generating random
/// variables", J. Stat. Soft. 5 (2000), table of 256).
const LAST: f64 = 3.654_152_885_361_009;
const AREA: f64 = 0.004_928_673_233_99;

/// Widths of the layers, and the part of each that needs no further look.
struct Layers {
    width: [f32; 256],
    sure: [f32; 256],
}

static LAYERS: LazyLock<Layers> = LazyLock::new(|| {
    let density = |x: f64| libm::exp(-0.5 * x * x);
    let mut x = [0.0; 257];
    (x[0], x[1]) = (AREA / density(LAST), LAST);
    for i in 2..256 {
        x[i] = libm::sqrt(-2.0 * libm::log(AREA / x[i - 1] + density(x[i - 1])));
    }
    let mut layers = Layers { width: [0.0; 256], sure: [0.0; 256] };
    for i in 0..256 {
        layers.width[i] = x[i] as f32;
        layers.sure[i] = (x[i + 1] * (1.0 - 1e-6)) as f32;
    }
    layers
});

/// Sixteen streams at addresses that differ in the last number.
#[derive(Debug, Clone, Copy)]
pub struct Streams {
    pub key: Key,
    pub run: u32,
    pub trial: u32,
    pub neurons: [u32; LANES],
}

impl Streams {
    /// The random words of all streams from which their normal numbers `2 block` and `2 block + 1` come.
    #[inline(always)]
    pub fn words(&self, block: u32) -> Words {
        Words(self.philox(block))
    }

    /// [`crate::rng::philox4x32`] for all.
    #[inline(always)]
    fn philox(&self, block: u32) -> [[u32; LANES]; 4] {
        const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
        const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
        // The words are numbers of 64 bits, of which the upper half means nothing: what vector instructions multiply.
        const LOW: u64 = 0xFFFF_FFFF;
        let mut key = self.key.words();
        let same = |word: u32| [u64::from(word); LANES];
        let mut c = [same(block), same(self.run), same(self.trial), self.neurons.map(u64::from)];
        for round in 0..10 {
            if round > 0 {
                key[0] = key[0].wrapping_add(WEYL[0]);
                key[1] = key[1].wrapping_add(WEYL[1]);
            }
            let mut next = c;
            for l in 0..LANES {
                let a = u64::from(MULTIPLIER[0]) * (c[0][l] & LOW);
                let b = u64::from(MULTIPLIER[1]) * (c[2][l] & LOW);
                next[0][l] = (b >> 32) ^ c[1][l] ^ u64::from(key[0]);
                next[1][l] = b;
                next[2][l] = (a >> 32) ^ c[3][l] ^ u64::from(key[1]);
                next[3][l] = a;
            }
            c = next;
        }
        c.map(|words| words.map(|word| word as u32))
    }
}

/// Four words of each of sixteen streams.
#[derive(Debug, Clone, Copy)]
pub struct Words([[u32; LANES]; 4]);

impl Words {
    /// The first or the second normal number of each stream, and one bit for each stream of which it is not sure.
    #[inline(always)]
    pub fn normal<V: Vector>(&self, number: usize) -> (V, u32) {
        let layers = &*LAYERS;
        let (low, high) = if number == 0 { (&self.0[0], &self.0[1]) } else { (&self.0[2], &self.0[3]) };
        let mut place = Lanes::all(0.0);
        for l in 0..LANES {
            // -1..1; the lowest bits of the draw are beyond an f32.
            place.0[l] = (high[l] ^ 0x8000_0000) as i32 as f32 * (1.0 / 2_147_483_648.0);
        }
        let out = V::load(&place).mul(V::look_up(&layers.width, low));
        let size = out.max(V::splat(0.0).sub(out));
        (out, size.at_least(V::look_up(&layers.sure, low)).bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fast::vector::{Work, dispatch};
    use crate::rng::{Purpose, Stream};

    struct Draw(Streams, u32);

    impl Work for Draw {
        type Output = [(Lanes, u32); 2];
        #[inline(always)]
        fn with<V: Vector>(self) -> [(Lanes, u32); 2] {
            let words = self.0.words(self.1);
            [0, 1].map(|number| {
                let (numbers, unsure) = words.normal::<V>(number);
                (numbers.store(), unsure)
            })
        }
    }

    #[test]
    fn sure_draws_are_those_of_the_streams() {
        let key = Key::new(5, Purpose::NeuronTrial);
        let (mut sure, mut total) = (0, 0);
        for trial in 0..4000 {
            let neurons = std::array::from_fn(|l| 7 * l as u32 + 3);
            let streams = Streams { key, run: 11, trial, neurons };
            let draws = [dispatch(Draw(streams, 0)), dispatch(Draw(streams, 1))];
            for (l, neuron) in neurons.into_iter().enumerate() {
                let mut stream = Stream::new(5, Purpose::NeuronTrial, [11, trial, neuron]);
                for numbers in draws {
                    total += 1;
                    if numbers.iter().any(|(_, unsure)| unsure & 1 << l != 0) {
                        break;
                    }
                    sure += 1;
                    for (number, _) in numbers {
                        let expected = stream.normal();
                        assert!((f64::from(number.0[l]) - expected).abs() < 1e-6, "{expected}");
                    }
                }
            }
        }
        // Two numbers in each: 97.6 % of them.
        assert!(f64::from(sure) > 0.965 * f64::from(total), "{sure} of {total}");
    }
}
