//! The streams of events on the buses of the chip, and their numbers.

use crate::codes::{BUSES, EVENT_OUTPUTS, Hemisphere, NEURONS, NeuronId};
use crate::routing::{Background, EventAddress, Routing};

use super::background;

/// Labels that the events of one background generator can have.
const LABELS: usize = 64;
const GENERATORS: usize = 8;

/// The streams of events on the buses: input channels first, then the labels of the background generators, then, for each
/// neuron, its spikes in the top and in the bottom hemisphere. The numbers are ranks: who goes first on a bus.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    ports: Vec<u8>,
    /// Bus 0..8 of each line, top hemisphere first.
    buses: Vec<u8>,
    background: [Option<Background>; GENERATORS],
    /// The lines that each neuron's spikes reach, and how many of the two they are.
    of_neuron: Vec<([u32; 2], u8)>,
}

impl Lines {
    /// The lines of a routing.
    pub fn new(routing: &Routing) -> Self {
        let first = (routing.inputs.len() + GENERATORS * LABELS) as u32;
        let of_neuron = NeuronId::all().map(|n| {
            let mut lines: Vec<u32> = routing
                .neuron_events(n)
                .map(|address| first + 2 * u32::from(n.get()) + address.hemisphere.index() as u32)
                .collect();
            lines.sort_unstable();
            lines.dedup();
            let at = |k: usize| lines.get(k).copied().unwrap_or_default();
            ([at(0), at(1)], lines.len() as u8)
        });
        let of_inputs = routing.inputs.iter().map(|i| bus(i.address.hemisphere, i.address.bus));
        let of_background = (0..GENERATORS * LABELS).map(|k| (k / LABELS) as u8);
        let of_neurons = NeuronId::all().flat_map(|n| Hemisphere::BOTH.map(|h| bus(h, n.event_output() % BUSES)));
        Self {
            ports: routing.inputs.iter().map(|i| i.port).collect(),
            buses: of_inputs.chain(of_background).chain(of_neurons).collect(),
            background: routing.background,
            of_neuron: of_neuron.collect(),
        }
    }

    /// All lines with the addresses of their events.
    pub fn addresses(&self, routing: &Routing) -> Vec<(u32, EventAddress)> {
        let mut all: Vec<(u32, EventAddress)> =
            routing.inputs.iter().enumerate().map(|(c, input)| (c as u32, input.address)).collect();
        for (k, generator) in routing.background.iter().enumerate() {
            for label in generator.iter().flat_map(background::labels) {
                let hemisphere = Hemisphere::BOTH[k / BUSES];
                let row_select = generator.map_or(0, |g| g.row_select);
                let address = EventAddress { hemisphere, bus: k % BUSES, row_select, label };
                all.push((self.of_background(k, label.get()), address));
            }
        }
        for neuron in NeuronId::all() {
            let line = |hemisphere: Hemisphere| self.neuron(u32::from(neuron.get()), hemisphere.index());
            all.extend(routing.neuron_events(neuron).map(|address| (line(address.hemisphere), address)));
        }
        all
    }

    /// Number of all lines, those without events included.
    pub fn len(&self) -> usize {
        self.n_channels() + GENERATORS * LABELS + 2 * NEURONS
    }

    /// Number of input channels.
    pub fn n_channels(&self) -> usize {
        self.ports.len()
    }

    fn of_background(&self, generator: usize, label: u8) -> u32 {
        (self.n_channels() + generator * LABELS + usize::from(label)) as u32
    }

    fn neuron(&self, neuron: u32, hemisphere: usize) -> u32 {
        (self.n_channels() + GENERATORS * LABELS + hemisphere) as u32 + 2 * neuron
    }

    /// The neuron that a line belongs to.
    pub fn sender(&self, line: u32) -> Option<usize> {
        let before = self.n_channels() + GENERATORS * LABELS;
        (line as usize).checked_sub(before).map(|k| k / 2)
    }

    /// The lines that carry a neuron's spikes.
    pub fn of_neuron(&self, neuron: u32) -> impl Iterator<Item = u32> {
        let (lines, n) = self.of_neuron[neuron as usize];
        lines.into_iter().take(usize::from(n))
    }

    /// Whether a background generator is on.
    pub fn has_background(&self) -> bool {
        self.background.iter().any(Option::is_some)
    }

    /// Event port of an input channel.
    pub fn port(&self, channel: u32) -> u8 {
        self.ports[channel as usize]
    }

    /// Event output of a neuron.
    #[allow(clippy::unused_self, reason = "the outputs belong to the lines, even if they are the same for all")]
    pub fn output(&self, neuron: u32) -> u8 {
        (neuron as usize % (NEURONS / 2) / (NEURONS / 2 / EVENT_OUTPUTS)) as u8
    }

    /// Bus 0..8 of a line.
    pub fn bus(&self, line: u32) -> u8 {
        self.buses[line as usize]
    }

    /// Reports the events of all background generators in a trial: the tick and the line.
    pub fn background(&self, trial: usize, duration_us: f64, mut on_event: impl FnMut(u64, u32)) {
        for (k, generator) in self.background.iter().enumerate() {
            for (tick, label) in generator.iter().flat_map(|g| background::events(g, k, trial, duration_us)) {
                on_event(tick, self.of_background(k, label.get()));
            }
        }
    }
}

fn bus(hemisphere: Hemisphere, bus: usize) -> u8 {
    (hemisphere.index() * BUSES + bus) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Label;
    use crate::routing::{BackgroundKind, InputChannel};

    #[test]
    fn lines_know_their_sender_and_their_bus() {
        let label = Label::new(7).unwrap();
        let address = EventAddress { hemisphere: Hemisphere::Bottom, bus: 2, row_select: 0, label };
        let mut routing = Routing { inputs: vec![InputChannel { port: 1, address }; 3], ..Routing::default() };
        let kind = BackgroundKind::Regular;
        let mask = Label::new(0b11).unwrap();
        routing.background[5] = Some(Background { kind, period: 9, rate: 0, seed: 1, row_select: 0, label, mask });
        routing.neuron_addresses[300] = Some(0);
        routing.output_to_hemisphere[1] = [true, true];
        let lines = Lines::new(&routing);
        let all = lines.addresses(&routing);
        assert_eq!(all.len(), 3 + 4 + 2);
        for (line, address) in &all {
            assert_eq!(usize::from(lines.bus(*line)), address.hemisphere.index() * BUSES + address.bus);
            assert!((*line as usize) < lines.len());
        }
        assert_eq!(all[3..7].iter().map(|(_, a)| a.label.get()).collect::<Vec<_>>(), [4, 5, 6, 7]);
        let of_neuron: Vec<u32> = lines.of_neuron(300).collect();
        assert_eq!(of_neuron, all[7..].iter().map(|(line, _)| *line).collect::<Vec<_>>());
        assert_eq!(of_neuron.iter().map(|l| lines.sender(*l)).collect::<Vec<_>>(), [Some(300); 2]);
        assert_eq!((lines.sender(2), lines.sender(all[3].0)), (None, None));
        assert_eq!(lines.of_neuron(301).count(), 0);
    }
}
