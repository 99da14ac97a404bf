//! The bridge between the two worlds: model time and real-valued weights on one side, microseconds and weight codes on the
//! other. Every conversion of the project goes through [`Scaling`], in both directions.

use bss2_emu::routing::DelayPair;
use bss2_emu::vectors::{Loops, widest};
use bss2_emu::{NeuronParameters, WeightCode};
use serde::{Deserialize, Serialize};

use crate::neuron::{LifModel, NeuronModel};
use crate::{Error, error};

/// Largest weight code of a synapse.
const LARGEST_CODE: f64 = 63.0;

/// Steps of a delay pair per microsecond.
const DELAY_STEPS_PER_US: f64 = 8.0;

/// Microseconds per unit of model time, weight codes per unit of weight, and the threshold in units of weight.
///
/// ```text
/// t_us = us_per_time t           code = round(lsb_per_weight w), |code| <= 63, the sign chooses the row
/// threshold = median over neurons of (v_threshold - v_leak) / (gain lsb_per_weight tau_syn)
/// ```
/// The last line says that a PSP of unit weight has, in units of weight, the shape of [`LifModel`].
///
/// ```
/// use bss2_emu::NeuronParameters;
/// use ttfs::scaling::{Latency, Scaling};
///
/// let scaling = Scaling::measured(&[NeuronParameters::default()], 6.0, 30.0, Latency::default())?;
/// assert!((scaling.threshold - 2.786).abs() < 0.001);
/// assert_eq!(scaling.rounded(0.51), 0.5);
/// assert_eq!(scaling.rounded(-7.0), -2.1);
/// # Ok::<(), ttfs::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaling {
    /// Microseconds per unit of model time (the nominal `tau_syn`).
    pub us_per_time: f64,
    /// Weight codes per unit of weight.
    pub lsb_per_weight: f64,
    /// Threshold above the leak, in units of weight.
    pub threshold: f64,
    /// Nominal membrane time constant in units of model time.
    pub tau_mem: f64,
    /// How long spikes take to their synapses.
    pub latency: Latency,
}

/// How long spikes take to their synapses, in us: a spike acts later than it was sent or stamped, and a gradient that does not
/// know evaluates every PSP at the wrong phase.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// From a spike sent from outside. Recordings of silicon: .47 us.
    pub external_us: f64,
    /// From the time stamp of a neuron's spike. Recordings: .2-.7 us, weakly determined.
    pub internal_us: f64,
}

impl Scaling {
    /// The scaling of a calibrated chip: the threshold from the median of the measured PSPs.
    ///
    /// # Errors
    /// [`Error::NotPositive`] if the table is empty or its neurons cannot fire.
    pub fn measured(
        neurons: &[NeuronParameters],
        us_per_time: f64,
        lsb_per_weight: f64,
        latency: Latency,
    ) -> Result<Self, Error> {
        let thresholds = neurons
            .iter()
            .map(|p| (p.v_threshold_lsb - p.v_leak_lsb) / (p.gain_exc * lsb_per_weight * p.tau_syn_exc_us));
        let scaling = Self {
            us_per_time,
            lsb_per_weight,
            threshold: median(thresholds),
            tau_mem: median(neurons.iter().map(|p| p.tau_mem_us)) / us_per_time,
            latency,
        };
        scaling.check()?;
        Ok(scaling)
    }

    /// Accepts positive finite values.
    ///
    /// # Errors
    /// [`Error::NotPositive`] naming the first field that is not.
    pub fn check(&self) -> Result<(), Error> {
        error::positive("us_per_time", self.us_per_time)?;
        error::positive("lsb_per_weight", self.lsb_per_weight)?;
        error::positive("threshold", self.threshold)?;
        error::positive("tau_mem", self.tau_mem)?;
        error::within("latency.external_us", self.latency.external_us, 0.0, 1e3)?;
        error::within("latency.internal_us", self.latency.internal_us, 0.0, 1e3)
    }

    /// The neuron that a learning rule assumes: nominal time constants, measured threshold.
    ///
    /// Time constants that calibration made equal to within its own error are taken as equal.
    pub fn model(&self) -> LifModel {
        let nominal = |ratio: f64| (self.tau_mem / ratio - 1.0).abs() < 0.1;
        let tau_mem = [1.0, 2.0].into_iter().find(|r| nominal(*r)).unwrap_or(self.tau_mem);
        LifModel { tau_mem, tau_syn: 1.0, threshold: self.threshold }
    }

    /// Largest weight that the chip can hold.
    pub fn largest_weight(&self) -> f64 {
        LARGEST_CODE / self.lsb_per_weight
    }

    /// The signed weight code, -63..=63.
    pub fn signed_code(&self, weight: f64) -> i8 {
        self.whole_code(weight) as i8
    }

    fn whole_code(&self, weight: f64) -> f64 {
        // Adding it to a small number rounds that to an integer, halves to the even one.
        const INTEGER: f64 = 6_755_399_441_055_744.0;
        (weight * self.lsb_per_weight).clamp(-LARGEST_CODE, LARGEST_CODE) + INTEGER - INTEGER
    }

    /// The signed weight codes of many weights, which replace what `codes` held.
    pub fn signed_codes(&self, weights: &[f64], codes: &mut Vec<i8>) {
        codes.clear();
        codes.resize(weights.len(), 0);
        widest(Rounding { scaling: self, weights, codes });
    }

    /// The weights that the chip really has, in single precision.
    pub(crate) fn rounded_singles(&self, weights: &[f64], rounded: &mut [f32]) {
        widest(RoundedSingles { scaling: self, weights, rounded });
    }

    /// The codes of the excitatory and the inhibitory synapse of a weight: one of them is zero.
    pub fn codes(&self, weight: f64) -> (WeightCode, WeightCode) {
        let code = i64::from(self.signed_code(weight));
        (WeightCode::clamped(code), WeightCode::clamped(-code))
    }

    /// The weight that the chip really has.
    pub fn rounded(&self, weight: f64) -> f64 {
        f64::from(self.signed_code(weight)) / self.lsb_per_weight
    }

    /// The delay on the grid of the chip's delay pairs, steps of 125 ns, without their limits.
    pub fn rounded_delay(&self, delay: f64) -> f64 {
        self.to_time(libm::rint(self.to_us(delay) * DELAY_STEPS_PER_US) / DELAY_STEPS_PER_US)
    }

    /// The code of the delay pair nearest to a delay.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if no pair is that short or that long: pairs make 8.25 to 33.25 us.
    pub fn delay_code(&self, delay: f64) -> Result<u8, Error> {
        let us = self.to_us(delay);
        let limit = |code: &u8| 2.0 + f64::from(*code) / DELAY_STEPS_PER_US;
        let (min, max) = (limit(DelayPair::CODES.start()), limit(DelayPair::CODES.end()));
        let code = libm::rint((us - 2.0) * DELAY_STEPS_PER_US);
        if (f64::from(*DelayPair::CODES.start())..=f64::from(*DelayPair::CODES.end())).contains(&code) {
            Ok(code as u8)
        } else {
            Err(Error::OutOfRange { what: "axonal delay of a hidden neuron in us", value: us, min, max })
        }
    }

    /// A neuron as its calibration measured it, in units of model time and of the charge of its own excitatory weight of 1.
    ///
    /// ```text
    /// threshold = (v_threshold - v_leak)/charge     charge = gain_exc lsb_per_weight tau_syn_exc
    /// gain_inh  = gain_inh tau_syn_inh/(gain_exc tau_syn_exc)                  (charges, where the left ones are slopes)
    /// ```
    pub fn neuron(&self, measured: &NeuronParameters) -> NeuronModel {
        let charge = measured.gain_exc * self.lsb_per_weight * measured.tau_syn_exc_us;
        NeuronModel {
            tau_mem: self.to_time(measured.tau_mem_us),
            tau_syn_exc: self.to_time(measured.tau_syn_exc_us),
            tau_syn_inh: self.to_time(measured.tau_syn_inh_us),
            leak: 0.0,
            threshold: (measured.v_threshold_lsb - measured.v_leak_lsb) / charge,
            gain_exc: 1.0,
            gain_inh: measured.gain_inh * self.lsb_per_weight * measured.tau_syn_inh_us / charge,
        }
    }

    /// Model time from a spike sent from outside, and from a neuron's spike, to their synapses.
    pub fn latencies(&self) -> [f64; 2] {
        [self.to_time(self.latency.external_us), self.to_time(self.latency.internal_us)]
    }

    /// Hardware time of a model time.
    pub fn to_us(&self, time: f64) -> f64 {
        time * self.us_per_time
    }

    /// Model time of a hardware time.
    pub fn to_time(&self, us: f64) -> f64 {
        us / self.us_per_time
    }

    /// Adds the model times of many hardware times to a list.
    pub(crate) fn extend_by_times(&self, times: &mut Vec<f64>, us: &[f64]) {
        let first = times.len();
        times.resize(first + us.len(), 0.0);
        widest(FromUs { scaling: self, us, out: &mut times[first..] });
    }
}

struct FromUs<'a> {
    scaling: &'a Scaling,
    us: &'a [f64],
    out: &'a mut [f64],
}

impl Loops for FromUs<'_> {
    type Output = ();

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the loop is compiled for the processor")]
    fn run(self) {
        for (time, us) in self.out.iter_mut().zip(self.us) {
            *time = self.scaling.to_time(*us);
        }
    }
}

struct Rounding<'a> {
    scaling: &'a Scaling,
    weights: &'a [f64],
    codes: &'a mut [i8],
}

impl Loops for Rounding<'_> {
    type Output = ();

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the loop is compiled for the processor")]
    fn run(self) {
        for (code, weight) in self.codes.iter_mut().zip(self.weights) {
            *code = self.scaling.signed_code(*weight);
        }
    }
}

struct RoundedSingles<'a> {
    scaling: &'a Scaling,
    weights: &'a [f64],
    rounded: &'a mut [f32],
}

impl Loops for RoundedSingles<'_> {
    type Output = ();

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the loop is compiled for the processor")]
    fn run(self) {
        for (rounded, weight) in self.rounded.iter_mut().zip(self.weights) {
            *rounded = (self.scaling.whole_code(*weight) / self.scaling.lsb_per_weight) as f32;
        }
    }
}

/// The median; `NaN` of nothing, which the border refuses.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_and_clip() {
        let scaling = Scaling {
            us_per_time: 6.0,
            lsb_per_weight: 30.0,
            threshold: 2.6,
            tau_mem: 1.0,
            latency: Latency::default(),
        };
        for (weight, code) in [(0.0, 0), (1.0 / 60.0 + 1e-9, 1), (2.1, 63), (3.0, 63), (-0.4, -12), (-9.0, -63)] {
            assert_eq!(scaling.signed_code(weight), code, "{weight}");
        }
        assert_eq!(scaling.codes(-1.0).0.get(), 0);
        assert_eq!(scaling.codes(-1.0).1.get(), 30);
        assert!((scaling.to_time(scaling.to_us(1.7)) - 1.7).abs() < 1e-15);
    }

    #[test]
    fn delays_have_steps_of_125_ns_and_the_limits_of_the_pairs() {
        let scaling = Scaling {
            us_per_time: 6.0,
            lsb_per_weight: 30.0,
            threshold: 2.6,
            tau_mem: 1.0,
            latency: Latency::default(),
        };
        assert_eq!(scaling.rounded_delay(2.0), 2.0);
        assert_eq!(scaling.rounded_delay(2.01), 2.0);
        assert_eq!(scaling.rounded_delay(2.011) * 6.0, 12.125);
        for (us, code) in [(8.25, 50), (8.2, 50), (12.0, 80), (33.25, 250)] {
            assert_eq!(scaling.delay_code(us / 6.0).unwrap(), code);
        }
        for us in [0.0, 8.1, 33.4] {
            let message = scaling.delay_code(us / 6.0).unwrap_err().to_string();
            assert!(message.contains("8.25..=33.25"), "{message}");
        }
    }

    #[test]
    fn a_measured_neuron_is_the_model_with_its_own_numbers() {
        let p = NeuronParameters { tau_syn_inh_us: 9.0, gain_inh: 0.1, ..NeuronParameters::default() };
        let scaling = Scaling::measured(&[p], 6.0, 30.0, Latency::default()).unwrap();
        let neuron = scaling.neuron(&p);
        assert_eq!((neuron.tau_mem, neuron.tau_syn_exc, neuron.tau_syn_inh), (1.0, 1.0, 1.5));
        assert!((neuron.threshold - scaling.threshold).abs() < 1e-12);
        // One inhibitory weight of 1: 30 codes, each .1 LSB/us for a time constant of 9 us.
        assert!((neuron.gain_inh - 30.0 * 0.1 * 9.0 / (30.0 * p.gain_exc * 6.0)).abs() < 1e-12);
    }

    #[test]
    fn the_threshold_is_the_median_neurons() {
        let neuron = |gain| NeuronParameters { gain_exc: gain, ..NeuronParameters::default() };
        let scaling =
            Scaling::measured(&[neuron(0.1), neuron(0.2), neuron(0.4)], 6.0, 30.0, Latency::default()).unwrap();
        assert!((scaling.threshold - 70.0 / (0.2 * 30.0 * 6.0)).abs() < 1e-12);
        assert!(Scaling::measured(&[], 6.0, 30.0, Latency::default()).is_err());
    }
}
