//! How fast neurons fire under a constant current: the f-I curve (`demos`, `cns_02_lif_fIcurve`).
//!
//! ```text
//! V_inf = leak + I tau_mem,   f = 1 / (t_refractory + tau_mem ln((V_inf - reset) / (V_inf - threshold)))   for V_inf > threshold
//! ```

use bss2_emu::codes::NEURONS;
use bss2_emu::{NeuronParameters, Trial};

use crate::bench::{Adjustment, Bench, CURRENT_PER_CODE};
use crate::error::{ProbeError, require};
use crate::operating_point::OperatingPoint;
use crate::stimulus::Source;

/// How the curve is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Codes of the constant current, 0..=1022.
    pub current_codes: Vec<i16>,
    /// Length of a trial in us.
    pub duration_us: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { current_codes: (0..=1000).step_by(25).collect(), duration_us: 1000.0 }
    }
}

/// Rates of all neurons.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Codes of the current.
    pub current_codes: Vec<i16>,
    /// Rates in kHz, `(n_codes, n_neurons)`.
    pub rates_khz: Vec<Vec<f64>>,
}

/// What the neurons are calibrated to.
pub fn operating_point() -> OperatingPoint {
    OperatingPoint::NIGHTLY
}

/// Rate of the ideal neuron at a code of the current, in kHz.
///
/// ```
/// use probes::{OperatingPoint, rate_curve::ideal_rate_khz};
/// let neuron = OperatingPoint::NIGHTLY.parameters();
/// assert_eq!(ideal_rate_khz(&neuron, 200), 0.0);
/// assert!(ideal_rate_khz(&neuron, 500) > 80.0);
/// ```
pub fn ideal_rate_khz(neuron: &NeuronParameters, current_code: i16) -> f64 {
    let limit = neuron.v_leak_lsb + CURRENT_PER_CODE * f64::from(current_code) * neuron.tau_mem_us;
    if limit <= neuron.v_threshold_lsb {
        return 0.0;
    }
    let rise = neuron.tau_mem_us * libm::log((limit - neuron.v_reset_lsb) / (limit - neuron.v_threshold_lsb));
    1e3 / (neuron.refractory_us + rise)
}

/// Measures the curve.
///
/// # Errors
/// [`ProbeError::Setting`] for settings out of range; what the device refuses.
pub fn measure(bench: &mut Bench<'_>, settings: &Settings) -> Result<Outcome, ProbeError> {
    require("duration_us", settings.duration_us, 50.0..=1e5, "50..=100000 us")?;
    bench.connect(&Source::new(1).routing())?;
    let mut rates_khz = Vec::with_capacity(settings.current_codes.len());
    for &current_code in &settings.current_codes {
        require("current_codes", current_code.into(), 0.0..=1022.0, "codes in 0..=1022")?;
        bench.configure(&Adjustment { current_code, ..Adjustment::default() })?;
        let recording = bench.run(settings.duration_us, vec![Trial::default()], Vec::new())?;
        let mut rates = vec![0.0; NEURONS];
        for spike in recording.trials.iter().flat_map(|t| &t.spikes) {
            rates[spike.neuron.index()] += 1e3 / settings.duration_us;
        }
        rates_khz.push(rates);
    }
    Ok(Outcome { current_codes: settings.current_codes.clone(), rates_khz })
}
