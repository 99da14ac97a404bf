//! An emulator of the analog neuromorphic chip BrainScaleS-2.
//!
//! A [`Chip`] is drawn from a [`ChipSpec`]: every neuron and synapse of it deviates a little from the nominal, in the
//! same way for the same seed ([`variation`]), and every run of it is a little noisy ([`noise`]). It is used as one uses
//! silicon: through the [`Device`] trait, which configures, stimulates and reads, and tells nothing else. The only way to
//! the true parameters is [`Chip::reveal`], which neither calibration nor training opens.
//!
//! [`simulation`] runs networks whose neurons are given by their parameters, without a chip around them.
//!
//! Hardware units elsewhere: microseconds, potentials in CADC LSB (the chip's 8-bit converter), weights and analog
//! parameters as the integer codes that are written to the chip ([`codes`]).

pub mod agreement;
pub mod capmem;
pub mod chip;
pub mod codes;
pub mod cost;
pub mod device;
pub mod drift;
mod dynamics;
pub mod engine;
pub mod failures;
#[doc(hidden)]
pub mod kernels;
pub mod membrane;
pub mod noise;
pub mod parameters;
pub mod residual;
pub mod rng;
pub mod routing;
pub mod simulation;
pub mod spec;
pub mod synapses;
pub mod transfer;
pub mod variation;
pub mod vectors;

mod events;
mod readout;
mod relay;

pub use chip::{Chip, Truth};
pub use codes::{CapMemCode, CodeOutOfRange, Hemisphere, Label, NeuronId, WeightCode};
pub use cost::Cost;
pub use device::{
    Batch, ChipIdentity, Device, DeviceError, Experiment, FirstSpikes, InputSpike, MadcRequest, ReadoutSource, Record,
    Recording, RunId, Spike, SpikeCounter, Trial, TrialRecording,
};
pub use parameters::{CodeTable, ExtensionCodes, NeuronCodes, NeuronParameters, NeuronSetting, Refractory, Terms};
pub use spec::{ChipSpec, Problem};
