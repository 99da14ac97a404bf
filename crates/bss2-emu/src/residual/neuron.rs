//! How far one neuron is from what it was set to, and tables of that for the neurons of a chip.

use serde::{Deserialize, Serialize};

use crate::codes::NEURONS;
use crate::parameters::NeuronParameters;

/// How far one neuron is from what it was set to: offsets in CADC LSB, factors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NeuronResidual {
    /// Added to the leak, in LSB.
    pub v_leak_lsb: f64,
    /// Added to the reset, in LSB.
    pub v_reset_lsb: f64,
    /// Added to the threshold, in LSB.
    pub v_threshold_lsb: f64,
    /// Factor on the membrane time constant.
    pub tau_mem: f64,
    /// Factor on the excitatory time constant.
    pub tau_syn_exc: f64,
    /// Factor on the inhibitory time constant.
    pub tau_syn_inh: f64,
    /// Factor on the excitatory strength.
    pub gain_exc: f64,
    /// Factor on the inhibitory strength.
    pub gain_inh: f64,
    /// Added to what the neuron's CADC channel reads, in LSB.
    pub cadc_offset_lsb: f64,
}

impl NeuronResidual {
    /// A neuron that is what it was set to.
    pub const NONE: Self = Self {
        v_leak_lsb: 0.0,
        v_reset_lsb: 0.0,
        v_threshold_lsb: 0.0,
        tau_mem: 1.0,
        tau_syn_exc: 1.0,
        tau_syn_inh: 1.0,
        gain_exc: 1.0,
        gain_inh: 1.0,
        cadc_offset_lsb: 0.0,
    };

    /// The parameters of a neuron that was set to `p`.
    pub fn applied_to(&self, p: &NeuronParameters) -> NeuronParameters {
        NeuronParameters {
            v_leak_lsb: p.v_leak_lsb + self.v_leak_lsb,
            v_reset_lsb: p.v_reset_lsb + self.v_reset_lsb,
            v_threshold_lsb: p.v_threshold_lsb + self.v_threshold_lsb,
            tau_mem_us: p.tau_mem_us * self.tau_mem,
            tau_syn_exc_us: p.tau_syn_exc_us * self.tau_syn_exc,
            tau_syn_inh_us: p.tau_syn_inh_us * self.tau_syn_inh,
            gain_exc: p.gain_exc * self.gain_exc,
            gain_inh: p.gain_inh * self.gain_inh,
            ..*p
        }
    }
}

impl Default for NeuronResidual {
    fn default() -> Self {
        Self::NONE
    }
}

/// A column of a table of residuals: its name, what it holds for a neuron that is as it was set, and where its values go.
#[derive(Debug, Clone, Copy)]
pub struct ResidualColumn {
    /// Name in files.
    pub name: &'static str,
    /// Value without effect, taken where a table lacks the column.
    pub neutral: f64,
    /// Allowed values, both ends included.
    pub range: (f64, f64),
    read: fn(&NeuronResidual) -> f64,
    write: fn(&mut NeuronResidual, f64),
}

macro_rules! columns {
    ($($name:ident: $least:literal..=$most:literal),* $(,)?) => {
        [$(ResidualColumn {
            name: stringify!($name),
            neutral: NeuronResidual::NONE.$name,
            range: ($least, $most),
            read: |r| r.$name,
            write: |r, value| r.$name = value,
        }),*]
    };
}

impl ResidualColumn {
    /// All columns.
    pub const ALL: [Self; 9] = columns! {
        v_leak_lsb: -255.0..=255.0,
        v_reset_lsb: -255.0..=255.0,
        v_threshold_lsb: -255.0..=255.0,
        tau_mem: 0.01..=100.0,
        tau_syn_exc: 0.01..=100.0,
        tau_syn_inh: 0.01..=100.0,
        gain_exc: 0.0..=100.0,
        gain_inh: 0.0..=100.0,
        cadc_offset_lsb: -255.0..=255.0,
    };

    /// The value in one neuron's entry.
    pub fn get(&self, residual: &NeuronResidual) -> f64 {
        (self.read)(residual)
    }

    /// Writes the value in one neuron's entry.
    pub fn set(&self, residual: &mut NeuronResidual, value: f64) {
        (self.write)(residual, value);
    }
}

/// Why a table of residuals is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResidualTableError {
    /// Not one entry per neuron.
    #[error("a table of residuals has {found} entries; expected one for each of the {NEURONS} neurons")]
    WrongLength {
        /// Entries found.
        found: usize,
    },
    /// A value outside its range.
    #[error("neuron {neuron}: {column} = {value} is not allowed; expected a number in {}..={}", .range.0, .range.1)]
    OutOfRange {
        /// The neuron.
        neuron: usize,
        /// The column.
        column: &'static str,
        /// The value found.
        value: f64,
        /// What is allowed.
        range: (f64, f64),
    },
}

/// Residuals of all 512 neurons of a chip, checked.
///
/// ```
/// use bss2_emu::residual::{NeuronResidual, ResidualTable};
/// let mut neurons = vec![NeuronResidual::NONE; 512];
/// neurons[7].gain_exc = 1.06;
/// assert!(ResidualTable::new(neurons.clone()).is_ok());
/// neurons[7].tau_mem = -1.0;
/// let error = ResidualTable::new(neurons).unwrap_err();
/// assert_eq!(error.to_string(), "neuron 7: tau_mem = -1 is not allowed; expected a number in 0.01..=100");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ResidualTable(Vec<NeuronResidual>);

impl ResidualTable {
    /// Checks the entries, one per neuron in `AtomicNeuron` order.
    ///
    /// # Errors
    /// [`ResidualTableError`] for a wrong number of entries and for values outside the ranges of [`ResidualColumn::ALL`].
    pub fn new(neurons: Vec<NeuronResidual>) -> Result<Self, ResidualTableError> {
        if neurons.len() != NEURONS {
            return Err(ResidualTableError::WrongLength { found: neurons.len() });
        }
        for (neuron, residual) in neurons.iter().enumerate() {
            for column in ResidualColumn::ALL {
                let (value, range) = (column.get(residual), column.range);
                if !(range.0..=range.1).contains(&value) {
                    return Err(ResidualTableError::OutOfRange { neuron, column: column.name, value, range });
                }
            }
        }
        Ok(Self(neurons))
    }

    /// The entries, one per neuron.
    pub fn neurons(&self) -> &[NeuronResidual] {
        &self.0
    }

    /// A short digest of the values.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (column, residual) in self.0.iter().flat_map(|r| ResidualColumn::ALL.map(|column| (column, r))) {
            hasher.update(column.name.as_bytes());
            hasher.update(&column.get(residual).to_le_bytes());
        }
        hasher.finalize().to_hex()[..12].to_owned()
    }
}
