//! A trial on its way through the layers.

use crate::chip::run::{Run, count};
use crate::codes::NeuronId;
use crate::device::{InputSpike, Spike, TrialRecording};
use crate::engine::course::Course;
use crate::engine::fast::kernel::Stride;
use crate::engine::fast::tables::LONGEST_STEP;
use crate::events::express::{Express, Key, Passed, tick};
use crate::events::{Arrival, Emitted, TICK_US, time_of};

use super::blocks::tick_after;
use super::{FastLayer, NONE};

/// A trial on its way through the layers. Its lists are kept from trial to trial.
#[derive(Default)]
pub struct OnItsWay {
    pub index: usize,
    passed: Passed,
    /// All events so far that the present layer or one behind it wants, sorted.
    arrivals: Vec<Key>,
    /// When the first events reach the layer, and the steps from there.
    pub start: u32,
    pub strides: Vec<Stride>,
    /// Spikes of the present layer.
    pub spikes: Vec<Key>,
    pub recording: TrialRecording,
}

impl OnItsWay {
    /// Begins a trial with its input spikes; `first` is the layer it comes to first.
    pub fn begin(
        &mut self,
        run: &Run<'_>,
        (index, spikes): (usize, &[InputSpike]),
        express: &mut Express,
        first: Option<&FastLayer>,
    ) {
        self.index = index;
        let way = (&run.chip.spec.events, &run.chip.wiring.lines);
        if let Some(first) = first {
            express.external(way, spikes, &first.onwards, (&mut self.passed, &mut self.arrivals));
        }
    }

    /// Finds the events that reach a layer within the trial.
    pub fn look_at(&mut self, layer: &FastLayer, duration_us: f64) {
        self.spikes.clear();
        // The last tick that is not after the end.
        let end = (0..=1).rev().map(|k| tick(duration_us) + k).find(|t| f64::from(*t) * TICK_US <= duration_us);
        let arrives = |key: &&Key| layer.position_of_line[key.line() as usize] != NONE;
        let Some(first) = self.arrivals.iter().find(arrives) else { return self.strides.clear() };
        self.start = first.tick();
        let span = self.arrivals.last().map_or(0, |last| last.tick() - self.start);
        // Room for all, so that there is nothing to ask for on the way.
        let blank = Stride { ticks: LONGEST_STEP, line: layer.n_lines };
        self.strides.clear();
        self.strides.resize(self.arrivals.len() + (span / LONGEST_STEP) as usize, blank);
        let (mut n, mut last) = (0, self.start);
        for key in &self.arrivals {
            let (tick, line) = (key.tick(), layer.position_of_line[key.line() as usize]);
            if end.is_none_or(|end| tick > end) {
                break;
            }
            if line == NONE {
                continue;
            }
            let mut ticks = tick - last;
            last = tick;
            while ticks > LONGEST_STEP {
                ticks -= LONGEST_STEP;
                n += 1;
            }
            self.strides[n] = Stride { ticks, line };
            n += 1;
        }
        self.strides.truncate(n);
    }

    /// Brings the spikes of a layer to their synapses in the layers behind; they have their final ticks then.
    pub fn pass_on(&mut self, run: &Run<'_>, express: &mut Express, behind: Option<&FastLayer>) {
        let way = (&run.chip.spec.events, &run.chip.wiring.lines);
        let behind = behind.map(|layer| &layer.onwards);
        express.internal(way, &mut self.spikes, behind, (&mut self.passed, &mut self.arrivals));
    }

    /// Records the spikes of a layer.
    pub fn record(&mut self) {
        self.recording.spikes.extend(self.spikes.iter().map(|key| Spike {
            time_us: time_of(u64::from(key.tick())),
            neuron: NeuronId::from_index(key.neuron() as u16),
        }));
    }

    /// Notes the first spikes of a layer: when, for each place that a neuron has, and how many came after the first.
    pub fn note(&self, place_of_neuron: &[u16], times_us: &mut [f64], repeats: &mut [u64]) {
        for key in &self.spikes {
            let place = usize::from(place_of_neuron[key.neuron() as usize]);
            if let Some(first) = times_us.get_mut(place) {
                repeats[place] += u64::from(first.is_finite());
                *first = first.min(time_of(u64::from(key.tick())));
            }
        }
    }

    /// Integrates one neuron over a trial as the layered engine does.
    #[cold]
    pub fn by_the_reference(&mut self, run: &Run<'_>, place: usize) {
        let prepared = &run.neurons[place];
        let arrivals: Vec<Arrival> = self
            .arrivals
            .iter()
            .map(|key| Arrival { time_us: time_of(u64::from(key.tick())), source: key.line() })
            .collect();
        let mut personal = run.personal(self.index, prepared);
        let course = Course {
            arrivals: &arrivals,
            jumps: run.chip.jumps(prepared.index),
            resets_us: &[],
            samples: &[],
            duration_us: run.experiment.duration_us,
        };
        let (mut spikes, emitted) = (0, &mut self.spikes);
        course.run(
            &personal.body,
            personal.threshold,
            |_, _, _| (),
            |time| {
                spikes += 1;
                run.fired(prepared, (time, spikes, personal.base), &mut personal.stream, |spike: Emitted| {
                    emitted.push(Key::spike(tick(spike.time_us), spike.neuron, tick_after(spike.crossed_us)));
                })
            },
        );
        count(&mut self.recording, prepared.index, spikes);
    }
}
