//! Why a network cannot be mapped.

use bss2_emu::Problem;

/// What is wrong with a mapping, or with a network for it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Values of a mapping that no chip can have.
    #[error("the mapping cannot be used: {}", listed(.0))]
    Mapping(Vec<Problem>),
    /// A network with delays.
    #[error("the network has delays, which a mapping does not move; `bss2 infer` runs a network as it was trained")]
    Delays,
    /// A bias spike behind the second layer.
    #[error(
        "layer {layer} has a bias spike: a neuron of layer {} would have to make it, and only neurons of the first layer can be driven \
         at a fixed time; retrain without it, or with bias spikes into the first two layers alone",
        .layer - 1
    )]
    Bias {
        /// Layer, counted from 1.
        layer: usize,
    },
    /// A bias spike that comes too early to be made by a neuron.
    #[error(
        "the bias spike of layer 2 at {time} tau_syn is too early: a neuron with {rows} rows of the largest weight takes {needed:.3} \
         tau_syn to make it; more rows (bias_rows) or a smaller threshold make it faster"
    )]
    EarlyBias {
        /// When it is due.
        time: f64,
        /// Rows that drive the neuron.
        rows: usize,
        /// What the neuron takes; infinite if it never fires.
        needed: f64,
    },
    /// Shapes or units of the network.
    #[error(transparent)]
    Network(#[from] ttfs::Error),
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
