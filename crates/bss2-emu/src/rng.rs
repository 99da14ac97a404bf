//! Random numbers that have an address.
//!
//! No draw is taken from a shared stream. Each is addressed by what it is for: a seed, a [`Purpose`] and three numbers
//! (chip quadrant, neuron, synapse, run, trial ...). So a draw never depends on how many others were made before it, on the
//! order of threads, or on whether a run was resumed.
//!
//! The generator is Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), a counter-based
//! generator: a block cipher whose counter is the address.

use std::convert::Infallible;

use rand::TryRng;
use rand_distr::{Distribution, StandardNormal};

const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// One block of Philox 4x32-10: four random words from a counter and a key.
pub fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key[0] = key[0].wrapping_add(WEYL[0]);
            key[1] = key[1].wrapping_add(WEYL[1]);
        }
        let a = u64::from(MULTIPLIER[0]) * u64::from(counter[0]);
        let b = u64::from(MULTIPLIER[1]) * u64::from(counter[2]);
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
    }
    counter
}

/// What a random draw is for. The numbers are part of the contract "same seed, same chip": they never change and are
/// never used again for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Frozen variation of a chip; address: parameter, level (chip, quadrant, neuron), index.
    Variation = 1,
    /// Frozen variation of synapses; address: hemisphere, row, column.
    SynapseVariation = 2,
    /// Noise of one neuron in one trial; address: run, trial, neuron.
    NeuronTrial = 3,
    /// Slow noise of one neuron over runs; address: session, run, neuron.
    NeuronRun = 4,
    /// Event path of one input channel in one trial; address: run, trial, channel.
    InputEvents = 5,
    /// Converter noise; address: run, trial, neuron.
    Readout = 6,
    /// Initial weights of a network; address: layer.
    InitialWeights = 7,
    /// Order of the training samples; address: epoch.
    Shuffle = 8,
    /// Noise on the inputs during training; address: epoch, sample.
    InputNoise = 9,
    /// Start values of calibration searches; address: routine, neuron.
    Search = 10,
    /// Errors of written cells; address: row of cells, neuron.
    CapMemWrite = 11,
    /// Background generators, seeded by themselves; address: trial, generator.
    Background = 12,
    /// What calibration leaves behind in a chip; address: parameter, level (chip, neuron), index.
    Residual = 20,
    /// Neurons that have failed; address: kind, neuron.
    NeuronFailure = 21,
    /// Synapses that have failed; address: kind, hemisphere, row.
    SynapseFailure = 22,
    /// Drift since the calibration; address: parameter and neuron, level of halving, interval.
    Drift = 23,
    /// Spike trains that the host draws for an experiment; address: source, trial, 0.
    HostSpikes = 32,
    /// Frozen deviations of a perturbed model network; address: parameter, layer, neuron.
    ModelDeviation = 40,
    /// Jitter of the input spikes of a perturbed model network; address: session, run, sample.
    ModelJitter = 41,
}

/// What the streams of one seed and purpose have in common.
#[derive(Debug, Clone, Copy)]
pub struct Key([u32; 2]);

impl Key {
    /// The key of a seed and a purpose.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let key = mix(seed ^ (purpose as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Self([key as u32, (key >> 32) as u32])
    }

    /// The two words of the key.
    pub(crate) fn words(self) -> [u32; 2] {
        self.0
    }

    /// The stream at an address.
    pub fn stream(self, address: [u32; 3]) -> Stream {
        Stream { key: self.0, counter: [0, address[0], address[1], address[2]], block: [0; 4], used: 4 }
    }
}

/// The stream of random words at one address.
///
/// ```
/// use bss2_emu::rng::{Purpose, Stream};
/// let mut a = Stream::new(7, Purpose::Variation, [0, 1, 2]);
/// let mut b = Stream::new(7, Purpose::Variation, [0, 1, 2]);
/// assert_eq!(a.normal(), b.normal());
/// ```
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Stream {
    /// The stream of a seed, a purpose and an address.
    pub fn new(seed: u64, purpose: Purpose, address: [u32; 3]) -> Self {
        Key::new(seed, purpose).stream(address)
    }

    /// A draw from the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(self)
    }

    /// A draw from the uniform distribution on `[0, 1)`, with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.word64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox4x32(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }

    fn word64(&mut self) -> u64 {
        let low = u64::from(self.word());
        low | u64::from(self.word()) << 32
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            let word = self.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

/// A seed for a part of something that has a seed itself (the session of a chip, say).
pub fn derive(seed: u64, part: u64) -> u64 {
    mix(seed.wrapping_add(mix(part.wrapping_add(0x9E37_79B9_7F4A_7C15))))
}

/// Finaliser of `SplitMix64`: a bijection that spreads neighbouring seeds over all keys.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known-answer vectors of the Random123 distribution (`kat_vectors`, philox 4x32 10 rounds).
    #[test]
    fn philox_matches_the_published_vectors() {
        assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox4x32([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox4x32([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn addresses_are_independent() {
        let mean = |purpose, fixed: u32| {
            (0..4000).map(|i| Stream::new(1, purpose, [fixed, i, 0]).normal()).sum::<f64>() / 4000.0
        };
        // Standard error 0.016; bound 4 standard errors.
        assert!(mean(Purpose::Variation, 0).abs() < 0.064);
        assert!(mean(Purpose::NeuronTrial, 3).abs() < 0.064);
        let a = Stream::new(1, Purpose::Variation, [0, 0, 0]).normal();
        let b = Stream::new(2, Purpose::Variation, [0, 0, 0]).normal();
        let c = Stream::new(1, Purpose::Readout, [0, 0, 0]).normal();
        assert!(a != b && a != c);
    }

    #[test]
    fn normals_have_unit_variance() {
        let mut stream = Stream::new(3, Purpose::Readout, [0, 0, 0]);
        let n = 20_000;
        let draws: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / n as f64;
        // Standard error sqrt(2/n) = 0.01; bound 4 standard errors.
        assert!((variance - 1.0).abs() < 0.04, "{variance}");
    }
}
