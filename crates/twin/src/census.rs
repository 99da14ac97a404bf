//! Whether a population of emulated chips could have produced a recording: the same statistics of the chip and of many random ones.

use bss2_emu::codes::NEURONS;
use bss2_emu::parameters::NOMINAL_GAIN;
use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec, Device as _, NeuronParameters, NeuronSetting, RunId};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use ttfs::network::DelayKind;
use ttfs::on_device::OnDevice;
use ttfs::placement::Placement;
use ttfs::substrate::Substrate as _;

use crate::score::{OutputScore, differences, spikes};
use crate::trials::network;
use crate::{Profile, Recording, TwinError};

/// What is looked at, in the order of [`Statistics::values`].
pub const NAMES: [&str; 7] = [
    "mean deviation of the outputs",
    "smallest sd of an output",
    "largest sd of an output",
    "agreement with the ideal network",
    "accuracy",
    "silent outputs",
    "sd over hidden neurons of the mean deviation",
];

/// How a chip deviates from the ideal network with the recorded weights, on the test samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Mean deviation of the outputs, in model time.
    pub bias: f64,
    /// Smallest and largest standard deviation of an output's deviation.
    pub output_sd: [f64; 2],
    /// Share of samples with the ideal network's decision.
    pub agreement: f64,
    /// Accuracy.
    pub accuracy: f64,
    /// Share of silent outputs.
    pub silent: f64,
    /// Standard deviation over hidden neurons of the mean deviation of their times, where a time was recorded: what gains do.
    pub hidden: f64,
}

impl Statistics {
    /// The numbers in the order of [`NAMES`].
    pub fn values(&self) -> [f64; 7] {
        let [least, most] = self.output_sd;
        [self.bias, least, most, self.agreement, self.accuracy, self.silent, self.hidden]
    }

    /// Of times of hidden neurons and outputs, `(n_samples, n_neurons)` each.
    fn new(recording: &Recording, ideal: &[Array2<f64>; 2], found: &[Array2<f64>; 2]) -> Self {
        let labels = recording.test.labels.clone().unwrap_or_default();
        let score = OutputScore::new(found[1].view(), ideal[1].view(), &labels);
        let of = |layer: usize, neuron: usize, known: &dyn Fn(usize) -> bool| -> Vec<f64> {
            let pairs = found[layer].column(neuron).to_vec().into_iter().zip(ideal[layer].column(neuron).to_vec());
            let pairs = pairs.enumerate().filter(|(row, _)| known(*row)).map(|(_, (a, b))| a - b);
            pairs.filter(|d| d.is_finite()).collect()
        };
        let sds: Vec<f64> = (0..ideal[1].ncols()).map(|k| moments(&of(1, k, &|_| true)).1).collect();
        let outputs = differences(found[1].view(), ideal[1].view());
        let means: Vec<f64> = recording
            .test
            .hidden
            .iter()
            .flat_map(|hidden| {
                (0..ideal[0].ncols()).filter_map(|neuron| {
                    let deviations = of(0, neuron, &|row| hidden.times[[row, neuron]].is_finite());
                    (deviations.len() > 1).then(|| moments(&deviations).0)
                })
            })
            .collect();
        Self {
            bias: moments(&outputs).0,
            output_sd: [sds.iter().copied().fold(f64::INFINITY, f64::min), sds.iter().copied().fold(0.0, f64::max)],
            agreement: score.agreement,
            accuracy: score.accuracy,
            silent: score.silent,
            hidden: moments(&means).1,
        }
    }

    /// Of the chip that was recorded.
    ///
    /// # Errors
    /// [`TwinError::Missing`] without hidden spikes.
    pub fn of_recording(recording: &Recording) -> Result<Self, TwinError> {
        let hidden = recording.test.hidden.as_ref();
        let missing = TwinError::Missing { missing: "hidden spikes", needed_for: "a comparison with a population" };
        let found = [hidden.ok_or(missing)?.times.clone(), recording.test.outputs.clone()];
        Ok(Self::new(recording, &ideal(recording), &found))
    }

    /// Of an emulated chip that is set directly to the threshold of the recording, with the recorded weights.
    ///
    /// # Errors
    /// If the network does not fit or the chip refuses.
    pub fn of_chip(recording: &Recording, spec: &ChipSpec) -> Result<Self, TwinError> {
        let mut chip = Chip::draw(spec);
        let mut neuron = NeuronParameters::default();
        let charge = NOMINAL_GAIN * recording.units.lsb_per_weight * neuron.tau_syn_exc_us;
        neuron.v_threshold_lsb = neuron.v_leak_lsb + recording.units.threshold * charge;
        chip.configure(&NeuronSetting::Direct(vec![neuron; NEURONS]))?;
        let [n_inputs, n_hidden, n_outputs] = recording.sizes();
        let kind = if recording.delays.is_some() { DelayKind::Axonal } else { DelayKind::None };
        let placement = Placement::with_delays(n_inputs, &[n_hidden, n_outputs], kind)?;
        let mut substrate = OnDevice::new(chip, placement, recording.scaling(), recording.units.slot_us)?;
        let run = RunId { session: 1, index: 0 };
        let found = substrate.forward(&network(recording), recording.test.inputs.view(), run)?;
        let [hidden, outputs] = [0, 1].map(|layer| found.layers[layer].clone());
        Ok(Self::new(recording, &ideal(recording), &[hidden, outputs]))
    }
}

fn ideal(recording: &Recording) -> [Array2<f64>; 2] {
    let weights = recording.weights();
    spikes(recording, &weights, &Profile::ideal(recording.sizes()), recording.test.inputs.view())
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, libm::sqrt(values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0).max(1.0)))
}

/// Chips of the preset `bss2-calibrated`.
pub fn calibrated(seed: u64) -> ChipSpec {
    ChipSpec::new(Preset::Bss2Calibrated, seed)
}

/// The same without what makes the gains of neurons differ within a chip.
pub fn without_gain_spread(seed: u64) -> ChipSpec {
    let mut spec = calibrated(seed);
    let residual = &mut spec.residual;
    for spread in [
        &mut residual.leak_rel_std,
        &mut residual.reset_rel_std,
        &mut residual.threshold_rel_std,
        &mut residual.tau_mem_rel_std,
        &mut residual.tau_syn_rel_std,
        &mut residual.gain_neuron_rel_std,
        &mut residual.gain_sign_rel_std,
    ] {
        *spread = 0.0;
    }
    spec
}

/// Statistics of chips with the seeds 1 to `n`.
///
/// # Errors
/// As [`Statistics::of_chip`].
pub fn census(recording: &Recording, n: u64, chip: impl Fn(u64) -> ChipSpec) -> Result<Vec<Statistics>, TwinError> {
    (1..=n).map(|seed| Statistics::of_chip(recording, &chip(seed))).collect()
}

/// The value below which a share of the chips lie, interpolated between neighbours; `which` counts through [`NAMES`].
pub fn quantile(chips: &[Statistics], which: usize, share: f64) -> f64 {
    let mut values: Vec<f64> = chips.iter().map(|chip| chip.values()[which]).collect();
    values.sort_by(f64::total_cmp);
    let at = share * (values.len().max(1) - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    match (values.get(low), values.get(high)) {
        (Some(a), Some(b)) => a + (b - a) * (at - at.floor()),
        _ => f64::NAN,
    }
}
