//! Networks in the Neuromorphic Intermediate Representation (NIR): files that Norse, snnTorch, Rockpool, Sinabs, hxtorch,
//! jaxsnn and others exchange.
//!
//! [`Graph::read`] and [`Graph::encode`] are the file (HDF5 as `nir` 1.0.8 lays it out), [`import`] turns a graph into layers of
//! weights with the constants of each neuron and says node by node what cannot run on the chip, [`export`](mod@export) does the reverse.
//!
//! Source of the format: Pedersen et al., Nature Communications 15 (2024), doi 10.1038/s41467-024-52259-9, and the Python package
//! `nir` 1.0.8.

mod biases;
mod chain;
mod digits;
mod error;
pub mod export;
mod flat;
mod graph;
pub mod import;
mod read;
mod spike;
mod time_unit;
mod write;

pub use biases::WithBiases;
pub use error::{Error, Refusal, Refusals};
pub use graph::{CubaLif, Graph, Lif, Metadata, Node};
pub use spike::Spike;
pub use time_unit::TimeUnit;
