//! The way of events: time grid, event interfaces that pass one event at a time, latency, loss.

use crate::codes::EVENT_OUTPUTS;
use crate::device::{RunId, Trial};
use crate::noise::Noise;
use crate::rng::{Purpose, Stream, derive};
use crate::routing::InputChannel;
use crate::spec::EventPath;

/// Period of the event clock in us: 125 MHz.
pub const TICK_US: f64 = 0.008;

/// An event at a synapse driver.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    pub time_us: f64,
    /// Where it comes from: an input channel, a neuron, or a position in a layer's list of sources.
    pub source: u32,
}

/// Rank of an event at a time that is not negative: by time, then by source. One integer, for the sake of sorting.
pub fn order(time_us: f64, source: u32) -> u128 {
    // The sum makes a positive zero of a negative one; positive numbers are ordered as their bits are.
    u128::from((time_us + 0.0).to_bits()) << 32 | u128::from(source)
}

/// Orders arrivals in time, simultaneous ones by source.
pub fn sort(arrivals: &mut [Arrival]) {
    arrivals.sort_unstable_by_key(|a| order(a.time_us, a.source));
}

/// The same for arrivals that are nearly in order, as those that have passed an interface: by insertion, as long as they
/// have to move by a few places only.
pub fn settle(arrivals: &mut [Arrival]) {
    const MOST_MOVES: usize = 16;
    let mut moves = 0;
    for k in 1..arrivals.len() {
        let arrival = arrivals[k];
        let rank = order(arrival.time_us, arrival.source);
        let mut place = k;
        while place > 0 && order(arrivals[place - 1].time_us, arrivals[place - 1].source) > rank {
            arrivals[place] = arrivals[place - 1];
            place -= 1;
        }
        arrivals[place] = arrival;
        moves += k - place;
        if moves > MOST_MOVES * arrivals.len() {
            return sort(arrivals);
        }
    }
}

/// Time of an event on the grid, if there is one.
pub fn on_grid(path: &EventPath, time_us: f64) -> f64 {
    if path.time_grid { libm::rint(time_us / TICK_US) * TICK_US } else { time_us }
}

/// Lets events pass interfaces that take one per tick each. `events` are sorted; times are moved back where they collide.
/// `interface` tells which of up to eight an event passes.
pub fn serialise(path: &EventPath, events: &mut [Arrival], interface: impl Fn(&Arrival) -> usize) {
    if !path.serialisation {
        return;
    }
    let mut free = [f64::NEG_INFINITY; EVENT_OUTPUTS];
    for event in events {
        let free = &mut free[interface(event)];
        let tick = event.time_us / TICK_US;
        let slot = if path.time_grid { libm::rint(tick) } else { tick }.max(*free);
        event.time_us = slot * TICK_US;
        *free = slot + 1.0;
    }
}

/// Arrival of a trial's input spikes at the synapse drivers, sorted; the source is the channel.
pub fn external(
    path: &EventPath,
    inputs: &[InputChannel],
    trial: &Trial,
    chip_seed: u64,
    run: RunId,
    trial_index: usize,
) -> Vec<Arrival> {
    let mut arrivals: Vec<Arrival> = trial
        .spikes
        .iter()
        .map(|spike| Arrival { time_us: on_grid(path, spike.time_us), source: u32::from(spike.channel) })
        .collect();
    sort(&mut arrivals);
    if path.loss_probability > 0.0 {
        let seed = derive(chip_seed, u64::from(run.session));
        let mut streams: Vec<Stream> = (0..inputs.len())
            .map(|c| Stream::new(seed, Purpose::InputEvents, [run.index, trial_index as u32, c as u32]))
            .collect();
        arrivals.retain(|a| streams[a.source as usize].uniform() >= path.loss_probability);
    }
    serialise(path, &mut arrivals, |a| usize::from(inputs[a.source as usize].port));
    for arrival in &mut arrivals {
        arrival.time_us += path.latency_external_us;
    }
    settle(&mut arrivals);
    arrivals
}

/// Spikes of one neuron as they leave it: with jitter, on the grid, thinned by losses. Draws from the neuron's own stream.
pub fn emitted(path: &EventPath, noise: &Noise, stream: &mut Stream, spikes: &mut Vec<f64>) {
    for time in spikes.iter_mut() {
        if noise.spike_jitter_us_std > 0.0 {
            *time = (*time + noise.spike_jitter_us_std * stream.normal()).max(0.0);
        }
        *time = on_grid(path, *time);
    }
    if path.loss_probability > 0.0 {
        spikes.retain(|_| stream.uniform() >= path.loss_probability);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{Hemisphere, Label};
    use crate::device::InputSpike;
    use crate::routing::EventAddress;

    fn channels(ports: &[u8]) -> Vec<InputChannel> {
        let address = EventAddress { hemisphere: Hemisphere::Top, bus: 0, row_select: 0, label: Label::default() };
        ports.iter().map(|&port| InputChannel { port, address }).collect()
    }

    fn arrivals(path: &EventPath, ports: &[u8], times: &[f64]) -> Vec<f64> {
        let spikes = times.iter().enumerate().map(|(c, &time_us)| InputSpike { time_us, channel: c as u16 }).collect();
        let trial = Trial { spikes, ..Trial::default() };
        let mut out = external(path, &channels(ports), &trial, 1, RunId { session: 0, index: 0 }, 0);
        out.sort_by_key(|a| a.source);
        out.iter().map(|a| a.time_us).collect()
    }

    #[test]
    fn a_port_passes_one_event_per_tick() {
        let path = EventPath { latency_external_us: 0.0, ..EventPath::BSS2 };
        assert_eq!(arrivals(&path, &[0, 0, 0, 1], &[1.0; 4]), [125.0, 126.0, 127.0, 125.0].map(|t| t * TICK_US));
    }

    #[test]
    fn a_hundred_simultaneous_events_on_one_port_take_0_8_us() {
        let path = EventPath { latency_external_us: 0.0, ..EventPath::BSS2 };
        let times = arrivals(&path, &[2; 100], &[1.0; 100]);
        assert!((times[99] - times[0] - 99.0 * TICK_US).abs() < 1e-12);
    }

    #[test]
    fn the_ideal_path_changes_nothing() {
        let times = [0.123_456_789, 0.123_456_789, 7.0];
        assert_eq!(arrivals(&EventPath::IDEAL, &[0, 0, 0], &times), times);
    }

    #[test]
    fn losses_have_their_rate() {
        let path = EventPath { loss_probability: 0.25, ..EventPath::IDEAL };
        let lost = 4000 - arrivals(&path, &vec![0; 4000], &vec![1.0; 4000]).len();
        // Standard deviation 27; bound four times that.
        assert!((lost as f64 - 1000.0).abs() < 110.0, "{lost}");
    }

    #[test]
    fn settling_is_sorting() {
        let mut stream = Stream::new(1, Purpose::Search, [0, 0, 0]);
        for disorder in [0.0, 0.01, 0.3, 5.0] {
            let mut settled: Vec<Arrival> = (0..200)
                .map(|k| Arrival { time_us: (f64::from(k / 2) * 0.1 + disorder * stream.uniform()), source: 300 - k })
                .collect();
            let mut sorted = settled.clone();
            sorted.sort_by(|a, b| a.time_us.total_cmp(&b.time_us).then(a.source.cmp(&b.source)));
            settle(&mut settled);
            assert_eq!(settled, sorted);
        }
    }

    #[test]
    fn negative_zero_is_no_late_time() {
        assert_eq!(order(-0.0, 3), order(0.0, 3));
        assert!(order(0.0, 3) < order(0.0, 4) && order(0.0, 4) < order(f64::MIN_POSITIVE, 0));
    }
}
