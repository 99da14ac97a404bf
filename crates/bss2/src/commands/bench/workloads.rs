//! The workloads: what is timed, one after the other, and effects against the run that has them all.

use bss2_emu::chip::Engine;
use bss2_emu::{Chip, ChipSpec, NeuronParameters, NeuronSetting, RunId};
use ndarray::{Array2, s};
use serde::Serialize;
use ttfs::network::Network;
use ttfs::on_device::OnDevice;
use ttfs::placement::Placement;
use ttfs::substrate::{Spikes, Substrate};
use ttfs::synaptic_events;
use ttfs::train::Evaluation;

use super::clock::{Spread, Times};
use super::job::Job;
use super::peaks::{Need, Peaks};
use super::progress;

/// Images per second of the chip on 256-246-10: 48 us each (Göltz et al. 2021).
pub const CHIP_IMAGES_PER_S: f64 = 20_800.0;
/// Samples from which synaptic events are counted.
const COUNTED: usize = 1000;
/// Tells the noise of timed runs from that of the training.
const PART: u32 = 1 << 21;

/// A workload and its times.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub workload: String,
    /// `chip` or `ideal`.
    pub substrate: &'static str,
    pub threads: usize,
    /// Samples of one repetition.
    pub samples: usize,
    pub samples_per_s: Spread,
    /// Median on the wall.
    pub us_per_sample: f64,
    /// Median of all threads together; `null` where the system does not tell.
    pub cpu_us_per_sample: Option<f64>,
    pub synaptic_events_per_sample: Option<f64>,
    /// CPU time per synaptic event.
    pub ns_per_synaptic_event: Option<f64>,
    /// Speed in units of the chip's.
    pub relative_to_chip: Option<f64>,
    /// CPU time at the roof of the machine as a share of the CPU time taken; an estimate.
    pub share_of_roofline_estimate: Option<f64>,
    /// Share of the samples that were classified correctly; of an epoch, while it trained.
    pub accuracy: Option<f64>,
    pub times: Times,
}

/// What one effect of the chip costs.
#[derive(Debug, Clone, Serialize)]
pub struct EffectRow {
    /// What is switched off.
    pub without: String,
    pub cpu_us_per_sample: f64,
    /// What the effect costs: with it minus without it.
    pub cost_us_per_sample: f64,
    /// In percent of the time with it.
    pub cost_percent: f64,
}

/// What a row needs to be made.
struct Timed<'a> {
    workload: String,
    substrate: &'static str,
    samples: usize,
    times: Times,
    events: Option<f64>,
    need: Option<Need>,
    accuracy: Option<f64>,
    job: &'a Job,
    peaks: &'a Peaks,
}

impl Timed<'_> {
    fn row(self) -> anyhow::Result<Row> {
        let n = self.samples as f64;
        let missing = || anyhow::anyhow!("{}: nothing was timed", self.workload);
        let speeds: Vec<f64> = self.times.wall_s.iter().map(|s| n / s).collect();
        let samples_per_s = Spread::of(&speeds).ok_or_else(missing)?;
        let cpu_s = Spread::of(&self.times.cpu_s).map(|cpu| cpu.median / n);
        let roof_s = self.events.zip(self.need).map(|(events, need)| events * self.peaks.roof_s(need));
        let is_image = self.job.test.n_classes == 10;
        Ok(Row {
            substrate: self.substrate,
            threads: rayon::current_num_threads(),
            samples: self.samples,
            samples_per_s,
            us_per_sample: 1e6 / samples_per_s.median,
            cpu_us_per_sample: cpu_s.map(|s| 1e6 * s),
            synaptic_events_per_sample: self.events,
            ns_per_synaptic_event: cpu_s.zip(self.events).map(|(s, events)| 1e9 * s / events),
            relative_to_chip: is_image.then(|| samples_per_s.median / CHIP_IMAGES_PER_S),
            share_of_roofline_estimate: roof_s.zip(cpu_s).map(|(roof, cpu)| roof / cpu),
            accuracy: self.accuracy,
            workload: self.workload,
            times: self.times,
        })
    }
}

/// What all workloads share.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    pub repeats: u16,
    pub peaks: &'a Peaks,
}

impl Bench<'_> {
    /// Forward and an epoch, on the chip and on the ideal substrate.
    ///
    /// # Errors
    /// If a chip refuses.
    pub fn rows(&self, job: &Job) -> anyhow::Result<Vec<Row>> {
        let mut chip = job.whole(&job.spec, Engine::Fast)?;
        let need = Need::chip(job.placement.circuits_per_neuron());
        Ok(vec![
            self.forward(job, &mut chip, "chip", need)?,
            self.forward(job, &mut job.ideal(), "ideal", Need::IDEAL)?,
            self.epoch(job, &mut chip, "chip", need)?,
            self.epoch(job, &mut job.ideal(), "ideal", Need::IDEAL)?,
        ])
    }

    /// Encoding, weights, run, readout of all samples: what `infer` does.
    fn forward(&self, job: &Job, on: &mut impl Substrate, substrate: &'static str, need: Need) -> anyhow::Result<Row> {
        let workload = format!("{}, forward", job.name);
        let _step = progress::step(&format!("{workload}, {substrate}"));
        let mut times = Times::default();
        let mut evaluation = None;
        for repeat in 0..self.repeats {
            evaluation = Some(times.add(|| evaluate(job, on, repeat))?);
        }
        let events = evaluation.as_ref().map(|evaluation| events(job, evaluation));
        let accuracy = evaluation.map(|evaluation| evaluation.score.accuracy);
        let (samples, need) = (job.test.n_samples(), Some(need));
        Timed { workload, substrate, samples, times, events, need, accuracy, job, peaks: self.peaks }.row()
    }

    /// A training epoch in the loop, going on from the network.
    fn epoch(&self, job: &Job, on: &mut impl Substrate, substrate: &'static str, need: Need) -> anyhow::Result<Row> {
        let workload = format!("{}, epoch, batch {}", job.name, job.config.training.batch_size);
        let _step = progress::step(&format!("{workload}, {substrate}"));
        let events = events(job, &evaluate(job, on, 0)?);
        let mut times = Times::default();
        let mut state = job.state.clone();
        let mut accuracy = None;
        for _ in 0..self.repeats {
            let record = times.add(|| job.trainer.run_epoch(&mut state, on, &job.train, &job.none))?;
            accuracy = Some(record.train.accuracy);
        }
        let (samples, events, need) = (job.train.n_samples(), Some(events), Some(need.trained()));
        Timed { workload, substrate, samples, times, events, need, accuracy, job, peaks: self.peaks }.row()
    }

    /// Forward on the chip with one thread, two, four, ... and as many as there are.
    ///
    /// # Errors
    /// If a chip refuses or threads cannot be started.
    pub fn growth(&self, job: &Job) -> anyhow::Result<Vec<Row>> {
        let most = rayon::current_num_threads();
        let mut counts: Vec<usize> =
            std::iter::successors(Some(1), |n| Some(2 * n)).take_while(|n| *n < most).collect();
        counts.push(most);
        let need = Need::chip(job.placement.circuits_per_neuron());
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            pool.install(|| self.forward(job, &mut job.whole(&job.spec, Engine::Fast)?, "chip", need))
        };
        counts.into_iter().map(with).collect()
    }

    /// What effects of the chip cost: each is switched off alone, and all take turns with the chip that has them.
    ///
    /// # Errors
    /// If a chip refuses or the system does not tell CPU times.
    pub fn effects(&self, job: &Job) -> anyhow::Result<Vec<EffectRow>> {
        let _step = progress::step(&format!("{}: effects, one switched off at a time", job.name));
        let mut chips = vec![("nothing".to_owned(), job.whole(&job.spec, Engine::Fast)?)];
        for (name, spec) in switched_off(&job.spec) {
            chips.push((name.to_owned(), job.whole(&spec, Engine::Fast)?));
        }
        let direct = ChipSpec { parameters: bss2_emu::spec::ParameterSource::Direct, ..job.spec };
        let equal = NeuronSetting::Direct(vec![job.median_neuron(); 512]);
        chips.push((
            "neurons that differ (all are the median neuron)".to_owned(),
            job.placed(&direct, &equal, Engine::Fast)?,
        ));
        let mut times = vec![Times::default(); chips.len()];
        for repeat in 0..self.repeats {
            for ((_, chip), times) in chips.iter_mut().zip(&mut times) {
                times.add(|| evaluate(job, chip, repeat))?;
            }
        }
        let mut cpu_us = Vec::new();
        for times in &times {
            cpu_us.push(cpu_us_per_sample(times, job.test.n_samples())?);
        }
        let mut rows: Vec<EffectRow> =
            chips.into_iter().zip(&cpu_us).map(|((name, _), &us)| effect(name, cpu_us[0], us)).collect();
        rows.push(self.second_circuit(job)?);
        Ok(rows)
    }

    /// The middle of the network, small enough for one circuit per neuron, with two and with one.
    fn second_circuit(&self, job: &Job) -> anyhow::Result<EffectRow> {
        let inputs = job.test.times(0..job.test.n_samples());
        let quarter = inputs.ncols() / 4;
        let inputs = inputs.slice(s![.., quarter..3 * quarter]).to_owned();
        let [hidden, output] = &job.state.network.weights[..] else {
            anyhow::bail!("the network has one hidden layer");
        };
        let sizes = [118, output.ncols()];
        // Half of the inputs at twice the weight drive a neuron of two circuits as before.
        let weights = |factor: f64| {
            let hidden = hidden.slice(s![quarter..3 * quarter, ..sizes[0]]);
            let output = output.slice(s![..sizes[0], ..]);
            Network::new([hidden, output].map(|w| w.mapv(|w| factor * w)).to_vec())
        };
        let single = ttfs::scaling::Scaling {
            threshold: job.scaling.threshold / job.placement.circuits_per_neuron() as f64,
            ..job.scaling
        };
        let n_inputs = 2 * quarter;
        let mut cases =
            [(Placement::joined(n_inputs, &sizes)?, weights(2.0)), (Placement::new(n_inputs, &sizes)?, weights(1.0))]
                .map(|(placement, network)| (placement, network, Times::default()));
        let mut devices: Vec<OnDevice<Chip>> = Vec::new();
        for (placement, ..) in &cases {
            let scaling = placement.scaling(single);
            let mut chip = Chip::draw(&job.spec);
            bss2_emu::Device::configure(&mut chip, &job.setting)?;
            chip.set_engine(Some(Engine::Fast));
            devices.push(OnDevice::new(chip, placement.clone(), scaling, job.config.scaling.slot_us)?);
        }
        for repeat in 0..self.repeats {
            for ((_, network, times), device) in cases.iter_mut().zip(&mut devices) {
                times
                    .add(|| in_batches(device, network, &inputs, job.config.training.evaluation_batch_size, repeat))?;
            }
        }
        let [two, one] = [&cases[0].2, &cases[1].2].map(|times| cpu_us_per_sample(times, inputs.nrows()));
        Ok(effect(format!("the second circuit ({n_inputs}-{}-{}, twice and once)", sizes[0], sizes[1]), two?, one?))
    }
}

/// Runs inputs that need no encoding.
fn in_batches(
    device: &mut OnDevice<Chip>,
    network: &Network,
    inputs: &Array2<f64>,
    batch: usize,
    repeat: u16,
) -> Result<(), ttfs::Error> {
    for (number, first) in (0..inputs.nrows()).step_by(batch).enumerate() {
        let rows = inputs.slice(s![first..inputs.nrows().min(first + batch), ..]);
        let index = u32::from(repeat) * 1000 + number as u32;
        device.forward(network, rows, RunId { session: 7, index })?;
    }
    Ok(())
}

/// The chip without one effect each.
fn switched_off(spec: &ChipSpec) -> Vec<(&'static str, ChipSpec)> {
    let with = |change: &dyn Fn(&mut ChipSpec)| {
        let mut spec = *spec;
        change(&mut spec);
        spec
    };
    vec![
        (
            "threshold noise of trials, spikes and runs",
            with(&|spec| {
                spec.noise.threshold_trial_rel_std = 0.0;
                spec.noise.threshold_spike_rel_std = 0.0;
                spec.noise.threshold_run_rel_std = 0.0;
            }),
        ),
        ("jitter of spikes", with(&|spec| spec.noise.spike_jitter_us_std = 0.0)),
        ("serialisation at ports, outputs and buses", with(&|spec| spec.events.serialisation = false)),
        ("operating limits of the membrane", with(&|spec| spec.circuits.operating_limits = false)),
        ("synapses that differ", with(&|spec| spec.variation.synapse_weight_rel_std = 0.0)),
    ]
}

fn effect(without: String, with_us: f64, without_us: f64) -> EffectRow {
    let cost = with_us - without_us;
    EffectRow { without, cpu_us_per_sample: without_us, cost_us_per_sample: cost, cost_percent: 100.0 * cost / with_us }
}

fn cpu_us_per_sample(times: &Times, samples: usize) -> anyhow::Result<f64> {
    let cpu = Spread::of(&times.cpu_s);
    let cpu = cpu.ok_or_else(|| {
        anyhow::anyhow!("this system does not tell the CPU time of a process, which costs of effects need")
    })?;
    Ok(1e6 * cpu.median / samples as f64)
}

fn evaluate(job: &Job, on: &mut impl Substrate, repeat: u16) -> Result<Evaluation, ttfs::Error> {
    job.trainer.evaluate(&job.state.network, on, &job.test, PART + u32::from(repeat))
}

/// Synaptic events per sample, counted over the first samples.
fn events(job: &Job, evaluation: &Evaluation) -> f64 {
    let n = job.test.n_samples().min(COUNTED);
    let layers = evaluation.layers.iter().map(|times| times.slice(s![..n, ..]).to_owned()).collect();
    let inputs = job.test.times(0..n);
    synaptic_events::count(&job.state.network, &job.scaling, inputs.view(), &Spikes::first(layers)) as f64 / n as f64
}

/// The neuron that has the median of everything.
pub fn median_neuron(neurons: &[NeuronParameters]) -> NeuronParameters {
    let median = |of: fn(&NeuronParameters) -> f64| {
        Spread::of(&neurons.iter().map(of).collect::<Vec<_>>()).map_or(f64::NAN, |spread| spread.median)
    };
    NeuronParameters {
        v_leak_lsb: median(|p| p.v_leak_lsb),
        v_reset_lsb: median(|p| p.v_reset_lsb),
        v_threshold_lsb: median(|p| p.v_threshold_lsb),
        tau_mem_us: median(|p| p.tau_mem_us),
        tau_syn_exc_us: median(|p| p.tau_syn_exc_us),
        tau_syn_inh_us: median(|p| p.tau_syn_inh_us),
        gain_exc: median(|p| p.gain_exc),
        gain_inh: median(|p| p.gain_inh),
        refractory_us: median(|p| p.refractory_us),
        ..NeuronParameters::default()
    }
}

#[cfg(test)]
mod tests {
    use bss2_emu::spec::Preset;

    use super::*;

    #[test]
    fn every_effect_is_switched_off_alone() {
        let spec = ChipSpec::new(Preset::Bss2, 1);
        let others = switched_off(&spec);
        for (k, (name, changed)) in others.iter().enumerate() {
            assert_ne!(changed, &spec, "{name}");
            assert!(others[k + 1..].iter().all(|(_, other)| other != changed), "{name}");
        }
    }

    #[test]
    fn the_cost_of_an_effect_is_relative_to_all_effects() {
        let row = effect("jitter".into(), 50.0, 45.0);
        assert_eq!((row.cost_us_per_sample, row.cost_percent), (5.0, 10.0));
    }

    #[test]
    fn the_median_neuron_has_the_median_of_each_constant() {
        let neuron = |tau_mem_us, gain_exc| NeuronParameters { tau_mem_us, gain_exc, ..NeuronParameters::default() };
        let median = median_neuron(&[neuron(5.0, 0.3), neuron(6.0, 0.1), neuron(9.0, 0.2)]);
        assert_eq!((median.tau_mem_us, median.gain_exc), (6.0, 0.2));
        assert_eq!(median.v_leak_lsb, NeuronParameters::default().v_leak_lsb);
    }
}
