//! Why single nodes cannot run on the chip, and what would make them fit.

use super::Options;
use crate::chain::{self, Link};
use crate::digits::shown;
use crate::error::{Error, Refusal, Refusals};
use crate::flat::Flat;
use crate::graph::Node;
use crate::time_unit::TimeUnit;

/// What is wrong with a node whatever is around it.
pub(super) fn alone(node: &Node, options: &Options) -> Option<(String, String)> {
    let lifts = |leak: &[f64], threshold: &[f64]| {
        let at = chain::paired(leak, threshold).position(|(leak, threshold)| threshold <= leak)?;
        let reason = format!("the threshold of neuron {at} is not above its leak");
        Some((reason, "neurons must rest below their threshold".to_owned()))
    };
    match node {
        Node::Other { kind, shape: Some(shape) } => {
            let flat = if matches!(kind.as_str(), "Linear" | "Affine") { "weights (n_out, n_in)" } else { "a vector of neurons" };
            Some((format!("shape {shape:?}"), format!("the chip has rows and columns of synapses: flatten it to {flat}")))
        }
        Node::Other { kind, shape: None } => {
            let (reason, remedy) = other(kind);
            Some((reason.into(), remedy.into()))
        }
        Node::Input(shape) | Node::Output(shape) if shape.len() != 1 => {
            Some((format!("shape {shape:?}"), "flatten it: one number, of channels".into()))
        }
        Node::Lif(lif) => lifts(&lif.v_leak, &lif.v_threshold).or_else(|| {
            let (least, most) = (options.tau_syn_us.start(), options.tau_syn_us.end());
            options.tau_syn.is_none().then(|| {
                let reason = "it has no synapse: a spike moves the membrane at once, where the chip's synaptic currents take time";
                let remedy = format!(
                    "train it as CubaLIF with a tau_syn of {least} to {most} us (ms of biology), or give it one with --nir-tau-syn"
                );
                (reason.to_owned(), remedy)
            })
        }),
        Node::CubaLif(cuba) => lifts(&cuba.v_leak, &cuba.v_threshold),
        _ => None,
    }
}

/// Why a type of node has no place on the chip, and what helps.
fn other(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "Conv1d" | "Conv2d" => (
            "convolutions share weights, which synapses of the chip do not",
            "unroll it to a Linear (n_out, n_in), if that is small enough",
        ),
        "AvgPool2d" | "SumPool2d" => ("pooling has no synapses of its own", "multiply it into the weights behind it"),
        "Flatten" => ("it reshapes", "let the data come flat, and remove it"),
        "IF" | "I" => {
            ("without a leak", "train with CubaLIF: the chip's membranes leak (tau_mem up to 60 us, ms of biology)")
        }
        "LI" | "CubaLI" => {
            ("it does not spike", "use CubaLIF: a network here answers with the first spike of its last layer")
        }
        "Delay" => (
            "delays of NIR are not read",
            "train without delays, or here with delays (`train --set delays.kind=axonal`)",
        ),
        "Scale" => ("a scale has no place of its own", "multiply it into the weights before or behind it"),
        "Threshold" => ("it has no dynamics", "use CubaLIF"),
        _ => ("the chip has nothing like it", "remove it"),
    }
}

/// The refusal of time constants that no chip has, however fast it runs.
pub(super) fn too_far(flat: &Flat, links: &[Link], median_us: f64, unit: TimeUnit, options: &Options) -> Error {
    let (least, most) = (options.tau_syn_us.start(), options.tau_syn_us.end());
    let other = if unit == TimeUnit::Ms { TimeUnit::S } else { TimeUnit::Ms };
    let node = links.first().map(|link| link.neurons.clone()).unwrap_or_default();
    let reason = format!(
        "tau_syn is {} us (median, read in {unit}), which is not within the chip's {least}..={most} us, and not 1000 times that",
        shown(median_us)
    );
    let kind = flat.nodes.get(&node).map_or("CubaLIF", |node| node.kind()).to_owned();
    let remedy = if kind == "LIF" {
        format!("give another --nir-tau-syn, or say --nir-time-unit {other} if the file is in {other}")
    } else {
        format!("if the file is in {other}, say --nir-time-unit {other}")
    };
    Error::Refused(Refusals(vec![Refusal { node, kind, reason, remedy }]))
}
