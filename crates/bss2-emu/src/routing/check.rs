//! What a routing must keep to.

use super::circuits::unreached;
use super::{DelayPair, Routing};
use crate::codes::{BUSES, COLUMNS, DRIVERS, NEURONS, NeuronId, ROWS};

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
}

#[cfg(test)]
mod tests {
    use super::super::*;

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
