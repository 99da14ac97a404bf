//! Recordings of trials as arrays.

use bss2_emu::TrialRecording;
use ndarray::Array2;

/// Times `(n_samples, n_events)` padded with inf, and numbers of neurons padded with -1.
pub fn padded(recorded: &[TrialRecording], number: &[i64]) -> (Array2<f64>, Array2<i64>) {
    let events: Vec<Vec<(f64, i64)>> = recorded
        .iter()
        .map(|trial| {
            let events = trial.spikes.iter().map(|spike| (spike.time_us, number[spike.neuron.index()]));
            events.filter(|(_, number)| *number >= 0).collect()
        })
        .collect();
    let width = events.iter().map(Vec::len).max().unwrap_or(0);
    let mut times = Array2::from_elem((events.len(), width), f64::INFINITY);
    let mut numbers = Array2::from_elem((events.len(), width), -1);
    for (sample, events) in events.iter().enumerate() {
        for (n, (time, number)) in events.iter().enumerate() {
            times[[sample, n]] = *time;
            numbers[[sample, n]] = *number;
        }
    }
    (times, numbers)
}

/// MADC samples `(n_samples, n_values)`.
pub fn traces(recorded: &[TrialRecording]) -> Array2<u16> {
    let width = recorded.iter().map(|trial| trial.madc.len()).max().unwrap_or(0);
    let mut traces = Array2::zeros((recorded.len(), width));
    for (mut row, trial) in traces.rows_mut().into_iter().zip(recorded) {
        row.iter_mut().zip(&trial.madc).for_each(|(value, sample)| *value = *sample);
    }
    traces
}
