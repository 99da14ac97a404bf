//! How events find their synapses: the digital configuration of the chip.
//!
//! An event travels on one of four buses of a hemisphere and carries a 5-bit row select and a 6-bit label. A synapse driver
//! at position `p` of the bus accepts it if row select and `p` agree under the driver's mask, and feeds its two rows; a
//! synapse of these rows answers if the event carries the synapse's own label. The sign of a synapse is its row's.
//!
//! A spike from outside may carry any address. Of a neuron's spike, the three upper bits of the row select are the number of
//! its event output and the bus is that number modulo 4; the eight bits below are free (`halco`: `event.h`,
//! `routing_crossbar.h`, `synapse_driver.cpp`).

use serde::{Deserialize, Serialize};

use crate::codes::{BUSES, COLUMNS, DRIVERS, EVENT_OUTPUTS, Hemisphere, Label, NEURONS, NeuronId, ROWS};

/// What the events of a row do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowMode {
    /// Nothing.
    #[default]
    Disabled,
    /// Raise the excitatory current.
    Excitatory,
    /// Raise the inhibitory current.
    Inhibitory,
}

/// Address of an event on a bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventAddress {
    /// Half of the chip.
    pub hemisphere: Hemisphere,
    /// Bus 0..4.
    pub bus: usize,
    /// Row select 0..32.
    pub row_select: u8,
    /// Synapse label.
    pub label: Label,
}

/// An input channel: where spikes sent from outside go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputChannel {
    /// Event interface 0..4 through which they enter.
    pub port: u8,
    /// Their address on chip.
    pub address: EventAddress,
}

/// Two circuits that hand on events after a delay: an axonal delay on chip.
///
/// The circuits of columns 2k and 2k + 1 of a row work together; an excitatory event at either makes the first of them send a
/// spike `2 us + code / 8 us` later. While a delay runs, further events are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelayPair {
    /// The circuit of the even column, whose event address the spikes have.
    pub neuron: NeuronId,
    /// The delay, 50..=250.
    pub code: u8,
}

impl DelayPair {
    /// Allowed codes: 8.25 to 33.25 us.
    pub const CODES: std::ops::RangeInclusive<u8> = 50..=250;

    /// The other circuit of the pair.
    pub fn partner(self) -> NeuronId {
        NeuronId::saturating(f64::from(self.neuron.get() | 1))
    }

    /// The nominal delay in us.
    pub fn delay_us(self) -> f64 {
        2.0 + f64::from(self.code) / 8.0
    }
}

/// When a background generator sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackgroundKind {
    /// Every period.
    Regular,
    /// In every period with a probability of `rate / 255`: a Poisson process in bins of a period.
    Poisson,
}

/// A background generator: source k of eight sends on bus `k mod 4` of the top (k < 4) or bottom hemisphere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Background {
    /// When it sends.
    pub kind: BackgroundKind,
    /// Period in event clock cycles of 8 ns, at least 1.
    pub period: u16,
    /// Numerator of the probability per period of a Poisson generator.
    pub rate: u8,
    /// Seed of the generator: two chips, or two runs, with equal seeds send the same.
    pub seed: u32,
    /// Row select of its events, 0..=31.
    pub row_select: u8,
    /// Label of its events.
    pub label: Label,
    /// Bits of the label that each event draws at random.
    pub mask: Label,
}

/// The digital configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// Row modes, `[hemisphere][row]`.
    pub row_modes: [Vec<RowMode>; 2],
    /// Bits of the row select that a driver compares, 0..=31, `[hemisphere][driver]`.
    pub driver_masks: [Vec<u8>; 2],
    /// Labels of the synapses, `[hemisphere][row * 256 + column]`.
    pub labels: [Vec<Label>; 2],
    /// Input channels.
    pub inputs: Vec<InputChannel>,
    /// Free address bits of each neuron's spikes; `None`: its spikes go to no synapse.
    pub neuron_addresses: Vec<Option<u8>>,
    /// Crossbar nodes from event output to the buses of a hemisphere: `[output][hemisphere]`.
    pub output_to_hemisphere: [[bool; 2]; EVENT_OUTPUTS],
    /// Circuits whose membranes are joined to one neuron, within one half (columns below or from 128); the first of each
    /// list compares with the threshold, resets all, and sends the spikes.
    pub logical_neurons: Vec<Vec<NeuronId>>,
    /// Axonal delays.
    pub delay_pairs: Vec<DelayPair>,
    /// Background generators that are on.
    pub background: [Option<Background>; 8],
}

/// A routing that breaks a rule of the chip.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoutingError {
    /// A table has the wrong size.
    #[error("routing table {what} has {found} entries, the chip needs {expected}")]
    Size {
        /// Name of the table.
        what: &'static str,
        /// Entries found.
        found: usize,
        /// Entries needed.
        expected: usize,
    },
    /// A field of an address is out of range.
    #[error("input channel {channel}: {field} {value} is out of range: allowed are 0..={max}")]
    Address {
        /// The channel.
        channel: usize,
        /// The field.
        field: &'static str,
        /// Its value.
        value: usize,
        /// Largest allowed value.
        max: usize,
    },
    /// A logical neuron or a delay pair that the chip cannot make.
    #[error("{what} {index}: circuit {neuron} {problem}")]
    Circuit {
        /// `logical neuron` or `delay pair`.
        what: &'static str,
        /// Position in its list.
        index: usize,
        /// The circuit.
        neuron: u16,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A field of a delay pair or a background generator is out of range.
    #[error("{what} {index}: {field} {value} is out of range: allowed are {min}..={max}")]
    Field {
        /// `delay pair` or `background generator`.
        what: &'static str,
        /// Position in its list.
        index: usize,
        /// The field.
        field: &'static str,
        /// Its value.
        value: u16,
        /// Smallest allowed value.
        min: u16,
        /// Largest allowed value.
        max: u16,
    },
}

/// A synapse that answers to a source of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connection {
    pub hemisphere: Hemisphere,
    pub row: usize,
    pub column: usize,
    pub inhibitory: bool,
}

impl Connection {
    pub fn target(&self) -> usize {
        self.hemisphere.index() * COLUMNS + self.column
    }

    pub fn synapse(&self) -> usize {
        self.row * COLUMNS + self.column
    }
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            row_modes: [vec![RowMode::Disabled; ROWS], vec![RowMode::Disabled; ROWS]],
            driver_masks: [vec![31; DRIVERS], vec![31; DRIVERS]],
            labels: [vec![Label::default(); ROWS * COLUMNS], vec![Label::default(); ROWS * COLUMNS]],
            inputs: Vec::new(),
            neuron_addresses: vec![None; NEURONS],
            output_to_hemisphere: [[false; 2]; EVENT_OUTPUTS],
            logical_neurons: Vec::new(),
            delay_pairs: Vec::new(),
            background: [None; 8],
        }
    }
}

impl Routing {
    /// Checks sizes and ranges.
    ///
    /// # Errors
    /// [`RoutingError`] with the table or the channel.
    pub fn check(&self) -> Result<(), RoutingError> {
        let size = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(RoutingError::Size { what, found, expected }) }
        };
        for h in 0..2 {
            size("row_modes", self.row_modes[h].len(), ROWS)?;
            size("driver_masks", self.driver_masks[h].len(), DRIVERS)?;
            size("labels", self.labels[h].len(), ROWS * COLUMNS)?;
        }
        size("neuron_addresses", self.neuron_addresses.len(), NEURONS)?;
        for (channel, input) in self.inputs.iter().enumerate() {
            let range = |field, value, max| {
                if value <= max { Ok(()) } else { Err(RoutingError::Address { channel, field, value, max }) }
            };
            range("port", input.port as usize, 3)?;
            range("bus", input.address.bus, BUSES - 1)?;
            range("row select", input.address.row_select as usize, 31)?;
        }
        self.check_circuits()?;
        let range = |what, index, field, value: u16, min: u16, max: u16| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(RoutingError::Field { what, index, field, value, min, max })
            }
        };
        for (index, pair) in self.delay_pairs.iter().enumerate() {
            let (min, max) = (*DelayPair::CODES.start(), *DelayPair::CODES.end());
            range("delay pair", index, "code", pair.code.into(), min.into(), max.into())?;
        }
        for (index, generator) in self.background.iter().enumerate() {
            if let Some(generator) = generator {
                let what = "background generator";
                range(what, index, "period", generator.period, 1, u16::MAX)?;
                range(what, index, "row select", generator.row_select.into(), 0, 31)?;
            }
        }
        Ok(())
    }

    /// Circuits are used once, and joined ones are neighbours within a half.
    fn check_circuits(&self) -> Result<(), RoutingError> {
        let mut used = [false; NEURONS];
        let mut take = |what, index, neuron: NeuronId| {
            let problem = "is used twice";
            if std::mem::replace(&mut used[neuron.index()], true) {
                Err(RoutingError::Circuit { what, index, neuron: neuron.get(), problem })
            } else {
                Ok(())
            }
        };
        for (index, circuits) in self.logical_neurons.iter().enumerate() {
            let what = "logical neuron";
            for circuit in circuits {
                take(what, index, *circuit)?;
            }
            if let Some(lonely) = unreached(circuits) {
                let problem = "is not joined to the first: joined circuits are neighbours in a row or a column, within \
                               columns 0..=127 or 128..=255";
                return Err(RoutingError::Circuit { what, index, neuron: lonely.get(), problem });
            }
        }
        for (index, pair) in self.delay_pairs.iter().enumerate() {
            let what = "delay pair";
            if pair.neuron.get() % 2 == 1 {
                let problem = "has an odd column: a pair begins at an even one";
                return Err(RoutingError::Circuit { what, index, neuron: pair.neuron.get(), problem });
            }
            take(what, index, pair.neuron)?;
            take(what, index, pair.partner())?;
        }
        Ok(())
    }

    /// Addresses that a neuron's spikes have on chip: none, or one per hemisphere.
    pub fn neuron_events(&self, neuron: NeuronId) -> impl Iterator<Item = EventAddress> + '_ {
        let output = neuron.event_output();
        let free = self.neuron_addresses[neuron.index()];
        Hemisphere::BOTH.into_iter().filter_map(move |hemisphere| {
            let free = free.filter(|_| self.output_to_hemisphere[output][hemisphere.index()])?;
            Some(EventAddress {
                hemisphere,
                bus: output % BUSES,
                row_select: (output as u8) << 2 | free >> 6,
                label: Label::saturating(f64::from(free & 63)),
            })
        })
    }

    /// All synapses that answer to an address.
    pub(crate) fn connections(&self, address: EventAddress) -> Vec<Connection> {
        let h = address.hemisphere.index();
        let mut found = Vec::new();
        for position in 0..DRIVERS / BUSES {
            let driver = position * BUSES + address.bus;
            let differing = address.row_select ^ position as u8;
            if differing & self.driver_masks[h][driver] != 0 {
                continue;
            }
            for row in [2 * driver, 2 * driver + 1] {
                let inhibitory = match self.row_modes[h][row] {
                    RowMode::Disabled => continue,
                    RowMode::Excitatory => false,
                    RowMode::Inhibitory => true,
                };
                let labels = &self.labels[h][row * COLUMNS..(row + 1) * COLUMNS];
                found.extend(
                    labels
                        .iter()
                        .enumerate()
                        .filter(|(_, label)| **label == address.label)
                        .map(|(column, _)| Connection { hemisphere: address.hemisphere, row, column, inhibitory }),
                );
            }
        }
        found
    }
}

/// A circuit that cannot be reached from the first by steps between neighbours.
fn unreached(circuits: &[NeuronId]) -> Option<NeuronId> {
    let are_neighbours = |a: NeuronId, b: NeuronId| {
        let same_half = a.column() / (COLUMNS / 2) == b.column() / (COLUMNS / 2);
        let (columns, rows) = (a.column().abs_diff(b.column()), a.hemisphere() != b.hemisphere());
        same_half && columns + usize::from(rows) == 1
    };
    let mut left: Vec<NeuronId> = circuits.iter().skip(1).copied().collect();
    let mut reached: Vec<NeuronId> = circuits.iter().take(1).copied().collect();
    while let Some(circuit) = reached.pop() {
        let (near, far): (Vec<_>, Vec<_>) = left.into_iter().partition(|c| are_neighbours(*c, circuit));
        reached.extend(near);
        left = far;
    }
    left.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_reaches_the_rows_of_its_driver_and_the_synapses_of_its_label() {
        let mut routing = Routing::default();
        routing.row_modes[1][2 * 6] = RowMode::Excitatory;
        routing.row_modes[1][2 * 6 + 1] = RowMode::Inhibitory;
        routing.labels[1][12 * COLUMNS + 9] = Label::new(5).unwrap();
        // Driver 6 sits on bus 2 at position 1.
        let address = |label| EventAddress {
            hemisphere: Hemisphere::Bottom,
            bus: 2,
            row_select: 1,
            label: Label::new(label).unwrap(),
        };
        let found = routing.connections(address(5));
        assert_eq!(found, [Connection { hemisphere: Hemisphere::Bottom, row: 12, column: 9, inhibitory: false }]);
        assert_eq!(routing.connections(address(0)).len(), 255 + 256);
        assert!(routing.connections(EventAddress { row_select: 2, ..address(5) }).is_empty());
    }

    #[test]
    fn a_neurons_event_output_fixes_bus_and_upper_address_bits() {
        let mut routing = Routing::default();
        let neuron = NeuronId::new(32 * 5 + 3).unwrap();
        routing.neuron_addresses[neuron.index()] = Some(0b10_000111);
        assert_eq!(routing.neuron_events(neuron).count(), 0);
        routing.output_to_hemisphere[5][1] = true;
        let events: Vec<_> = routing.neuron_events(neuron).collect();
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].bus, events[0].row_select, events[0].label.get()), (1, 5 * 4 + 2, 7));
    }

    #[test]
    fn a_mask_opens_a_driver_to_several_row_selects() {
        let mut routing = Routing::default();
        routing.driver_masks[0] = vec![0; DRIVERS];
        routing.row_modes[0][0] = RowMode::Excitatory;
        let any = EventAddress { hemisphere: Hemisphere::Top, bus: 0, row_select: 31, label: Label::default() };
        assert_eq!(routing.connections(any).len(), 256);
    }

    #[test]
    fn bad_addresses_are_refused() {
        let address = EventAddress { hemisphere: Hemisphere::Top, bus: 4, row_select: 0, label: Label::default() };
        let routing = Routing { inputs: vec![InputChannel { port: 0, address }], ..Routing::default() };
        assert_eq!(
            routing.check().unwrap_err().to_string(),
            "input channel 0: bus 4 is out of range: allowed are 0..=3"
        );
    }

    #[test]
    fn circuits_are_joined_to_neighbours_and_used_once() {
        let ids = |list: &[i64]| list.iter().map(|n| NeuronId::new(*n).unwrap()).collect::<Vec<_>>();
        let joined = |lists: &[&[i64]]| {
            let logical_neurons = lists.iter().map(|list| ids(list)).collect();
            Routing { logical_neurons, ..Routing::default() }.check().map_err(|e| e.to_string())
        };
        assert_eq!(joined(&[&[0, 1], &[2, 258], &[5, 6, 261, 262, 7]]), Ok(()));
        let apart = joined(&[&[3], &[10, 12]]).unwrap_err();
        assert!(apart.starts_with("logical neuron 1: circuit 12 is not joined to the first"), "{apart}");
        assert!(joined(&[&[127, 128]]).is_err());
        assert_eq!(joined(&[&[1, 2], &[2, 3]]).unwrap_err(), "logical neuron 1: circuit 2 is used twice");
    }

    #[test]
    fn delay_pairs_and_generators_keep_their_ranges() {
        let pair = |neuron, code| DelayPair { neuron: NeuronId::new(neuron).unwrap(), code };
        let with = |delay_pairs| Routing { delay_pairs, ..Routing::default() }.check().map_err(|e| e.to_string());
        assert_eq!(with(vec![pair(256, 50), pair(258, 250)]), Ok(()));
        assert_eq!(
            with(vec![pair(256, 49)]).unwrap_err(),
            "delay pair 0: code 49 is out of range: allowed are 50..=250"
        );
        assert!(with(vec![pair(257, 50)]).unwrap_err().contains("odd column"));
        assert!((pair(0, 250).delay_us() - 33.25).abs() < 1e-12);
        let mut routing = Routing::default();
        let (label, mask) = (Label::default(), Label::default());
        let kind = BackgroundKind::Regular;
        routing.background[3] = Some(Background { kind, period: 0, rate: 0, seed: 1, row_select: 0, label, mask });
        let error = routing.check().unwrap_err().to_string();
        assert_eq!(error, "background generator 3: period 0 is out of range: allowed are 1..=65535");
    }
}
