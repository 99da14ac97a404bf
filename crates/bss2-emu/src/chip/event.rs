//! A trial of any network, from event to event: the reference.
//!
//! A queue holds what is due, in a total order: time; then, at one time, spikes before interfaces that pass an event, before
//! buses, before deliveries to synapses, before resets, before looks at the neurons; then number. A spike waits for its event
//! output until no other spike can want the same tick any more (jitter may bring one in later than its crossing), then for its
//! bus. The cost of a spike grows with the number of its synapses.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::run::{Personal, Readout, Run, Workspace, count};
use super::{Chip, Engine};
use crate::codes::{BUSES, EVENT_OUTPUTS, NEURONS};
use crate::device::{DeviceError, MADC_INTERVAL_US, TrialRecording};
use crate::dynamics::Body;
use crate::engine::course::Sample;
use crate::engine::event::Time;
use crate::engine::neuron::Neuron;
use crate::events::{Emitted, LARGEST_JITTER, TICK_US, Traffic, at_synapses, tick, tick_on_bus, time_of};
use crate::rng::Stream;

/// Refuses what only the layered engine could run: an event that may have to be at its synapses before all are known that want
/// to go first.
pub fn check(chip: &Chip, engine: Engine) -> Result<(), DeviceError> {
    let (events, noise) = (&chip.spec.events, &chip.spec.noise);
    let talks = (0..NEURONS as u32).any(|n| chip.wiring.lines.of_neuron(n).next().is_some());
    if engine == Engine::Event
        && talks
        && events.serialisation
        && events.latency_internal_us < latest_decision(noise.spike_jitter_us_std)
    {
        return Err(DeviceError::Unsupported(
            "neurons that send to synapses need an events.latency_internal_us of at least four times \
             noise.spike_jitter_us_std and a tick (8 ns), or events.serialisation = false: the order of their events is \
             not known earlier",
        ));
    }
    Ok(())
}

/// How long after a tick it is known which spikes want it, in us.
fn latest_decision(jitter_us_std: f64) -> f64 {
    LARGEST_JITTER * jitter_us_std + TICK_US
}

/// In the order in which they happen at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// A neuron, by its place in the run, fires or looks further ahead.
    Due { place: usize, version: u64 },
    /// An event output passes the first of those that wait for a tick.
    Output { output: u8, tick: u64 },
    /// A bus passes the first of those that wait for a tick.
    Bus { bus: u8, tick: u64 },
    /// The events of a line reach their synapses.
    Delivery { line: u32 },
    /// The reset of all neurons is forced.
    Reset,
    /// The CADC takes a row of samples.
    Cadc { row: usize },
    /// The MADC takes a sample.
    Madc { place: usize },
}

/// Those that wait at an interface that passes one per tick.
#[derive(Debug, Clone)]
struct Queue<T> {
    /// The tick that each wants, its rank, and what it is.
    waiting: Vec<(u64, u32, T)>,
    /// The tick after the last that has passed one.
    free: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: Vec::new(), free: 0 }
    }
}

impl<T> Queue<T> {
    /// Lets the first pass that waits for this tick: the lowest rank, of one rank the earliest. Nobody passes twice.
    fn pass(&mut self, tick: u64) -> Option<T> {
        if tick < self.free {
            return None;
        }
        let eligible = self.waiting.iter().enumerate().filter(|(_, (wanted, ..))| *wanted <= tick);
        let (k, _) = eligible.min_by_key(|(_, (wanted, rank, _))| (*rank, *wanted))?;
        self.free = tick + 1;
        Some(self.waiting.remove(k).2)
    }

    /// Whether somebody still waits who wanted this tick or an earlier one.
    fn is_crowded(&self, tick: u64) -> bool {
        self.waiting.iter().any(|(wanted, ..)| *wanted <= tick)
    }
}

/// One trial on its way.
struct Trial<'a, 'r> {
    run: &'r Run<'a>,
    neurons: Vec<Neuron<'r>>,
    versions: Vec<u64>,
    streams: Vec<Stream>,
    /// Thresholds without the noise that is fresh for each spike.
    bases: Vec<f64>,
    counts: Vec<u32>,
    readouts: Vec<Readout<'a>>,
    queue: BinaryHeap<Reverse<(Time, Happening)>>,
    traffic: &'r Traffic,
    outputs: [Queue<Emitted>; EVENT_OUTPUTS],
    buses: [Queue<u32>; 2 * BUSES],
    /// How long after a tick it is known which spikes want it, in us.
    decision_us: f64,
    /// Place, line, input and jump of what arrives at one time; kept between deliveries.
    arriving: Vec<(usize, u32, u16, f64)>,
    recording: &'r mut TrialRecording,
}

/// Runs a trial.
pub fn trial(run: &Run<'_>, index: usize, workspace: &mut Workspace, recording: &mut TrialRecording) {
    run.external(index, workspace);
    let personal: Vec<Personal<'_>> = run.neurons.iter().map(|n| run.personal(index, n)).collect();
    let readouts = run.neurons.iter().zip(&personal).map(|(n, p)| run.readout(index, n, p.rest_lsb)).collect();
    let duration = run.experiment.duration_us;
    let mut trial = Trial {
        run,
        neurons: personal.iter().map(|p| neuron(&p.body, p.threshold, duration)).collect(),
        versions: vec![0; personal.len()],
        streams: personal.iter().map(|p| p.stream.clone()).collect(),
        bases: personal.iter().map(|p| p.base).collect(),
        counts: vec![0; personal.len()],
        readouts,
        queue: BinaryHeap::new(),
        traffic: &workspace.traffic,
        outputs: Default::default(),
        buses: Default::default(),
        decision_us: latest_decision(run.chip.spec.noise.spike_jitter_us_std) - 0.5 * TICK_US,
        arriving: Vec::new(),
        recording,
    };
    for arrival in &workspace.arrivals {
        trial.push(arrival.time_us, Happening::Delivery { line: arrival.source });
    }
    for time in &workspace.resets {
        trial.push(*time, Happening::Reset);
    }
    for (row, time) in run.experiment.record.cadc_times_us.iter().enumerate() {
        trial.push(*time, Happening::Cadc { row });
    }
    let observed = (0..run.neurons.len()).find(|p| run.madc_circuit(index, &run.neurons[*p]).is_some());
    if let Some(place) = observed {
        for k in 0..(duration / MADC_INTERVAL_US) as usize {
            trial.push(k as f64 * MADC_INTERVAL_US, Happening::Madc { place });
        }
    }
    for place in 0..trial.neurons.len() {
        trial.predict(place);
    }
    trial.go();
    for (prepared, spikes) in run.neurons.iter().zip(&trial.counts) {
        count(trial.recording, prepared.index, *spikes);
    }
}

fn neuron(body: &Body, threshold: f64, duration_us: f64) -> Neuron<'_> {
    let mut neuron = Neuron::new(body, duration_us);
    neuron.set_threshold(0.0, threshold);
    neuron
}

impl Trial<'_, '_> {
    fn push(&mut self, time: f64, happening: Happening) {
        self.queue.push(Reverse((Time(time), happening)));
    }

    fn go(&mut self) {
        let duration = self.run.experiment.duration_us;
        while let Some(Reverse((Time(time), happening))) = self.queue.pop() {
            match happening {
                Happening::Due { place, version } => {
                    if version == self.versions[place] {
                        self.due(time, place);
                    }
                }
                Happening::Output { output, tick } => self.output(output, tick),
                Happening::Bus { bus, tick } => self.bus(bus, tick),
                // Only spikes on their way out outlive the trial.
                _ if time > duration => (),
                Happening::Delivery { line } => self.deliver(time, line),
                Happening::Reset => {
                    for place in 0..self.neurons.len() {
                        self.neurons[place].force_reset(time);
                        self.predict(place);
                    }
                }
                Happening::Cadc { row } => {
                    for place in 0..self.neurons.len() {
                        self.look(time, place, Sample::Cadc(row));
                    }
                }
                Happening::Madc { place } => self.look(time, place, Sample::Madc),
            }
        }
    }

    /// Queues what a neuron does next and makes its earlier entries void.
    fn predict(&mut self, place: usize) {
        self.versions[place] += 1;
        let time = self.neurons[place].due();
        if time < f64::INFINITY {
            self.push(time, Happening::Due { place, version: self.versions[place] });
        }
    }

    fn look(&mut self, time: f64, place: usize, sample: Sample) {
        let view = self.neurons[place].view_at(time);
        self.readouts[place].take(time, view, sample, self.recording);
    }

    fn due(&mut self, time: f64, place: usize) {
        if self.neurons[place].proceed() {
            self.counts[place] += 1;
            let prepared = &self.run.neurons[place];
            let spike = (time, self.counts[place], self.bases[place]);
            let mut emitted = None;
            let threshold = self.run.fired(prepared, spike, &mut self.streams[place], |spike| emitted = Some(spike));
            self.neurons[place].set_threshold(time, threshold);
            if let Some(spike) = emitted {
                self.send(spike);
            }
        }
        self.predict(place);
    }

    /// A spike has left its neuron.
    fn send(&mut self, spike: Emitted) {
        let (path, lines) = (&self.run.chip.spec.events, &self.run.chip.wiring.lines);
        if path.serialisation {
            let output = lines.output(spike.neuron);
            let wanted = tick(spike.time_us);
            self.outputs[usize::from(output)].waiting.push((wanted, spike.neuron, spike));
            self.push(self.decision_on(wanted), Happening::Output { output, tick: wanted });
        } else {
            self.recording.spikes.push(spike.stamp());
            for line in lines.of_neuron(spike.neuron) {
                self.push(at_synapses(path, &spike), Happening::Delivery { line });
            }
        }
    }

    /// When all spikes are known that want a tick.
    fn decision_on(&self, tick: u64) -> f64 {
        time_of(tick) + self.decision_us
    }

    fn output(&mut self, output: u8, tick: u64) {
        let queue = &mut self.outputs[usize::from(output)];
        let Some(mut spike) = queue.pass(tick) else { return };
        if queue.is_crowded(tick) {
            self.push(self.decision_on(tick + 1), Happening::Output { output, tick: tick + 1 });
        }
        spike.time_us = time_of(tick);
        self.recording.spikes.push(spike.stamp());
        let (path, lines) = (&self.run.chip.spec.events, &self.run.chip.wiring.lines);
        let wanted = tick_on_bus(path, tick, spike.crossed_us);
        for line in lines.of_neuron(spike.neuron) {
            let bus = lines.bus(line);
            self.buses[usize::from(bus)].waiting.push((wanted, line, line));
            self.open(bus, wanted);
        }
    }

    /// Lets a bus pass something at the first tick from `tick` on that input and background events leave free.
    fn open(&mut self, bus: u8, tick: u64) {
        let tick = self.traffic.buses.first_free(bus, tick);
        self.push(time_of(tick), Happening::Bus { bus, tick });
    }

    fn bus(&mut self, bus: u8, tick: u64) {
        let queue = &mut self.buses[usize::from(bus)];
        let Some(line) = queue.pass(tick) else { return };
        if queue.is_crowded(tick) {
            self.open(bus, tick + 1);
        }
        self.push(time_of(tick), Happening::Delivery { line });
    }

    /// Delivers the events of a line together with all others of the same time.
    fn deliver(&mut self, time: f64, first: u32) {
        let mut arriving = std::mem::take(&mut self.arriving);
        arriving.clear();
        let mut next = Some(first);
        while let Some(line) = next {
            let targets = &self.run.targets[line as usize];
            arriving.extend(targets.iter().map(|t| (t.place as usize, line, t.input, t.size)));
            next = match self.queue.peek() {
                Some(Reverse((Time(t), Happening::Delivery { line }))) if *t == time => Some(*line),
                _ => None,
            };
            if next.is_some() {
                self.queue.pop();
            }
        }
        arriving.sort_by_key(|(place, line, input, _)| (*place, *line, *input));
        for together in arriving.chunk_by(|a, b| a.0 == b.0) {
            let place = together[0].0;
            self.neurons[place].receive(time, together.iter().map(|(_, _, input, jump)| (usize::from(*input), *jump)));
            self.predict(place);
        }
        self.arriving = arriving;
    }
}
