//! The steps of a calibration, and what each costs.

use std::time::{Duration, Instant};

use crate::instruments::{Bench, Counts};

/// A step of a calibration that is about to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is calibrated.
    pub name: &'static str,
    /// Number of the step, from 1.
    pub index: usize,
    /// Number of steps.
    pub of: usize,
}

const STEPS: [&str; 13] = [
    "CADC ramps and offsets",
    "synaptic time constants",
    "preparation",
    "synaptic references",
    "synapse DAC bias",
    "synaptic strengths",
    "synaptic references again",
    "membrane time constant",
    "leak, inputs disconnected",
    "reset",
    "threshold",
    "refinement",
    "final measurement",
];

/// What one routine of a calibration took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The routine, as in [`Step::name`](crate::Step::name).
    pub routine: &'static str,
    /// Runs of the device.
    pub measurements: u64,
    /// Trials in these runs.
    pub trials: u64,
    /// Time that these runs take on the chip.
    pub hardware_time: Duration,
    /// Time on the clock, of the emulator and of what is computed from its recordings.
    pub wall_time: Duration,
}

/// Announces the steps and notes what each takes.
pub(crate) struct Account<'p> {
    progress: &'p mut dyn FnMut(Step),
    costs: Vec<Cost>,
    present: Option<(&'static str, Counts, Instant)>,
}

impl<'p> Account<'p> {
    pub fn new(progress: &'p mut dyn FnMut(Step)) -> Self {
        Self { progress, costs: Vec::with_capacity(STEPS.len()), present: None }
    }

    pub fn next(&mut self, bench: &Bench<'_>) {
        self.end(bench);
        let index = self.costs.len();
        if let Some(name) = STEPS.get(index) {
            (self.progress)(Step { name, index: index + 1, of: STEPS.len() });
            self.present = Some((name, bench.counts, Instant::now()));
        }
    }

    fn end(&mut self, bench: &Bench<'_>) {
        if let Some((routine, before, began)) = self.present.take() {
            let hardware_us = bench.counts.hardware_time_us - before.hardware_time_us;
            self.costs.push(Cost {
                routine,
                measurements: (bench.counts.runs - before.runs).into(),
                trials: bench.counts.trials - before.trials,
                hardware_time: Duration::try_from_secs_f64(hardware_us * 1e-6).unwrap_or_default(),
                wall_time: began.elapsed(),
            });
        }
    }

    pub fn close(mut self, bench: &Bench<'_>) -> Vec<Cost> {
        self.end(bench);
        self.costs
    }
}
