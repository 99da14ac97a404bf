//! What a chip will do with a network that was trained elsewhere.
//!
//! A network of real-valued weights becomes one that a chip can hold in two steps. A [`Mapping`] chooses what there is to choose:
//! the time scale, what the neurons are calibrated to, and how many synapse rows a source has. An [`Expansion`] is the network that
//! follows from it: inputs in several copies, hidden neurons with twins, a neuron in the place of each bias spike behind the first layer.
//! What that costs is said by [`loss`] (weights) and [`resources`] (rows, circuits, labels, events), found best by [`search`], and seen
//! in the spikes by [`agreement`]; [`effects`] lists what can be switched off one by one to find what hurts. [`synapses`] lists
//! the result as a laboratory would write it onto a chip.
//!
//! ```
//! use deploy::{Expansion, Mapping, Trained};
//! use ndarray::array;
//! use ttfs::network::Network;
//!
//! // One input with a weight of three thresholds, and a bias spike into the second layer.
//! let network = Network::new(vec![array![[3.0, 1.0]], array![[0.5], [0.5], [0.2]]]);
//! let trained = Trained { network: &network, biases: &[Some(0.9)], threshold: 1.0, tau_mem: 1.0 };
//! let mapping = Mapping { input_copies: 4, ..Mapping::default() };
//! let expansion = Expansion::new(&trained, &mapping)?;
//! // Four rows for the input, and as many to drive the neuron that stands for the bias spike as make it fire soon.
//! assert_eq!((expansion.n_inputs(), expansion.sizes()), (12, vec![3, 1]));
//! # Ok::<(), deploy::Error>(())
//! ```

pub mod agreement;
pub mod effects;
mod error;
mod expansion;
pub mod loss;
mod mapping;
pub mod resources;
pub mod search;
pub mod synapses;

pub use error::Error;
pub use expansion::{Expansion, Origin, Trained};
pub use mapping::Mapping;
