//! Twins of real chips: what was recorded of one, a model of it with parameters, and the fit of one to the other.
//!
//! | module | content |
//! |---|---|
//! | [`recording`] | samples, codes, measured spikes, and their file |
//! | [`profile`] | the parametrised model: gains, latencies, time constants, delays, synapses |
//! | [`population`] | how chips differ, as the fit expects it |
//! | [`fit`] | the staged fit, and what each ingredient explains |
//! | [`score`] | how far a model is from what was measured |
//! | [`smoother`] | a ceiling without any model |
//! | [`trajectory`] | the chip at other weights |
//! | [`emulation`], [`mod@file`] | a fitted chip as an emulated one, and its file |
//! | [`trials`], [`noise`] | what its noise does, and how large it is |
//! | [`census`] | whether random chips could have made a recording |
//! | [`silence`] | when neurons stay silent |

#![allow(clippy::needless_pass_by_value, reason = "array views are two words and meant to be passed by value")]

pub mod census;
pub mod emulation;
pub mod file;
pub mod fit;
pub mod noise;
pub mod npz_text;
pub mod population;
pub mod profile;
pub mod recording;
pub mod score;
pub mod silence;
pub mod smoother;
pub mod trajectory;
pub mod trials;

mod error;
mod response;

pub use emulation::Twin;
pub use error::TwinError;
pub use profile::Profile;
pub use recording::Recording;
