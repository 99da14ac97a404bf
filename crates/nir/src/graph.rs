//! A graph as its file has it.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;

/// Nodes and the edges between them.
///
/// A graph may contain graphs; [`import`](mod@crate::import) takes them apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// The nodes by name.
    pub nodes: BTreeMap<String, Node>,
    /// From node to node, in the order of the file.
    pub edges: Vec<(String, String)>,
    /// What programs say about the graph beside NIR; nothing may depend on it.
    pub metadata: BTreeMap<String, Metadata>,
}

/// A value of the metadata. Arrays and groups are not read.
#[derive(Debug, Clone, PartialEq)]
pub enum Metadata {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
}

/// A node.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Where data come in, with their shape.
    Input(Vec<u64>),
    /// Where results go out, with their shape.
    Output(Vec<u64>),
    /// `y = W x`, weights `(n_out, n_in)`.
    Linear(Array2<f64>),
    /// `y = W x + b`.
    Affine {
        /// `W`, `(n_out, n_in)`.
        weight: Array2<f64>,
        /// `b`, `(n_out)`.
        bias: Vec<f64>,
    },
    /// Neurons with synapses.
    CubaLif(CubaLif),
    /// Neurons without synapses.
    Lif(Lif),
    /// A graph of its own.
    Graph(Graph),
    /// A node of NIR that this program recognises and has no neuron or synapse for.
    Other {
        /// The type by its name in the file.
        kind: String,
        /// Shape of its parameters, where only the shape is the obstacle.
        shape: Option<Vec<u64>>,
    },
}

/// Parameters of leaky integrate-and-fire neurons with exponential synapses: one value for each neuron, or one for all.
///
/// ```text
/// tau_syn dI/dt = -I + w_in S       tau_mem dv/dt = (v_leak - v) + r I       spike where v > v_threshold, then v = v_reset
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CubaLif {
    /// Synaptic time constants, in the file's unit of time.
    pub tau_syn: Vec<f64>,
    /// Membrane time constants, in the file's unit of time.
    pub tau_mem: Vec<f64>,
    /// Resistances.
    pub r: Vec<f64>,
    /// Potentials at rest.
    pub v_leak: Vec<f64>,
    /// Thresholds.
    pub v_threshold: Vec<f64>,
    /// Potentials after a spike; 0 where the file has none.
    pub v_reset: Vec<f64>,
    /// Factors of the input; 1 where the file has none.
    pub w_in: Vec<f64>,
}

/// Parameters of leaky integrate-and-fire neurons whose membranes take the input directly.
///
/// ```text
/// tau dv/dt = (v_leak - v) + r I        spike where v > v_threshold, then v = v_reset
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lif {
    /// Membrane time constants, in the file's unit of time.
    pub tau: Vec<f64>,
    /// Resistances.
    pub r: Vec<f64>,
    /// Potentials at rest.
    pub v_leak: Vec<f64>,
    /// Thresholds.
    pub v_threshold: Vec<f64>,
    /// Potentials after a spike; 0 where the file has none.
    pub v_reset: Vec<f64>,
}

impl Node {
    /// Its type, by the name that files use.
    pub fn kind(&self) -> &str {
        match self {
            Self::Input(_) => "Input",
            Self::Output(_) => "Output",
            Self::Linear(_) => "Linear",
            Self::Affine { .. } => "Affine",
            Self::CubaLif(_) => "CubaLIF",
            Self::Lif(_) => "LIF",
            Self::Graph(_) => "NIRGraph",
            Self::Other { kind, .. } => kind,
        }
    }
}

impl Graph {
    /// What is wrong with the edges, if anything: an end that is no node, or the same edge twice.
    pub(crate) fn edge_problem(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        for (from, to) in &self.edges {
            for end in [from, to] {
                if !self.nodes.contains_key(end) {
                    let names: Vec<&str> = self.nodes.keys().take(20).map(String::as_str).collect();
                    return Some(format!(
                        "the edge {from:?} -> {to:?} names {end:?}, which is no node; nodes are {}",
                        names.join(", ")
                    ));
                }
            }
            if !seen.insert((from, to)) {
                return Some(format!("the edge {from:?} -> {to:?} is there twice; each may be there once"));
            }
        }
        None
    }
}
