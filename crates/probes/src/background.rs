//! Whether the chip's own Poisson sources send what they shall.
//!
//! Published test (`pynn-brainscales`, `pynn_brainscales2_test_poisson_on_chip_input.py`): spikes of a background generator pass
//! neurons digitally (bypass). The number of spikes of a neuron is within five standard deviations, `5 sqrt(n)`, of rate times
//! duration, and two neurons of one source differ by less than 2 %.
//!
//! A generator has a probability `rate / 255` in every period of the 8 ns event clock, so the expected number is
//! ```text
//! n = duration / (period 8 ns) * rate / 255
//! ```

use bss2_emu::codes::COLUMNS;
use bss2_emu::device::RowWrite;
use bss2_emu::routing::{Background, BackgroundKind, Routing, RowMode};
use bss2_emu::{Hemisphere, Label, NeuronId, Trial, WeightCode};

use crate::band::{Band, Finding};
use crate::bench::{Adjustment, Bench};
use crate::error::{ProbeError, require};
use crate::operating_point::OperatingPoint;

const SOURCE: &str = "pynn-brainscales pynn_brainscales2_test_poisson_on_chip_input.py";
/// Deviation of the number of spikes from its expectation.
pub const COUNT: Band = Band { name: "count, off expectation", unit: "sqrt(n)", low: -5.0, high: 5.0, source: SOURCE };
/// Difference between two neurons of one source.
pub const DIFFERENCE: Band =
    Band { name: "two neurons of one source", unit: "difference", low: 0.0, high: 0.02, source: SOURCE };
/// Period of the event clock in us.
const CLOCK_US: f64 = 0.008;

/// What the generator does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Period in clock cycles, 1..=65535.
    pub period: u16,
    /// Numerator of the probability per period, 1..=255.
    pub rate: u8,
    /// Seed of the generator.
    pub seed: u32,
    /// Length of the trial in us.
    pub duration_us: f64,
    /// Two neurons of the top hemisphere.
    pub neurons: [NeuronId; 2],
}

impl Default for Settings {
    /// 11.8 kHz for a second, in bins of 1 us.
    fn default() -> Self {
        let neurons = [1.0, 200.0].map(NeuronId::saturating);
        Self { period: 125, rate: 3, seed: 1234, duration_us: 1e6, neurons }
    }
}

/// Spikes of the two neurons.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Their times in us.
    pub times_us: [Vec<f64>; 2],
    /// Numbers of spikes.
    pub counts: [usize; 2],
    /// Expected number.
    pub expected: f64,
}

impl Outcome {
    /// Counts beside the published bounds.
    pub fn findings(&self) -> Vec<Finding> {
        let [a, b] = self.counts.map(|n| n as f64);
        vec![
            Finding { band: COUNT, value: (a - self.expected) / libm::sqrt(self.expected) },
            Finding { band: DIFFERENCE, value: (a - b).abs() / a.max(b) },
        ]
    }
}

/// What the neurons are calibrated to.
pub fn operating_point() -> OperatingPoint {
    OperatingPoint::NIGHTLY
}

/// Counts what the generator sends.
///
/// # Errors
/// [`ProbeError::Setting`] for settings out of range; what the device refuses.
pub fn measure(bench: &mut Bench<'_>, settings: &Settings) -> Result<Outcome, ProbeError> {
    require("period", settings.period.into(), 1.0..=65535.0, "1..=65535 cycles")?;
    require("rate", settings.rate.into(), 1.0..=255.0, "1..=255")?;
    require("duration_us", settings.duration_us, 1.0..=1e7, "1..=10000000 us")?;
    for neuron in settings.neurons {
        require("neurons", neuron.index() as f64, 0.0..=255.0, "neurons of the top hemisphere, 0..=255")?;
    }
    let mut routing = Routing::default();
    routing.driver_masks[0][0] = 0;
    routing.row_modes[0][0] = RowMode::Excitatory;
    routing.background[0] = Some(Background {
        kind: BackgroundKind::Poisson,
        period: settings.period,
        rate: settings.rate,
        seed: settings.seed,
        row_select: 0,
        label: Label::default(),
        mask: Label::default(),
    });
    bench.connect(&routing)?;
    bench.configure(&Adjustment { bypass: true, ..Adjustment::default() })?;
    // Too weak to make the neurons fire by themselves.
    let mut weights = vec![WeightCode::default(); COLUMNS];
    for neuron in settings.neurons {
        weights[neuron.column()] = WeightCode::saturating(1.0);
    }
    bench.write_weights(&[RowWrite { hemisphere: Hemisphere::Top, row: 0, first_column: 0, weights }])?;
    let recording = bench.run(settings.duration_us, vec![Trial::default()], Vec::new())?;
    let times = |neuron| -> Vec<f64> {
        recording.trials.iter().flat_map(|t| &t.spikes).filter(|s| s.neuron == neuron).map(|s| s.time_us).collect()
    };
    let times_us = settings.neurons.map(times);
    let periods = settings.duration_us / (f64::from(settings.period) * CLOCK_US);
    let counts = [times_us[0].len(), times_us[1].len()];
    Ok(Outcome { times_us, counts, expected: periods * f64::from(settings.rate) / 255.0 })
}
