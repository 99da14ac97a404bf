//! The way of events: from outside and from neurons, over interfaces that pass one event at a time, to the synapses.
//!
//! An input spike enters through one of four ports, a neuron's spike leaves through one of eight event outputs, and both
//! reach their synapses on one of the eight buses. Each of these passes one event per tick ([`arbiter`]). The streams of events
//! on the buses are the [`Lines`]: their numbers say who goes first.

pub(crate) mod arbiter;
pub(crate) mod background;
pub(crate) mod express;
mod lines;

use arbiter::{Arbiter, Claim};
pub use lines::Lines;

use crate::codes::NeuronId;
use crate::device::{RunId, Spike, Trial};
use crate::noise::Noise;
use crate::rng::{Purpose, Stream, derive};
use crate::spec::EventPath;

/// Period of the event clock in us: 125 MHz.
pub const TICK_US: f64 = 0.008;

/// Jitter is cut off at this many standard deviations.
pub const LARGEST_JITTER: f64 = 4.0;

/// An event at its synapses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    pub time_us: f64,
    /// Where it comes from: a line, or a position in a layer's list of lines.
    pub source: u32,
}

/// A spike that has left its neuron.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Emitted {
    /// Its time stamp.
    pub time_us: f64,
    /// When the membrane reached the threshold: nothing comes of the spike before that.
    pub crossed_us: f64,
    pub neuron: u32,
}

impl Emitted {
    /// As it is recorded.
    pub fn stamp(&self) -> Spike {
        Spike { time_us: self.time_us, neuron: NeuronId::saturating(f64::from(self.neuron)) }
    }
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

/// Number of the tick nearest to a time.
pub fn tick(time_us: f64) -> u64 {
    libm::rint(time_us / TICK_US) as u64
}

/// Time of a tick.
pub fn time_of(tick: u64) -> f64 {
    tick as f64 * TICK_US
}

/// The tick at which a spike with this time stamp wants to be on the buses.
pub fn tick_on_bus(path: &EventPath, sent: u64, crossed_us: f64) -> u64 {
    (sent + tick(path.latency_internal_us)).max(libm::ceil(crossed_us / TICK_US) as u64)
}

/// When a spike reaches its synapses if it does not wait for buses.
pub fn at_synapses(path: &EventPath, spike: &Emitted) -> f64 {
    if path.time_grid {
        time_of(tick_on_bus(path, tick(spike.time_us), spike.crossed_us))
    } else {
        (spike.time_us + path.latency_internal_us).max(spike.crossed_us)
    }
}

/// The time at which a spike leaves its neuron: with jitter, on the grid; `None` if it is lost. Draws from the neuron's own
/// stream.
pub fn emit(path: &EventPath, noise: &Noise, stream: &mut Stream, crossed_us: f64) -> Option<f64> {
    let mut time = crossed_us;
    if noise.spike_jitter_us_std > 0.0 {
        let jitter = stream.normal().clamp(-LARGEST_JITTER, LARGEST_JITTER);
        time = (time + noise.spike_jitter_us_std * jitter).max(0.0);
    }
    let lost = path.loss_probability > 0.0 && stream.uniform() < path.loss_probability;
    (!lost).then(|| if path.time_grid { time_of(tick(time)) } else { time })
}

/// The events of a trial on their way.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    ports: Arbiter,
    outputs: Arbiter,
    /// Top hemisphere first.
    pub buses: Arbiter,
    claims: Vec<Claim>,
}

/// Which trial of which chip: addresses the losses of input spikes.
#[derive(Debug, Clone, Copy)]
pub struct TrialAddress {
    pub chip_seed: u64,
    pub run: RunId,
    pub trial: usize,
}

impl Traffic {
    /// Begins a trial: `arrivals` becomes its input spikes and background events at their synapses, sorted.
    pub fn external(
        &mut self,
        path: &EventPath,
        lines: &Lines,
        (trial, duration_us): (&Trial, f64),
        address: TrialAddress,
        arrivals: &mut Vec<Arrival>,
    ) {
        for arbiter in [&mut self.ports, &mut self.outputs, &mut self.buses] {
            arbiter.clear();
        }
        arrivals.clear();
        arrivals.extend(trial.spikes.iter().map(|s| {
            let time_us = if path.time_grid { time_of(tick(s.time_us)) } else { s.time_us };
            Arrival { time_us, source: u32::from(s.channel) }
        }));
        sort(arrivals);
        if path.loss_probability > 0.0 {
            lose(path.loss_probability, lines.n_channels(), address, arrivals);
        }
        if path.serialisation {
            self.claims.clear();
            self.claims.extend(arrivals.iter().map(|a| Claim {
                tick: tick(a.time_us),
                rank: a.source,
                interface: lines.port(a.source),
            }));
            self.ports.pass(&mut self.claims);
            for claim in &mut self.claims {
                claim.tick += tick(path.latency_external_us);
                claim.interface = lines.bus(claim.rank);
            }
            lines.background(address.trial, duration_us, |sent, line| {
                let tick = sent + tick(path.latency_internal_us);
                self.claims.push(Claim { tick, rank: line, interface: lines.bus(line) });
            });
            arrivals.clear();
            self.over_the_buses(arrivals);
        } else {
            let latency = |us: f64| if path.time_grid { time_of(tick(us)) } else { us };
            for arrival in arrivals.iter_mut() {
                arrival.time_us += latency(path.latency_external_us);
            }
            lines.background(address.trial, duration_us, |sent, source| {
                arrivals.push(Arrival { time_us: time_of(sent) + latency(path.latency_internal_us), source });
            });
            settle(arrivals);
        }
    }

    /// Lets the spikes of neurons out and onto the chip: `emitted` gets its final time stamps and is sorted, `arrivals` is
    /// extended by the events at their synapses. The neurons of one call have no effect on each other.
    pub fn internal(&mut self, path: &EventPath, lines: &Lines, emitted: &mut [Emitted], arrivals: &mut Vec<Arrival>) {
        emitted.sort_unstable_by_key(|e| order(e.time_us, e.neuron));
        if !path.serialisation {
            for spike in emitted.iter() {
                let time_us = at_synapses(path, spike);
                arrivals.extend(lines.of_neuron(spike.neuron).map(|source| Arrival { time_us, source }));
            }
            return;
        }
        self.claims.clear();
        self.claims.extend(emitted.iter().map(|e| Claim {
            tick: tick(e.time_us),
            rank: e.neuron,
            interface: lines.output(e.neuron),
        }));
        self.outputs.pass(&mut self.claims);
        for (spike, claim) in emitted.iter_mut().zip(&self.claims) {
            spike.time_us = time_of(claim.tick);
        }
        emitted.sort_unstable_by_key(|e| order(e.time_us, e.neuron));
        self.claims.clear();
        for spike in emitted.iter() {
            let tick = tick_on_bus(path, tick(spike.time_us), spike.crossed_us);
            let claim = |line| Claim { tick, rank: line, interface: lines.bus(line) };
            self.claims.extend(lines.of_neuron(spike.neuron).map(claim));
        }
        self.over_the_buses(arrivals);
    }

    /// Lets the claims pass their buses.
    fn over_the_buses(&mut self, arrivals: &mut Vec<Arrival>) {
        self.claims.sort_unstable_by_key(|c| u128::from(c.tick) << 32 | u128::from(c.rank));
        self.buses.pass(&mut self.claims);
        let first = arrivals.len();
        arrivals.extend(self.claims.iter().map(|c| Arrival { time_us: time_of(c.tick), source: c.rank }));
        settle(&mut arrivals[first..]);
    }
}

/// Takes out the input spikes that are lost on their way.
fn lose(probability: f64, n_channels: usize, address: TrialAddress, arrivals: &mut Vec<Arrival>) {
    let TrialAddress { chip_seed, run, trial } = address;
    let seed = derive(chip_seed, u64::from(run.session));
    let mut streams: Vec<Stream> =
        (0..n_channels).map(|c| Stream::new(seed, Purpose::InputEvents, [run.index, trial as u32, c as u32])).collect();
    arrivals.retain(|a| streams[a.source as usize].uniform() >= probability);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{Hemisphere, Label};
    use crate::device::InputSpike;
    use crate::routing::{EventAddress, InputChannel, Routing};

    fn routing(ports: &[u8]) -> Routing {
        let inputs = ports.iter().map(|&port| {
            // Every channel has the bus of its port.
            let address =
                EventAddress { hemisphere: Hemisphere::Top, bus: port.into(), row_select: 0, label: Label::default() };
            InputChannel { port, address }
        });
        Routing { inputs: inputs.collect(), ..Routing::default() }
    }

    fn arrivals(path: &EventPath, ports: &[u8], times: &[f64]) -> Vec<f64> {
        let spikes = times.iter().enumerate().map(|(c, &time_us)| InputSpike { time_us, channel: c as u16 }).collect();
        let trial = Trial { spikes, ..Trial::default() };
        let mut out = Vec::new();
        let address = TrialAddress { chip_seed: 1, run: RunId { session: 0, index: 0 }, trial: 0 };
        let lines = Lines::new(&routing(ports));
        Traffic::default().external(path, &lines, (&trial, 100.0), address, &mut out);
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
