//! Background generators: regular or Poisson events made on the chip.
//!
//! A generator is a counter with a period of so many ticks; a Poisson generator sends at the end of a period with the
//! probability `rate / 255` (`haldls`: mean interval = period / (rate / 255)). It starts anew with its seed in every run. Each trial
//! has a sequence of its own, which begins with a whole period, the same in every run.

use crate::codes::Label;
use crate::rng::{Purpose, Stream};
use crate::routing::{Background, BackgroundKind};

use super::TICK_US;

/// All labels that the events of a generator can have.
pub fn labels(generator: &Background) -> impl Iterator<Item = Label> {
    let (base, mask) = (generator.label.get() & !generator.mask.get(), generator.mask.get());
    (0..64).filter(move |bits| bits & !mask == 0).map(move |bits| Label::saturating(f64::from(base | bits)))
}

/// The events of generator number `index` in a trial: ticks, ascending, and labels.
pub fn events(
    generator: &Background,
    index: usize,
    trial: usize,
    duration_us: f64,
) -> impl Iterator<Item = (u64, Label)> {
    let Background { kind, period, rate, seed, label, mask, .. } = *generator;
    let mut stream = Stream::new(u64::from(seed), Purpose::Background, [trial as u32, index as u32, 0]);
    let probability = f64::from(rate) / 255.0;
    let mut tick = 0_u64;
    std::iter::from_fn(move || {
        let periods = match kind {
            BackgroundKind::Regular => 1.0,
            BackgroundKind::Poisson if rate == u8::MAX => 1.0,
            // Periods up to and including the next event: geometrically distributed.
            BackgroundKind::Poisson if rate > 0 => {
                libm::floor(libm::log1p(-stream.uniform()) / libm::log1p(-probability)) + 1.0
            }
            BackgroundKind::Poisson => return None,
        };
        // More than any trial has.
        tick += u64::from(period.max(1)) * periods.min(1e12) as u64;
        let bits = if mask.get() == 0 { 0 } else { (stream.uniform() * 64.0) as u8 & mask.get() };
        Some((tick, Label::saturating(f64::from(label.get() & !mask.get() | bits))))
    })
    .take_while(move |(tick, _)| *tick as f64 * TICK_US <= duration_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generator(kind: BackgroundKind, period: u16, rate: u8) -> Background {
        let label = Label::new(0b10_0001).unwrap();
        Background { kind, period, rate, seed: 3, row_select: 0, label, mask: Label::default() }
    }

    #[test]
    fn a_regular_generator_sends_every_period() {
        let times: Vec<u64> =
            events(&generator(BackgroundKind::Regular, 125, 0), 0, 0, 5.0).map(|(tick, _)| tick).collect();
        assert_eq!(times, [125, 250, 375, 500, 625]);
    }

    #[test]
    fn a_poisson_generator_has_its_rate_and_the_variance_of_its_bins() {
        // 100 ticks per period, probability 51/255 = .2: 250 kHz, in 4000 trials of 100 us.
        let poisson = generator(BackgroundKind::Poisson, 100, 51);
        let counts: Vec<f64> = (0..4000).map(|trial| events(&poisson, 2, trial, 100.0).count() as f64).collect();
        let mean = counts.iter().sum::<f64>() / 4000.0;
        let variance = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / 4000.0;
        // 125 periods: 25 +- 4.47; standard errors .071 and .45, bounds four times that.
        assert!((mean - 25.0).abs() < 0.28, "{mean}");
        assert!((variance - 20.0).abs() < 1.8, "{variance}");
    }

    #[test]
    fn a_full_rate_is_regular_and_none_is_silent() {
        let full = events(&generator(BackgroundKind::Poisson, 10, 255), 0, 0, 8.0).count();
        assert_eq!(full, 100);
        assert_eq!(events(&generator(BackgroundKind::Poisson, 10, 0), 0, 0, 8.0).count(), 0);
    }

    #[test]
    fn masked_bits_are_random_and_the_others_fixed() {
        let mask = Label::new(0b11).unwrap();
        let masked = Background { mask, ..generator(BackgroundKind::Regular, 1, 0) };
        let mut seen: Vec<Label> = events(&masked, 0, 0, 8.0).map(|(_, label)| label).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, labels(&masked).collect::<Vec<_>>());
        assert_eq!(seen.iter().map(|l| l.get()).collect::<Vec<_>>(), [0b10_0000, 0b10_0001, 0b10_0010, 0b10_0011]);
    }
}
