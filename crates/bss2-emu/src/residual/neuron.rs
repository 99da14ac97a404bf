//! How far one neuron is from what it was set to, and tables of that for the neurons of a chip.

use serde::{Deserialize, Serialize};

use crate::codes::{COLUMNS, Hemisphere, NEURONS, NeuronId, ROWS};
use crate::parameters::NeuronParameters;
use crate::variation::Deviations;

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
    /// A factor on a synapse that is none, or a synapse that no chip has.
    #[error(
        "synapse in row {row}, column {column}: factor {factor} is not allowed; expected a number in 0..=100, rows and columns below 256"
    )]
    Synapse {
        /// Row of its array.
        row: usize,
        /// Column.
        column: usize,
        /// The value found.
        factor: f64,
    },
    /// An error of a delay beyond what a delay pair can be off.
    #[error("delay pair of neuron {neuron}: an error of {error_us} us is not allowed; expected a number in -100..=100")]
    DelayPair {
        /// Index of the neuron.
        neuron: usize,
        /// The value found.
        error_us: f64,
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

/// A factor on one synapse, in the place of a drawn one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SynapseResidual {
    /// Half of the chip.
    pub hemisphere: Hemisphere,
    /// Row of its array, 0..256.
    pub row: usize,
    /// Column, 0..256.
    pub column: usize,
    /// Factor on what is written to it, 0..=100.
    pub factor: f64,
}

/// Residuals of all 512 neurons of a chip, checked; of single synapses and delay pairs, too, where they are known.
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
pub struct ResidualTable {
    neurons: Vec<NeuronResidual>,
    synapses: Vec<SynapseResidual>,
    delay_pairs: Vec<(NeuronId, f64)>,
}

impl ResidualTable {
    /// Checks the entries, one per neuron in `AtomicNeuron` order. Synapses and delay pairs are drawn.
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
        Ok(Self { neurons, synapses: Vec::new(), delay_pairs: Vec::new() })
    }

    /// With factors of single synapses; all others are drawn.
    ///
    /// # Errors
    /// [`ResidualTableError::Synapse`] for places that no chip has and factors outside 0..=100.
    pub fn with_synapses(self, synapses: Vec<SynapseResidual>) -> Result<Self, ResidualTableError> {
        let is_bad = |s: &&SynapseResidual| s.row >= ROWS || s.column >= COLUMNS || !(0.0..=100.0).contains(&s.factor);
        match synapses.iter().find(is_bad) {
            Some(&SynapseResidual { row, column, factor, .. }) => {
                Err(ResidualTableError::Synapse { row, column, factor })
            }
            None => Ok(Self { synapses, ..self }),
        }
    }

    /// With errors in us of the delays that the circuits of some neurons make; all others are drawn.
    ///
    /// # Errors
    /// [`ResidualTableError::DelayPair`] for errors outside -100..=100.
    pub fn with_delay_pairs(self, delay_pairs: Vec<(NeuronId, f64)>) -> Result<Self, ResidualTableError> {
        match delay_pairs.iter().find(|(_, error_us)| !(-100.0..=100.0).contains(error_us)) {
            Some((neuron, error_us)) => {
                Err(ResidualTableError::DelayPair { neuron: neuron.index(), error_us: *error_us })
            }
            None => Ok(Self { delay_pairs, ..self }),
        }
    }

    /// The entries, one per neuron.
    pub fn neurons(&self) -> &[NeuronResidual] {
        &self.neurons
    }

    /// Synapses whose factors are given.
    pub fn synapses(&self) -> &[SynapseResidual] {
        &self.synapses
    }

    /// Delay pairs whose errors in us are given.
    pub fn delay_pairs(&self) -> &[(NeuronId, f64)] {
        &self.delay_pairs
    }

    /// Puts what is given in the place of what was drawn.
    pub(crate) fn overwrite(&self, deviations: &mut Deviations) {
        for synapse in &self.synapses {
            let place = synapse.row * COLUMNS + synapse.column;
            deviations.synapses.factors[synapse.hemisphere.index()][place] = synapse.factor as f32;
        }
        for (neuron, error_us) in &self.delay_pairs {
            deviations.delay_pair_us[neuron.index()] = *error_us;
        }
    }

    /// A short digest of the values.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (column, residual) in self.neurons.iter().flat_map(|r| ResidualColumn::ALL.map(|column| (column, r))) {
            hasher.update(column.name.as_bytes());
            hasher.update(&column.get(residual).to_le_bytes());
        }
        for synapse in &self.synapses {
            let place = [synapse.hemisphere.index(), synapse.row, synapse.column].map(|n| n as u16);
            for n in place {
                hasher.update(&n.to_le_bytes());
            }
            hasher.update(&synapse.factor.to_le_bytes());
        }
        for (neuron, error_us) in &self.delay_pairs {
            hasher.update(&(neuron.index() as u16).to_le_bytes());
            hasher.update(&error_us.to_le_bytes());
        }
        hasher.finalize().to_hex()[..12].to_owned()
    }
}
