//! A calibrated chip beside the same chip at common codes.
//!
//! The comparison of `calix` (`tests/hw/py/test_neuron_distribution.py`): each quantity is measured on all neurons at their calibrated codes,
//! then with one and the same code for all, the median of the calibrated ones. Spreads are standard deviations after 5 % of the
//! values were cut off at either end. Here one parameter at a time is set to its median code and all others stay calibrated, which leaves
//! the uncalibrated values less to spread by.

use bss2_emu::codes::NEURONS;
use bss2_emu::{CapMemCode, CodeTable, Device, NeuronCodes};

use crate::error::CalibError;
use crate::instruments::{Bench, largest, median};
use crate::stimulus::Sign;
use crate::table::Calibration;
use crate::uncalibrated::Uncalibrated;
use crate::{cadc, leak, membrane_tau, plausible, reset, synaptic_tau, threshold};

/// One quantity of all neurons.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// Name of the array in the file that `calix` writes (`calib_eval.npz`).
    pub name: &'static str,
    /// Largest ratio of the spreads that `calix` accepts of silicon.
    pub limit: f64,
    /// At the calibrated codes; not finite where nothing was seen.
    pub calibrated: Vec<f64>,
    /// At the median of the calibrated codes.
    pub uncalibrated: Vec<f64>,
}

impl Quantity {
    /// Spread at the calibrated codes over that at the common code. NaN if too much could not be measured.
    pub fn ratio(&self) -> f64 {
        trimmed_sd(&self.calibrated) / trimmed_sd(&self.uncalibrated)
    }
}

/// What was measured of a calibrated chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// `v_leak`, `v_reset`, `v_threshold` in CADC LSB as read, `tau_mem`, `tau_syn_exc`, `tau_syn_inh` in us.
    pub quantities: Vec<Quantity>,
    /// What each CADC channel reads beside all others at the same potential, in LSB: calibrated.
    pub cadc_offset: Vec<f64>,
    /// The same without digital offsets, at the default ramps.
    pub cadc_offset_uncalibrated: Vec<f64>,
}

/// A number that hardware tests of `calix` or `hxtorch` assert, and its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Check {
    /// What it is.
    pub name: &'static str,
    /// As measured.
    pub value: f64,
    /// Smallest value that is accepted.
    pub low: f64,
    /// Largest value that is accepted.
    pub high: f64,
}

impl Check {
    /// Whether it is within its range.
    pub fn holds(&self) -> bool {
        (self.low..=self.high).contains(&self.value)
    }
}

impl Evaluation {
    /// A quantity by its name.
    pub fn quantity(&self, name: &str) -> Option<&Quantity> {
        self.quantities.iter().find(|q| q.name == name)
    }

    /// What a table keeps of it.
    pub fn uncalibrated(&self) -> Uncalibrated {
        let list = |name: &'static str| {
            let values = self.quantity(name).map_or(&self.cadc_offset_uncalibrated, |q| &q.uncalibrated);
            // What no neuron can have was not seen.
            let range = plausible::uncalibrated(name);
            values.iter().map(|v| if range.contains(v) { *v } else { f64::NAN }).collect()
        };
        Uncalibrated::from_lists(Uncalibrated::NAMES.map(list))
    }

    /// What hardware tests assert: ratios of spreads, thresholds far from the median, CADC channels.
    pub fn checks(&self) -> Vec<Check> {
        let ratio = |q: &Quantity| Check { name: q.name, value: q.ratio(), low: 0.0, high: q.limit };
        let mut checks: Vec<Check> = self.quantities.iter().map(ratio).collect();
        let far = self.quantity("v_threshold").map_or(f64::NAN, |q| far_from_median(&q.calibrated, 8.0));
        checks.push(Check { name: "thresholds beyond 8 LSB of the median", value: far, low: 0.0, high: 0.05 });
        checks.push(Check { name: "CADC channels, sd in LSB", value: sd(&self.cadc_offset), low: 0.0, high: 3.0 });
        checks
    }

    /// Mean threshold minus mean leak, in LSB.
    pub fn swing_lsb(&self) -> f64 {
        let mean = |name| self.quantity(name).map_or(f64::NAN, |q| mean(&q.calibrated));
        mean("v_threshold") - mean("v_leak")
    }
}

/// Measures a chip at the codes of its calibration and at their medians.
///
/// Afterwards the device is configured with the calibrated codes; its routing is that of the measurements.
///
/// # Errors
/// [`CalibError::OtherChip`] for the table of another chip, [`CalibError::NoCodes`] for one without codes; errors of the device;
/// [`CalibError::NoSignal`] if most neurons show nothing.
pub fn evaluate<D: Device>(device: &mut D, calibration: &Calibration) -> Result<Evaluation, CalibError> {
    calibration.require_chip(device.identity())?;
    let codes = calibration.codes.clone().ok_or(CalibError::NoCodes)?;
    let longest = |field| largest(&calibration.per_neuron.all(&calibration.targets, field));
    let (mem_us, exc_us, inh_us) =
        (longest(|t| t.tau_mem_us), longest(|t| t.tau_syn_exc_us), longest(|t| t.tau_syn_inh_us));
    let mut bench = Bench::new(device, codes)?.for_evaluation();
    let bench = &mut bench;

    let cadc_offset = cadc::offsets(bench)?;
    let calibrated = bench.codes.clone();
    let fresh = CodeTable::default();
    bench.codes.cadc_offset.fill(0);
    (bench.codes.cadc_ramp_offset, bench.codes.cadc_ramp_slope) = (fresh.cadc_ramp_offset, fresh.cadc_ramp_slope);
    let cadc_offset_uncalibrated = cadc::offsets(bench)?;
    bench.codes = calibrated;

    let ramp = threshold::choose_current(bench)?;
    let bursts = [
        synaptic_tau::choose_burst(bench, Sign::Excitatory, exc_us)?,
        synaptic_tau::choose_burst(bench, Sign::Inhibitory, inh_us)?,
    ];
    let mut pair = |name, limit, level: &dyn Fn(&mut [NeuronCodes]), measure: &dyn Fn(&mut Bench<'_>) -> Measured| {
        let calibrated = measure(bench)?;
        let codes = bench.codes.clone();
        level(&mut bench.codes.neurons);
        let uncalibrated = measure(bench)?;
        bench.codes = codes;
        Ok::<_, CalibError>(Quantity { name, limit, calibrated, uncalibrated })
    };
    let quantities = vec![
        pair("v_leak", 0.30, &|c| level(c, |c| &mut c.v_leak), &leak::measure)?,
        pair("v_reset", 0.20, &|c| level(c, |c| &mut c.v_reset), &|b| reset::measure(b, 16))?,
        pair("v_threshold", 0.35, &|c| level(c, |c| &mut c.v_threshold), &|b| {
            threshold::measure(b, ramp, threshold::FINAL)
        })?,
        pair("tau_mem", 0.45, &level_leak_bias, &|b| membrane_tau::measure(b, mem_us))?,
        pair("tau_syn_exc", 0.20, &|c| level_rate(c, Sign::Excitatory), &|b| {
            synaptic_tau::measure(b, Sign::Excitatory, bursts[0], exc_us)
        })?,
        pair("tau_syn_inh", 0.20, &|c| level_rate(c, Sign::Inhibitory), &|b| {
            synaptic_tau::measure(b, Sign::Inhibitory, bursts[1], inh_us)
        })?,
    ];
    bench.finish()?;
    Ok(Evaluation { quantities, cadc_offset, cadc_offset_uncalibrated })
}

impl Calibration {
    /// The table of the same chip as if nobody had calibrated it: the median of the codes for all neurons, the CADC as it comes. `None` for
    /// a chip that is set directly.
    ///
    /// Nothing was measured with these codes: what the table says of the neurons is the targets, and no neuron is calibrated.
    pub fn with_common_codes(&self) -> Option<Self> {
        let mut codes = self.codes.clone()?;
        let neurons = &mut codes.neurons;
        level_leak_bias(neurons);
        level_rate(neurons, Sign::Excitatory);
        level_rate(neurons, Sign::Inhibitory);
        for field in [
            (|c| &mut c.v_leak) as fn(&mut NeuronCodes) -> &mut CapMemCode,
            |c| &mut c.v_reset,
            |c| &mut c.v_threshold,
            |c| &mut c.i_bias_synin_exc_gm,
            |c| &mut c.i_bias_synin_inh_gm,
            |c| &mut c.i_bias_synin_exc_shift,
            |c| &mut c.i_bias_synin_inh_shift,
        ] {
            level(neurons, field);
        }
        let mut biases = codes.synapse_dac_bias;
        biases.sort_unstable();
        let usual = CodeTable::default();
        let common = CodeTable { neurons: codes.neurons, synapse_dac_bias: [biases[2]; 4], ..usual };
        let bare = Self::from_targets(self.chip.clone(), &self.targets);
        Some(Self { codes: Some(common), success: vec![false; NEURONS], ..bare })
    }
}

type Measured = Result<Vec<f64>, CalibError>;

/// Sets one code of all neurons to their median.
fn level(neurons: &mut [NeuronCodes], field: impl Fn(&mut NeuronCodes) -> &mut CapMemCode) {
    let codes: Vec<f64> = neurons.iter_mut().map(|c| f64::from(field(c).get())).collect();
    let common = CapMemCode::saturating(libm::rint(median(&codes).unwrap_or_default()));
    for codes in neurons {
        *field(codes) = common;
    }
}

/// The same for codes that mean something with their switches only: the neuron in the middle lends all of them.
fn level_leak_bias(neurons: &mut [NeuronCodes]) {
    let middle = in_the_middle(neurons, membrane_tau::total);
    for codes in neurons {
        codes.i_bias_leak = middle.i_bias_leak;
        codes.leak_division = middle.leak_division;
        codes.leak_multiplication = middle.leak_multiplication;
    }
}

fn level_rate(neurons: &mut [NeuronCodes], sign: Sign) {
    let middle = in_the_middle(neurons, |codes| synaptic_tau::total(codes, sign));
    for codes in neurons {
        match sign {
            Sign::Excitatory => {
                codes.i_bias_synin_exc_tau = middle.i_bias_synin_exc_tau;
                codes.extension.synin_exc_high_resistance = middle.extension.synin_exc_high_resistance;
            }
            Sign::Inhibitory => {
                codes.i_bias_synin_inh_tau = middle.i_bias_synin_inh_tau;
                codes.extension.synin_inh_high_resistance = middle.extension.synin_inh_high_resistance;
            }
        }
    }
}

fn in_the_middle(neurons: &[NeuronCodes], key: impl Fn(&NeuronCodes) -> f64) -> NeuronCodes {
    let mut sorted = neurons.to_vec();
    sorted.sort_by(|a, b| key(a).total_cmp(&key(b)));
    sorted[sorted.len() / 2]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn sd(values: &[f64]) -> f64 {
    let centre = mean(values);
    libm::sqrt(values.iter().map(|v| (v - centre) * (v - centre)).sum::<f64>() / values.len() as f64)
}

/// Standard deviation without the outermost 5 % on either side.
fn trimmed_sd(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let cut = sorted.len() / 20;
    sd(&sorted[cut..sorted.len() - cut])
}

fn far_from_median(values: &[f64], distance: f64) -> f64 {
    let Some(centre) = median(values) else { return f64::NAN };
    // What could not be measured is far, too.
    let near = values.iter().filter(|v| (**v - centre).abs() <= distance).count();
    (NEURONS - near) as f64 / NEURONS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_those_without_the_tails() {
        let mut values: Vec<f64> = (0..40).map(|k| f64::from(k % 2)).collect();
        values[0] = f64::NEG_INFINITY;
        values[1] = 1e9;
        values[2] = f64::NAN;
        values[4] = -7.0;
        // Two are cut at either end; 18 zeros and 18 ones are left, and a one and a zero went with the tails.
        let sd = trimmed_sd(&values);
        assert!((sd - 0.5).abs() < 1e-3, "{sd}");
    }

    #[test]
    fn what_was_not_measured_is_far_from_the_median() {
        let mut values = vec![100.0; NEURONS];
        values[0] = f64::NAN;
        values[1] = 109.0;
        assert_eq!(far_from_median(&values, 8.0), 2.0 / 512.0);
    }
}
