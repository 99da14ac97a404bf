//! The seam that everything hangs on: what an instrument on a laboratory bench can do with a chip.
//!
//! A [`Device`] is configured (analog codes, routing, synapse weights), stimulated with the spike trains of many trials,
//! and read (spikes with time stamps, CADC samples, an MADC trace). Nothing else leaves it. Calibration and training are
//! written against this trait, so that a real chip behind somebody's driver can stand in for the emulated one.

mod batch;
mod interruptible;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::codes::{CodeOutOfRange, Hemisphere, NeuronId, WeightCode};
use crate::parameters::NeuronSetting;
use crate::routing::{Routing, RoutingError};

pub use batch::{Batch, FirstSpikes};
pub use interruptible::Interruptible;

/// Sampling interval of the MADC: 500 MHz / 17.
pub const MADC_INTERVAL_US: f64 = 17.0 / 500.0;
/// The first samples of an MADC trace are not valid.
pub const MADC_INVALID_US: f64 = 8.0;

/// Which chip this is: tables measured on one chip are refused by another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChipIdentity(pub String);

impl fmt::Display for ChipIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which run this is. It addresses the temporal noise of an emulated chip, so that a run can be repeated exactly or
/// resumed in the middle of a series; a real chip takes no notice of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunId {
    /// A series of runs that belong together (one training, one calibration).
    pub session: u32,
    /// Position in the series; neighbouring runs share slow noise.
    pub index: u32,
}

/// A spike sent to the chip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputSpike {
    /// Time in us from the start of the trial.
    pub time_us: f64,
    /// Input channel, an index into [`Routing::inputs`].
    pub channel: u16,
}

/// What the MADC looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadoutSource {
    /// The membrane potential.
    Membrane,
    /// The excitatory synaptic input (proportional to its current).
    ExcitatoryInput,
    /// The inhibitory synaptic input.
    InhibitoryInput,
    /// The adaptation current.
    Adaptation,
}

/// An MADC recording over the whole trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadcRequest {
    /// The neuron.
    pub neuron: NeuronId,
    /// The node of its circuit.
    pub source: ReadoutSource,
}

/// One trial: it starts with all membranes at rest and no synaptic current.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trial {
    /// Spikes sent to the chip, in any order.
    pub spikes: Vec<InputSpike>,
    /// Times in us at which every neuron's reset is triggered by hand.
    pub resets_us: Vec<f64>,
    /// MADC recording.
    pub madc: Option<MadcRequest>,
}

/// What is read in every trial.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// Times in us at which all 512 CADC channels are sampled.
    pub cadc_times_us: Vec<f64>,
    /// Whether the spike counters of all neurons are read at the end of a trial.
    pub spike_counters: bool,
}

/// The spike counter of a neuron at the end of a trial: it counts to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpikeCounter {
    /// Spikes, modulo 256.
    pub count: u8,
    /// Whether there were more than 255.
    pub overflow: bool,
}

/// A run: many independent trials of equal length.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// Address of the temporal noise.
    pub run: RunId,
    /// Length of a trial in us.
    pub duration_us: f64,
    /// The trials.
    pub trials: Vec<Trial>,
    /// What is read.
    pub record: Record,
}

/// A recorded spike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spike {
    /// Time stamp in us.
    pub time_us: f64,
    /// The neuron that fired.
    pub neuron: NeuronId,
}

/// What one trial left behind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrialRecording {
    /// Spikes of all neurons, by time, then neuron.
    pub spikes: Vec<Spike>,
    /// CADC samples, one row of 512 per sampling time.
    pub cadc: Vec<Vec<u8>>,
    /// MADC trace, one sample per [`MADC_INTERVAL_US`]; 10 bit.
    pub madc: Vec<u16>,
    /// Spike counters of all 512 neurons, if they were asked for.
    pub counters: Vec<SpikeCounter>,
}

/// What a run left behind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recording {
    /// One entry per trial.
    pub trials: Vec<TrialRecording>,
    /// Time the run takes on the chip, in us.
    pub hardware_time_us: f64,
}

/// A row of synapse weights to write.
#[derive(Debug, Clone, PartialEq)]
pub struct RowWrite {
    /// Synapse array.
    pub hemisphere: Hemisphere,
    /// Row 0..256.
    pub row: usize,
    /// First column.
    pub first_column: usize,
    /// Weights from that column on.
    pub weights: Vec<WeightCode>,
}

/// Why a device refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// A value does not fit its register.
    #[error(transparent)]
    Code(#[from] CodeOutOfRange),
    /// The routing cannot be configured.
    #[error(transparent)]
    Routing(#[from] RoutingError),
    /// A table has the wrong number of entries.
    #[error("{what}: {found} entries, the chip has {expected}")]
    WrongLength {
        /// The table.
        what: &'static str,
        /// Entries found.
        found: usize,
        /// Entries needed.
        expected: usize,
    },
    /// A synapse write leaves the array.
    #[error("synapse row {row}, columns {first}..{end}: the array has 256 rows and 256 columns")]
    OutsideArray {
        /// Row of the write.
        row: usize,
        /// First column.
        first: usize,
        /// Column after the last.
        end: usize,
    },
    /// Somebody asked for the work to end ([`Interruptible`]).
    #[error("interrupted")]
    Interrupted,
    /// The device cannot be set this way.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A neuron parameter makes no sense.
    #[error("neuron {neuron}: {parameter} = {value} is not {expected}")]
    Parameter {
        /// The neuron.
        neuron: usize,
        /// Name of the parameter.
        parameter: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// The connections contain a loop, which the layered engine cannot run.
    #[error(
        "neuron {neuron} reaches itself through its connections: the layered engine runs feed-forward networks only"
    )]
    Recurrent {
        /// A neuron on the loop.
        neuron: usize,
    },
    /// A time lies outside the trial.
    #[error("{what}: {time_us} us is not allowed; expected a time in 0..={limit_us} us")]
    Time {
        /// Which time.
        what: &'static str,
        /// Its value.
        time_us: f64,
        /// The latest allowed.
        limit_us: f64,
    },
    /// An input spike is not a valid event.
    #[error("trial {trial}: input spike on channel {channel} at {time_us} us is not valid: {expected}")]
    InputSpike {
        /// The trial.
        trial: usize,
        /// Channel of the spike.
        channel: u16,
        /// Time of the spike.
        time_us: f64,
        /// What was expected.
        expected: &'static str,
    },
}

/// A BrainScaleS-2 chip, real or emulated.
pub trait Device {
    /// Which chip this is.
    fn identity(&self) -> &ChipIdentity;

    /// Writes the analog configuration.
    ///
    /// # Errors
    /// If the setting has the wrong size or cannot be applied to this device.
    fn configure(&mut self, setting: &NeuronSetting) -> Result<(), DeviceError>;

    /// Writes the digital configuration: row modes, labels, addresses. All weights become zero.
    ///
    /// # Errors
    /// If the routing breaks a rule of the chip.
    fn connect(&mut self, routing: &Routing) -> Result<(), DeviceError>;

    /// Writes synapse weights.
    ///
    /// # Errors
    /// If a write leaves the array.
    fn write_weights(&mut self, rows: &[RowWrite]) -> Result<(), DeviceError>;

    /// Runs trials and reads them out.
    ///
    /// # Errors
    /// If an input spike is not valid or the device cannot run the present configuration.
    fn run(&mut self, experiment: &Experiment) -> Result<Recording, DeviceError>;

    /// Runs trials of which the first spikes of some neurons are wanted alone. What `out` held before is lost.
    ///
    /// The same as [`Self::run`] and a search through its recordings, which is what a device does that knows nothing better.
    ///
    /// # Errors
    /// As [`Self::run`].
    fn first_spikes(&mut self, batch: &Batch<'_>, out: &mut FirstSpikes) -> Result<(), DeviceError> {
        batch.by_recording(self, out)
    }
}

/// A device that is lent.
impl<D: Device + ?Sized> Device for &mut D {
    fn identity(&self) -> &ChipIdentity {
        (**self).identity()
    }

    fn configure(&mut self, setting: &NeuronSetting) -> Result<(), DeviceError> {
        (**self).configure(setting)
    }

    fn connect(&mut self, routing: &Routing) -> Result<(), DeviceError> {
        (**self).connect(routing)
    }

    fn write_weights(&mut self, rows: &[RowWrite]) -> Result<(), DeviceError> {
        (**self).write_weights(rows)
    }

    fn run(&mut self, experiment: &Experiment) -> Result<Recording, DeviceError> {
        (**self).run(experiment)
    }

    fn first_spikes(&mut self, batch: &Batch<'_>, out: &mut FirstSpikes) -> Result<(), DeviceError> {
        (**self).first_spikes(batch, out)
    }
}
