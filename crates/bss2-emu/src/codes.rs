//! Coordinates and register codes of the chip, as types that cannot hold a value the silicon could not.
//!
//! Sizes from `halco` (`neuron.h`, `synapse.h`, `synapse_driver.h`), code ranges from `haldls` (`capmem.h`, `synapse.h`).

use serde::{Deserialize, Serialize};

/// Neuron circuits of a chip: two rows of 256.
pub const NEURONS: usize = 512;
/// Columns of a synapse array, and neurons of a row.
pub const COLUMNS: usize = 256;
/// Rows of a synapse array.
pub const ROWS: usize = 256;
/// Synapse drivers of a hemisphere; driver `i` feeds rows `2i` and `2i + 1`.
pub const DRIVERS: usize = 128;
/// Event buses (PADI) of a hemisphere; driver `i` sits on bus `i mod 4` at position `i / 4`.
pub const BUSES: usize = 4;
/// Drivers of one bus.
pub const DRIVERS_PER_BUS: usize = DRIVERS / BUSES;
/// `CapMem` quadrants: 128 neurons each.
pub const QUADRANTS: usize = 4;
/// Neuron event outputs: 32 columns of both rows each.
pub const EVENT_OUTPUTS: usize = 8;

/// A value outside the range of its register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value} is out of range: allowed are {min}..={max}")]
pub struct CodeOutOfRange {
    /// The register.
    pub what: &'static str,
    /// The value that was asked for.
    pub value: i64,
    /// Smallest allowed value.
    pub min: i64,
    /// Largest allowed value.
    pub max: i64,
}

macro_rules! ranged {
    ($(#[$doc:meta])* $name:ident, $repr:ty, $max:expr, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name($repr);

        impl $name {
            /// Largest value.
            pub const MAX: $name = $name($max);

            /// Checks the range.
            ///
            /// # Errors
            /// [`CodeOutOfRange`] names the register, the value and the allowed range.
            pub fn new(value: i64) -> Result<Self, CodeOutOfRange> {
                if (0..=i64::from(Self::MAX.0)).contains(&value) {
                    Ok(Self(value as $repr))
                } else {
                    Err(CodeOutOfRange { what: $what, value, min: 0, max: i64::from(Self::MAX.0) })
                }
            }

            /// The nearest value that the register can hold.
            pub fn saturating(value: f64) -> Self {
                Self(libm::rint(value).clamp(0.0, f64::from(Self::MAX.0)) as $repr)
            }

            /// The nearest value that the register can hold to an integer.
            pub const fn clamped(value: i64) -> Self {
                if value < 0 {
                    Self(0)
                } else if value > $max {
                    Self($max)
                } else {
                    Self(value as $repr)
                }
            }

            /// The value as an integer.
            pub const fn get(self) -> $repr {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = CodeOutOfRange;
            fn try_from(value: i64) -> Result<Self, Self::Error> {
                Self::new(value)
            }
        }

        impl From<$name> for i64 {
            fn from(code: $name) -> i64 {
                i64::from(code.0)
            }
        }
    };
}

ranged!(
    /// Code of an analog parameter cell, 0..=1022 (1023 would switch the refresh of the cell off).
    CapMemCode, u16, 1022, "CapMem code"
);
ranged!(
    /// Weight of a synapse, 0..=63; its sign belongs to the row.
    WeightCode, u8, 63, "weight code"
);
ranged!(
    /// Label of a synapse or an event, 0..=63: a synapse answers to events of its own label only.
    Label, u8, 63, "synapse label"
);
ranged!(
    /// A neuron circuit in `AtomicNeuron` order: 0..=255 top row, 256..=511 bottom row.
    NeuronId, u16, 511, "neuron"
);

impl WeightCode {
    /// A signed code as the weight of a synapse that is there for one sign: 0 for the other, 63 at most.
    pub const fn positive_part(code: i8) -> Self {
        let code = if code < 0 { 0 } else { code as u8 };
        Self(if code > Self::MAX.0 { Self::MAX.0 } else { code })
    }
}

impl NeuronId {
    /// All 512 neurons in order.
    pub fn all() -> impl Iterator<Item = NeuronId> {
        (0..NEURONS as u16).map(NeuronId)
    }

    /// The neuron at a position in arrays of 512.
    pub(crate) const fn from_index(index: u16) -> Self {
        assert!(index < NEURONS as u16);
        Self(index)
    }

    /// Position in arrays of 512.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The row of neurons, and with it the synapse array, that the circuit belongs to.
    pub const fn hemisphere(self) -> Hemisphere {
        if (self.0 as usize) < COLUMNS { Hemisphere::Top } else { Hemisphere::Bottom }
    }

    /// Column 0..256 within the hemisphere.
    pub const fn column(self) -> usize {
        self.0 as usize % COLUMNS
    }

    /// `CapMem` quadrant 0..4: left and right half of the top row, then of the bottom row.
    pub const fn quadrant(self) -> usize {
        self.0 as usize / (NEURONS / QUADRANTS)
    }

    /// Event output 0..8 that carries the spikes: 32 columns of both rows share one.
    pub const fn event_output(self) -> usize {
        self.column() / (COLUMNS / EVENT_OUTPUTS)
    }

    /// The neuron at a column of a hemisphere.
    ///
    /// # Errors
    /// [`CodeOutOfRange`] for a column above 255.
    pub fn at(hemisphere: Hemisphere, column: usize) -> Result<Self, CodeOutOfRange> {
        if column < COLUMNS {
            Ok(Self((hemisphere.index() * COLUMNS + column) as u16))
        } else {
            Err(CodeOutOfRange { what: "neuron column", value: column as i64, min: 0, max: COLUMNS as i64 - 1 })
        }
    }
}

/// Upper or lower half of the chip: a row of 256 neurons with its own array of 256 x 256 synapses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hemisphere {
    /// Neurons 0..=255.
    Top,
    /// Neurons 256..=511.
    Bottom,
}

impl Hemisphere {
    /// Both, top first.
    pub const BOTH: [Hemisphere; 2] = [Hemisphere::Top, Hemisphere::Bottom];

    /// 0 or 1.
    pub const fn index(self) -> usize {
        match self {
            Hemisphere::Top => 0,
            Hemisphere::Bottom => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_their_range() {
        assert_eq!(CapMemCode::new(1022).unwrap().get(), 1022);
        let error = CapMemCode::new(1023).unwrap_err();
        assert_eq!(error.to_string(), "CapMem code 1023 is out of range: allowed are 0..=1022");
        assert!(WeightCode::new(-1).is_err());
        assert_eq!(WeightCode::saturating(63.4), WeightCode::MAX);
        assert_eq!(Label::saturating(-3.0).get(), 0);
    }

    #[test]
    fn neurons_know_their_place() {
        let n = NeuronId::new(300).unwrap();
        assert_eq!((n.hemisphere(), n.column(), n.quadrant(), n.event_output()), (Hemisphere::Bottom, 44, 2, 1));
        assert_eq!(NeuronId::at(Hemisphere::Bottom, 44).unwrap(), n);
        assert!(NeuronId::at(Hemisphere::Top, 256).is_err());
        assert_eq!(NeuronId::all().count(), NEURONS);
    }

    #[test]
    fn a_code_out_of_range_is_refused_by_serde() {
        assert!(serde_json::from_str::<WeightCode>("64").is_err());
        assert_eq!(serde_json::from_str::<WeightCode>("63").unwrap(), WeightCode::MAX);
    }
}
