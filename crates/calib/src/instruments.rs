//! The bench: a device, the codes found so far, and the two converters.
//!
//! The CADC samples all neurons at once, one sample per 1.7 us, with a noise of about one LSB: means over many samples. The
//! MADC looks at one node of one neuron per trial, so a measurement of all neurons is one run of 512 trials. Every run of
//! the device gets its own [`RunId`], so that a calibration gives the same bytes every time.

use bss2_emu::codes::NEURONS;
use bss2_emu::device::{MADC_INTERVAL_US, MADC_INVALID_US};
use bss2_emu::{
    CapMemCode, CodeTable, Device, Experiment, MadcRequest, NeuronCodes, NeuronId, NeuronSetting, ReadoutSource,
    Record, Recording, RunId, Trial,
};

use crate::error::CalibError;
use crate::stimulus::{self, Burst, Sign};

/// Sampling interval of the CADC.
pub(crate) const CADC_INTERVAL_US: f64 = 1.7;
/// Session of a calibration's runs.
const SESSION: u32 = 0x000C_A11B;
/// Session of the runs of an evaluation.
const EVALUATION: u32 = 0x000C_A11E;
/// Start of whatever is to be seen in an MADC trace: its first microseconds are not valid, the next show the baseline.
pub(crate) const MADC_EVENT_US: f64 = MADC_INVALID_US + 2.0;
/// First CADC sample of a trial.
const CADC_START_US: f64 = 2.0;

/// A device on the bench.
pub(crate) struct Bench<'d> {
    device: &'d mut dyn Device,
    session: u32,
    /// The codes found so far; measurements switch parts of them off.
    pub codes: CodeTable,
    /// What the integer correction of the CADC offsets leaves, subtracted from means.
    pub cadc_remainder: Vec<f64>,
    /// From an input event to its synaptic current, as seen by the MADC.
    pub latency_us: f64,
    /// Runs, trials and hardware time so far.
    pub counts: Counts,
}

/// The cost of a calibration.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub runs: u32,
    pub trials: u64,
    pub hardware_time_us: f64,
}

/// An MADC trace, cut.
pub(crate) struct Trace<'r> {
    /// Valid samples before the event.
    pub baseline: &'r [u16],
    /// All samples from the event on.
    pub after: &'r [u16],
}

impl<'d> Bench<'d> {
    pub fn new(device: &'d mut dyn Device, codes: CodeTable) -> Result<Self, CalibError> {
        device.connect(&stimulus::routing())?;
        Ok(Self {
            device,
            session: SESSION,
            codes,
            cadc_remainder: vec![0.0; NEURONS],
            latency_us: 0.0,
            counts: Counts::default(),
        })
    }

    /// The same bench with noise of its own.
    pub fn for_evaluation(self) -> Self {
        Self { session: EVALUATION, ..self }
    }

    /// Writes the codes found so far, changed by `change` for one measurement. The comparator is off unless it is switched
    /// on there.
    pub fn configure(&mut self, change: impl Fn(usize, &mut NeuronCodes)) -> Result<(), CalibError> {
        let mut table = self.codes.clone();
        for (n, codes) in table.neurons.iter_mut().enumerate() {
            codes.enable_threshold = false;
            change(n, codes);
        }
        Ok(self.device.configure(&NeuronSetting::Codes(table))?)
    }

    /// Leaves the device with the codes found.
    pub fn finish(&mut self) -> Result<(), CalibError> {
        let setting = NeuronSetting::Codes(self.codes.clone());
        Ok(self.device.configure(&setting)?)
    }

    /// Sets one code of all neurons.
    pub fn set(&mut self, codes: &[CapMemCode], field: impl Fn(&mut NeuronCodes) -> &mut CapMemCode) {
        for (neuron, code) in self.codes.neurons.iter_mut().zip(codes) {
            *field(neuron) = *code;
        }
    }

    /// One code of all neurons.
    pub fn get(&self, field: impl Fn(&NeuronCodes) -> CapMemCode) -> Vec<CapMemCode> {
        self.codes.neurons.iter().map(field).collect()
    }

    pub fn write_burst(&mut self, burst: Burst, sign: Sign) -> Result<(), CalibError> {
        Ok(self.device.write_weights(&burst.weights(sign))?)
    }

    /// Runs trials and checks that the recording has the shape asked for.
    pub fn run(
        &mut self,
        duration_us: f64,
        trials: Vec<Trial>,
        cadc_times_us: Vec<f64>,
    ) -> Result<Recording, CalibError> {
        let experiment = Experiment {
            run: RunId { session: self.session, index: self.counts.runs },
            duration_us,
            trials,
            record: Record { cadc_times_us, ..Record::default() },
        };
        let recording = self.device.run(&experiment)?;
        self.counts.runs += 1;
        self.counts.trials += experiment.trials.len() as u64;
        self.counts.hardware_time_us += recording.hardware_time_us;
        let expect = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(CalibError::Recording { what, found, expected }) }
        };
        expect("trials", recording.trials.len(), experiment.trials.len())?;
        for (trial, asked) in recording.trials.iter().zip(&experiment.trials) {
            let samples = experiment.record.cadc_times_us.len();
            expect("CADC samples", trial.cadc.len(), samples)?;
            for row in &trial.cadc {
                expect("CADC channels", row.len(), NEURONS)?;
            }
            if asked.madc.is_some() {
                let least = madc_samples(duration_us);
                expect("MADC samples", trial.madc.len().min(least), least)?;
            }
        }
        Ok(recording)
    }

    /// Mean CADC read of each neuron over samples and trials; `resets_us` as in [`Trial`]. The first sample is taken at
    /// `from_us`.
    pub fn cadc_mean(
        &mut self,
        from_us: f64,
        samples: usize,
        trials: usize,
        resets_us: &[f64],
    ) -> Result<Vec<f64>, CalibError> {
        let times = cadc_times(from_us, samples);
        let trial = Trial { resets_us: resets_us.to_vec(), ..Trial::default() };
        let duration_us = from_us + samples as f64 * CADC_INTERVAL_US;
        let recording = self.run(duration_us, vec![trial; trials], times)?;
        Ok(self.mean_of(&recording))
    }

    /// Mean read of the resting membranes: 128 samples, a standard error of about 0.1 LSB.
    pub fn rest(&mut self) -> Result<Vec<f64>, CalibError> {
        self.rest_of(4)
    }

    /// The same over so many trials of 32 samples.
    pub fn rest_of(&mut self, trials: usize) -> Result<Vec<f64>, CalibError> {
        self.cadc_mean(CADC_START_US, 32, trials, &[])
    }

    /// Mean over all CADC samples of a recording, less the remainder of the channel's offset.
    pub fn mean_of(&self, recording: &Recording) -> Vec<f64> {
        let mut sums = vec![0u64; NEURONS];
        let mut n = 0u64;
        for row in recording.trials.iter().flat_map(|t| &t.cadc) {
            n += 1;
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += u64::from(*value);
            }
        }
        sums.iter().zip(&self.cadc_remainder).map(|(sum, remainder)| *sum as f64 / n as f64 - remainder).collect()
    }

    /// One MADC trace of each neuron, each in its own trial.
    pub fn madc(
        &mut self,
        source: ReadoutSource,
        duration_us: f64,
        resets_us: &[f64],
        cadc_times_us: Vec<f64>,
    ) -> Result<Recording, CalibError> {
        let trials = NeuronId::all()
            .map(|neuron| Trial {
                resets_us: resets_us.to_vec(),
                madc: Some(MadcRequest { neuron, source }),
                ..Trial::default()
            })
            .collect();
        self.run(duration_us, trials, cadc_times_us)
    }
}

/// Cuts a trace at an event.
pub(crate) fn cut(trace: &[u16], event_us: f64) -> Trace<'_> {
    let valid = first_sample_at(MADC_INVALID_US).min(trace.len());
    let event = first_sample_at(event_us).clamp(valid, trace.len());
    Trace { baseline: &trace[valid..event], after: &trace[event..] }
}

/// CADC sampling times from a first one on.
pub(crate) fn cadc_times(from_us: f64, samples: usize) -> Vec<f64> {
    (0..samples).map(|k| from_us + k as f64 * CADC_INTERVAL_US).collect()
}

fn first_sample_at(time_us: f64) -> usize {
    libm::ceil(time_us / MADC_INTERVAL_US) as usize
}

fn madc_samples(duration_us: f64) -> usize {
    (duration_us / MADC_INTERVAL_US) as usize
}

/// Largest of the values.
pub(crate) fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// Median of the finite values; `None` if there are none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    finite.sort_unstable_by(f64::total_cmp);
    let n = finite.len();
    (n > 0).then(|| 0.5 * (finite[(n - 1) / 2] + finite[n / 2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_skip_what_could_not_be_measured() {
        assert_eq!(median(&[3.0, f64::NAN, 1.0, f64::INFINITY]), Some(2.0));
        assert_eq!(median(&[f64::NAN]), None);
    }

    #[test]
    fn traces_are_cut_between_samples() {
        let trace: Vec<u16> = (0..400).collect();
        let cut = cut(&trace, 10.0);
        // 8 us are 235.3 samples, 10 us are 294.1.
        assert_eq!((cut.baseline[0], cut.after[0]), (236, 295));
    }
}
