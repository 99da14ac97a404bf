//! How events find their synapses: the digital configuration of the chip.
//!
//! An event travels on one of four buses of a hemisphere and carries a 5-bit row select and a 6-bit label. A synapse driver
//! at position `p` of the bus accepts it if row select and `p` agree under the driver's mask, and feeds its two rows; a
//! synapse of these rows answers if the event carries the synapse's own label. The sign of a synapse is its row's.
//!
//! A spike from outside may carry any address. Of a neuron's spike, the three upper bits of the row select are the number of
//! its event output and the bus is that number modulo 4; the eight bits below are free (`halco`: `event.h`,
//! `routing_crossbar.h`, `synapse_driver.cpp`).

mod check;
mod circuits;
mod generators;

use crate::codes::{BUSES, COLUMNS, DRIVERS, EVENT_OUTPUTS, Hemisphere, Label, NEURONS, NeuronId, ROWS};

pub use check::RoutingError;
pub use circuits::DelayPair;
pub use generators::{Background, BackgroundKind};

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
}
