//! The random numbers of numpy's legacy `RandomState`, so that data sets published as "seed 42" come out bit for bit.
//!
//! Nothing else draws from here: the project's own randomness is counter based.

const N: usize = 624;
const M: usize = 397;

/// MT19937, seeded and read out as numpy's `RandomState` does.
///
/// Source: Matsumoto and Nishimura, ACM TOMACS 8 (1998) 3.
///
/// ```
/// let mut random = ttfs::data::mersenne::Mersenne::new(5489);
/// assert_eq!(random.next_u32(), 3_499_211_612);
/// ```
#[derive(Debug, Clone)]
pub struct Mersenne {
    state: [u32; N],
    next: usize,
}

impl Mersenne {
    /// Starts the stream of `RandomState(seed)`.
    pub fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for k in 1..N {
            let previous = state[k - 1];
            state[k] = (previous ^ (previous >> 30)).wrapping_mul(1_812_433_253).wrapping_add(k as u32);
        }
        Self { state, next: N }
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// The next number in `[0, 1)` with 53 random bits (`RandomState.random_sample`).
    ///
    /// ```text
    /// ((u >> 5) 2^26 + (v >> 6)) / 2^53      for two successive words u, v
    /// ```
    pub fn random_double(&mut self) -> f64 {
        let high = f64::from(self.next_u32() >> 5);
        let low = f64::from(self.next_u32() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }

    /// The next integer below `n` (`RandomState.randint(n)`): words masked to the bits of `n - 1`, those too large
    /// rejected. For `n` of 0 or 1 it is 0 and nothing is drawn.
    pub fn randint(&mut self, n: u32) -> u32 {
        let largest = n.saturating_sub(1);
        if largest == 0 {
            return 0;
        }
        let mask = u32::MAX >> largest.leading_zeros();
        loop {
            let value = self.next_u32() & mask;
            if value <= largest {
                return value;
            }
        }
    }

    fn twist(&mut self) {
        for k in 0..N {
            let y = (self.state[k] & 0x8000_0000) | (self.state[(k + 1) % N] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[k] = self.state[(k + M) % N] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        let mut random = Mersenne::new(5489);
        for expected in [3_499_211_612, 581_869_302, 3_890_346_734, 3_586_334_585, 545_404_204] {
            assert_eq!(random.next_u32(), expected);
        }
        for _ in 5..9999 {
            random.next_u32();
        }
        assert_eq!(random.next_u32(), 4_123_659_995);
    }

    #[test]
    fn doubles_of_numpy() {
        // numpy.random.RandomState(42).random_sample(3)
        let mut random = Mersenne::new(42);
        for expected in [0.374_540_118_847_362_5, 0.950_714_306_409_916_2, 0.731_993_941_811_405_1] {
            assert_eq!(random.random_double(), expected);
        }
    }

    #[test]
    fn integers_cover_the_range_and_reject_the_rest() {
        let mut random = Mersenne::new(1);
        let mut counts = [0_u32; 3];
        for _ in 0..30_000 {
            counts[random.randint(3) as usize] += 1;
        }
        // Seed 1, 30 000 draws: binomial sd 82.
        assert!(counts.iter().all(|&count| (9_600..10_400).contains(&count)), "{counts:?}");

        let before = random.clone().next_u32();
        assert_eq!((random.randint(0), random.randint(1)), (0, 0));
        assert_eq!(random.next_u32(), before);
        assert_eq!(random.clone().randint(1 << 31), random.clone().next_u32() & 0x7fff_ffff);
    }
}
