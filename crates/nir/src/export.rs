//! A network as a graph.

use std::collections::BTreeMap;

use ndarray::{Array2, Axis, concatenate, s};
use ttfs::network::Network;
use ttfs::scaling::Scaling;

use crate::Error;
use crate::biases::BIAS_TIMES;
use crate::graph::{CubaLif, Graph, Metadata, Node};
use crate::import::{SPIKE, TIME_UNIT};
use crate::spike::Spike;
use crate::time_unit::TimeUnit;

/// Turns a network into a graph of `Linear` and `CubaLIF`, in milliseconds of hardware time.
///
/// The numbers are chosen such that they mean the same to the letter of NIR and to tools (jaxsnn) that add weights to the
/// synaptic current and ignore `w_in`:
///
/// ```text
/// tau_syn = us_per_time/1000     tau_mem = tau_syn times that of the model     w_in = tau_syn     r = tau_mem/tau_syn
/// v_leak = v_reset = 0           v_threshold = threshold                       weight (n_out, n_in): those of the network, f64
/// ```
/// `biases`: times in `tau_syn` of bias spikes of the layers after the first, as in [`Biased`](ttfs::biased::Biased). NIR has no
/// such thing: each becomes one more channel of the input, behind the others, with weights of its own into its layer; the times
/// are `bias_times` of the metadata.
///
/// # Errors
/// [`Error::NoPlace`] for a network with delays.
pub fn export(network: &Network, scaling: &Scaling, biases: &[Option<f64>]) -> Result<Graph, Error> {
    if network.has_delays() {
        let remedy = "keep the network as .npz, or train without delays";
        return Err(Error::NoPlace { what: "trained delays: other tools do not read its delays", remedy });
    }
    let model = scaling.model();
    let tau_syn = scaling.us_per_time / TimeUnit::Ms.us();
    let tau_mem = model.tau_mem * tau_syn;
    let times: Vec<f64> = biases.iter().flatten().copied().collect();
    let n_inputs = network.weights.first().map_or(0, Array2::nrows);
    let n_channels = n_inputs + times.len();
    let mut graph = Graph::default();
    graph.nodes.insert("input".into(), Node::Input(vec![n_channels as u64]));
    let mut source = "input".to_owned();
    let mut channel = n_inputs;
    for (number, weights) in network.weights.iter().enumerate() {
        let (fc, lif) = (format!("fc{}", number + 1), format!("lif{}", number + 1));
        let has_bias = number > 0 && biases.get(number - 1).is_some_and(Option::is_some);
        let n_sources = weights.nrows() - usize::from(has_bias);
        let mut own = weights.slice(s![..n_sources, ..]).t().to_owned();
        if number == 0 && n_channels > n_inputs {
            let silent = Array2::zeros((own.nrows(), n_channels - n_inputs));
            own = concatenate(Axis(1), &[own.view(), silent.view()]).map_err(|e| Error::Encoding(e.to_string()))?;
        }
        graph.nodes.insert(fc.clone(), Node::Linear(own));
        graph.edges.push((source, fc.clone()));
        graph.edges.push((fc, lif.clone()));
        let n = weights.ncols();
        if has_bias {
            let mut from_input = Array2::zeros((n, n_channels));
            from_input.column_mut(channel).assign(&weights.row(n_sources));
            channel += 1;
            let name = format!("bias{}", number + 1);
            graph.nodes.insert(name.clone(), Node::Linear(from_input));
            graph.edges.push(("input".into(), name.clone()));
            graph.edges.push((name, lif.clone()));
        }
        let neurons = CubaLif {
            tau_syn: vec![tau_syn; n],
            tau_mem: vec![tau_mem; n],
            r: vec![tau_mem / tau_syn; n],
            v_leak: vec![0.0; n],
            v_threshold: vec![model.threshold; n],
            v_reset: vec![0.0; n],
            w_in: vec![tau_syn; n],
        };
        graph.nodes.insert(lif.clone(), Node::CubaLif(neurons));
        source = lif;
    }
    let n_outputs = network.weights.last().map_or(0, Array2::ncols);
    graph.nodes.insert("output".into(), Node::Output(vec![n_outputs as u64]));
    graph.edges.push((source, "output".into()));
    let text = |value: &dyn std::fmt::Display| Metadata::Text(value.to_string());
    graph.metadata = BTreeMap::from([
        ("generator".to_owned(), text(&concat!("bss2 ", env!("CARGO_PKG_VERSION")))),
        (TIME_UNIT.to_owned(), text(&TimeUnit::Ms)),
        (SPIKE.to_owned(), text(&Spike::Delta)),
    ]);
    if !times.is_empty() {
        let list: Vec<String> = times.iter().map(ToString::to_string).collect();
        graph.metadata.insert(BIAS_TIMES.into(), text(&list.join(" ")));
    }
    Ok(graph)
}
