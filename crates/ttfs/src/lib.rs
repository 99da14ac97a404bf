//! Time-to-first-spike networks: data and their encoding as spike times, exact spike times of ideal neurons, exact
//! gradients of measured spike times, and the rules that turn them into better weights.
//!
//! Everything here lives in *model world*: time in units of the synaptic time constant, real-valued weights, potentials
//! above the leak. A neuron that does not spike has the spike time `+inf`; `NaN` never stands for anything.

#![allow(clippy::needless_pass_by_value, reason = "array views are two words and meant to be passed by value")]

pub mod biased;
pub mod bumping;
pub mod data;
pub mod encoding;
mod error;
mod exponential;
pub mod gradient;
pub mod ideal_fast;
pub mod in_passes;
pub mod loss;
pub mod network;
pub mod neuron;
pub mod on_device;
pub mod optimiser;
pub mod perturbed;
pub mod placement;
pub mod samples;
pub mod scaling;
pub mod substrate;
pub mod synaptic_events;
pub mod train;
mod wide;

pub use error::Error;
