//! Where the membranes rest, and between which limits they can move.
//!
//! Published procedure (`hxtorch`, `tests/hw/test_spiking_boundary.py`): neurons that do not fire, 100 trials of 100 us, CADC reads
//! minus 128. *Rest* is the mean of all samples without a current; *upper* and *lower* limit are the means over the last fifth of
//! the trial with a constant current of code 1000 fed to, or drawn from, every membrane.

use bss2_emu::Trial;
use bss2_emu::codes::NEURONS;

use crate::band::{Band, Finding};
use crate::bench::{Adjustment, Bench, cadc_times};
use crate::error::{ProbeError, require};
use crate::operating_point::OperatingPoint;
use crate::statistics::mean;
use crate::stimulus::Source;

const SOURCE: &str = "hxtorch tests/hw/test_spiking_boundary.py";
/// Published mean rest at a leak of 80, read minus 128.
pub const REST: Band = Band { name: "rest", unit: "LSB", low: -54.0, high: -36.0, source: SOURCE };
/// Published upper limit, read minus 128.
pub const UPPER: Band = Band { name: "upper limit", unit: "LSB", low: 80.0, high: 120.0, source: SOURCE };
/// Published lower limit, read minus 128.
pub const LOWER: Band = Band { name: "lower limit", unit: "LSB", low: -123.0, high: -83.0, source: SOURCE };
/// What `hxtorch` subtracts from a read.
const MIDDLE_LSB: f64 = 128.0;

/// How the limits are measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Code of the constant current, 1..=1022.
    pub current_code: i16,
    /// Trials of each of the three runs.
    pub trials: usize,
    /// Length of a trial in us, 20..=10000.
    pub duration_us: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { current_code: 1000, trials: 100, duration_us: 100.0 }
    }
}

/// Reads of all neurons, in CADC LSB.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Mean read of each neuron at rest.
    pub rest_lsb: Vec<f64>,
    /// At the upper limit.
    pub upper_lsb: Vec<f64>,
    /// At the lower limit.
    pub lower_lsb: Vec<f64>,
}

impl Outcome {
    /// Means over all neurons, less 128, beside the published bands.
    pub fn findings(&self) -> Vec<Finding> {
        [(REST, &self.rest_lsb), (UPPER, &self.upper_lsb), (LOWER, &self.lower_lsb)]
            .map(|(band, reads)| Finding { band, value: mean(reads) - MIDDLE_LSB })
            .to_vec()
    }
}

/// What the neurons are calibrated to.
pub fn operating_point() -> OperatingPoint {
    OperatingPoint::NIGHTLY
}

/// Measures rest and limits of all neurons.
///
/// # Errors
/// [`ProbeError::Setting`] for settings out of range; what the device refuses.
pub fn measure(bench: &mut Bench<'_>, settings: &Settings) -> Result<Outcome, ProbeError> {
    require("current_code", settings.current_code.into(), 1.0..=1022.0, "a code in 1..=1022")?;
    require("trials", settings.trials as f64, 1.0..=1e5, "1..=100000")?;
    require("duration_us", settings.duration_us, 20.0..=1e4, "20..=10000 us")?;
    bench.connect(&Source::new(1).routing())?;
    let mut reads = |current_code: i16, from_us: f64| {
        // Membranes at rest do not fire, comparators or not.
        bench.configure(&Adjustment { spiking: current_code == 0, current_code, ..Adjustment::default() })?;
        let times = cadc_times(settings.duration_us).into_iter().filter(|t| *t >= from_us).collect();
        let recording = bench.run(settings.duration_us, vec![Trial::default(); settings.trials], times)?;
        let mut sums = vec![0_u64; NEURONS];
        let mut n = 0.0;
        for row in recording.trials.iter().flat_map(|t| &t.cadc) {
            n += 1.0;
            sums.iter_mut().zip(row).for_each(|(sum, read)| *sum += u64::from(*read));
        }
        Ok::<Vec<f64>, ProbeError>(sums.into_iter().map(|sum| sum as f64 / n).collect())
    };
    let settled_us = 0.8 * settings.duration_us;
    Ok(Outcome {
        rest_lsb: reads(0, 0.0)?,
        upper_lsb: reads(settings.current_code, settled_us)?,
        lower_lsb: reads(-settings.current_code, settled_us)?,
    })
}
