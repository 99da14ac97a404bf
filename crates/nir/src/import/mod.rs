//! A graph as layers that this program can run, or the reasons why it cannot, node by node.

mod refusals;

use std::ops::RangeInclusive;

use ndarray::Array2;
use ttfs::network::Network;

use crate::chain::{self, Link};
use crate::digits::shown;
use crate::error::{Error, Refusal, Refusals};
use crate::flat::Flat;
use crate::graph::{CubaLif, Graph, Metadata, Node};
use crate::spike::Spike;
pub use crate::time_unit::Guess;
use crate::time_unit::TimeUnit;
use refusals::{alone, too_far};

/// Key of the metadata that names the unit of time.
pub const TIME_UNIT: &str = "time_unit";
/// Key of the metadata that says what a spike is.
pub const SPIKE: &str = "spike";
/// Factors that differ from 1 by less are 1: what is left of multiplying and dividing by the same numbers.
const ROUNDING: f64 = 1e-12;
/// Neurons of one network have constants that differ by less, relative to each other: files have single precision.
const EQUAL: f64 = 1e-5;
/// Speed-up of the chip over biology.
const SPEED_UP: f64 = 1e3;

/// What a file does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Unit of the time constants (`--nir-time-unit`); guessed if absent.
    pub time_unit: Option<TimeUnit>,
    /// What a spike is (`--nir-spike`); guessed if absent.
    pub spike: Option<Spike>,
    /// Gives neurons without synapses this synaptic time constant, in the file's unit (`--nir-tau-syn`). A spike keeps its charge;
    /// spike times differ from those of the original.
    pub tau_syn: Option<f64>,
    /// Synaptic time constants that a chip can have, in us.
    pub tau_syn_us: RangeInclusive<f64>,
}

/// A network of a file, in hardware time.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Number of inputs.
    pub n_inputs: usize,
    /// The layers in order.
    pub layers: Vec<Layer>,
    /// Unit of the time constants in the file.
    pub time_unit: Guess<TimeUnit>,
    /// What a spike was taken for.
    pub spike: Guess<Spike>,
    /// How much faster the chip runs than the file's time: 1, or 1000 where the file has biological time.
    pub speed_up: f64,
    /// What was changed on the way and what to know about it.
    pub notes: Vec<String>,
}

/// Weights and the neurons behind them.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Name of the neurons in the graph.
    pub name: String,
    /// Charges `(n_sources, n_neurons)`, in units of potential: [`LifModel`](ttfs::neuron::LifModel) with these weights and the
    /// thresholds below.
    pub weights: Array2<f64>,
    /// Charges of the network's inputs on this layer `(n_inputs, n_neurons)`, for layers after the first that have some.
    pub from_input: Option<Array2<f64>>,
    /// Membrane time constants in us.
    pub tau_mem_us: Vec<f64>,
    /// Synaptic time constants in us.
    pub tau_syn_us: Vec<f64>,
    /// Thresholds above the rest.
    pub threshold: Vec<f64>,
    /// Potentials after a spike, above the rest.
    pub reset: Vec<f64>,
}

/// A network whose neurons are all alike once weights are measured in thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct Uniform {
    /// The weights.
    pub network: Network,
    /// Charges of the network's inputs on later layers, see [`Layer::from_input`].
    pub from_input: Vec<Option<Array2<f64>>>,
    /// Synaptic time constant in us: the unit of model time.
    pub tau_syn_us: f64,
    /// Membrane time constant in units of the synaptic one.
    pub tau_mem: f64,
    /// Threshold above the rest, in units of weight.
    pub threshold: f64,
}

/// Turns a graph into layers.
///
/// Weights become charges and are transposed, potentials are measured from the rest, time constants become microseconds of
/// hardware. A bias of `Affine` is a constant current and so moves the rest of its neuron: `v_leak + r w_in b`.
///
/// # Errors
/// [`Error::Refused`] with every node that cannot run on the chip, the reason, and what would make it fit.
pub fn import(graph: &Graph, options: &Options) -> Result<Imported, Error> {
    let mut flat = Flat::of(graph);
    let mut refusals = std::mem::take(&mut flat.refusals);
    for (name, node) in &flat.nodes {
        if let Some((reason, remedy)) = alone(node, options) {
            refusals.push(Refusal { node: name.clone(), kind: node.kind().to_owned(), reason, remedy });
        }
    }
    let links = chain::links(&flat, &mut refusals);
    if !refusals.is_empty() {
        return Err(Error::Refused(Refusals(refusals)));
    }
    let neurons: Vec<CubaLif> = links.iter().filter_map(|link| full(&flat, link, options)).collect();
    let spike = spike(graph, &flat, &links, &neurons, options);
    let time_unit = unit(graph, &neurons, &spike, options);
    let us = time_unit.value.us();
    let mut sorted: Vec<f64> = neurons.iter().flat_map(|n| n.tau_syn.iter().map(|tau| tau * us)).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
    let Some(speed_up) = [1.0, SPEED_UP].into_iter().find(|s| options.tau_syn_us.contains(&(median / s))) else {
        return Err(too_far(&flat, &links, median, time_unit.value, options));
    };
    let mut imported = Imported { n_inputs: 0, layers: Vec::new(), time_unit, spike, speed_up, notes: Vec::new() };
    for (link, neurons) in links.iter().zip(&neurons) {
        match imported.layer(&flat, link, neurons, us / speed_up) {
            Ok(layer) => imported.layers.push(layer),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if !refusals.is_empty() {
        return Err(Error::Refused(Refusals(refusals)));
    }
    imported.n_inputs = imported.layers.first().map_or(0, |layer| layer.weights.nrows());
    if options.tau_syn.is_some() && links.iter().any(|link| matches!(flat.nodes[&link.neurons], Node::Lif(_))) {
        imported
            .notes
            .push("neurons without synapses were given synapses: spike times are not those of the original".into());
    }
    Ok(imported)
}

/// The neurons of a link with one value for each, synapses included.
fn full(flat: &Flat, link: &Link, options: &Options) -> Option<CubaLif> {
    let n = chain::weights(flat.nodes[&link.weights])?.nrows();
    let each = |values: &[f64]| if values.len() == n { values.to_vec() } else { vec![values[0]; n] };
    match flat.nodes[&link.neurons] {
        Node::CubaLif(c) => Some(CubaLif {
            tau_syn: each(&c.tau_syn),
            tau_mem: each(&c.tau_mem),
            r: each(&c.r),
            v_leak: each(&c.v_leak),
            v_threshold: each(&c.v_threshold),
            v_reset: each(&c.v_reset),
            w_in: each(&c.w_in),
        }),
        Node::Lif(l) => Some(CubaLif {
            tau_syn: vec![options.tau_syn?; n],
            tau_mem: each(&l.tau),
            r: each(&l.r),
            v_leak: each(&l.v_leak),
            v_threshold: each(&l.v_threshold),
            v_reset: each(&l.v_reset),
            w_in: vec![1.0; n],
        }),
        _ => None,
    }
}

fn spike(graph: &Graph, flat: &Flat, links: &[Link], neurons: &[CubaLif], options: &Options) -> Guess<Spike> {
    if let Some(spike) = options.spike {
        return Guess::sure(spike, "as --nir-spike says");
    }
    if let Some(Metadata::Text(text)) = graph.metadata.get(SPIKE)
        && let Ok(spike) = text.parse()
    {
        return Guess::sure(spike, "as the file says");
    }
    let with = |wanted: fn(&Node) -> bool| -> Vec<&CubaLif> {
        links
            .iter()
            .zip(neurons)
            .filter(|(link, _)| wanted(flat.nodes[&link.neurons]))
            .map(|(_, neurons)| neurons)
            .collect()
    };
    let cuba = with(|node| matches!(node, Node::CubaLif(_)));
    if !cuba.is_empty() {
        return Spike::guess(&cuba);
    }
    // Membranes that jump by W have r = tau/dt.
    let ratio = neurons.first().map_or(1.0, |n| n.tau_mem[0] / n.r[0]);
    let same = neurons
        .iter()
        .flat_map(|n| chain::paired(&n.tau_mem, &n.r))
        .all(|(tau, r)| (tau / r / ratio - 1.0).abs() < 1e-3);
    if same && ratio > 0.0 && neurons.iter().flat_map(|n| &n.r).any(|r| *r != 1.0) {
        return Guess::sure(
            Spike::Pulse(ratio),
            format!("r is tau/dt for dt = {}, as snnTorch and Rockpool write it", shown(ratio)),
        );
    }
    let why =
        "a guess: the letter of NIR; tools that calculate in steps (Norse, Sinabs) mean the length of their time step"
            .into();
    Guess { value: Spike::Delta, why, uncertain: true }
}

fn unit(graph: &Graph, neurons: &[CubaLif], spike: &Guess<Spike>, options: &Options) -> Guess<TimeUnit> {
    if let Some(unit) = options.time_unit {
        return Guess::sure(unit, "as --nir-time-unit says");
    }
    if let Some(Metadata::Text(text)) = graph.metadata.get(TIME_UNIT)
        && let Ok(unit) = text.parse()
    {
        return Guess::sure(unit, "as the file says");
    }
    let taus: Vec<f64> = neurons.iter().flat_map(|n| n.tau_mem.iter().copied()).collect();
    let step = match spike.value {
        Spike::Pulse(dt) => Some(dt),
        Spike::Delta | Spike::Current => None,
    };
    TimeUnit::guess(&taus, step)
}

impl Imported {
    fn layer(&mut self, flat: &Flat, link: &Link, neurons: &CubaLif, us: f64) -> Result<Layer, Refusal> {
        let connection = flat.nodes[&link.weights];
        let refuse = |node: &str, reason: String, remedy: &str| Refusal {
            node: node.to_owned(),
            kind: flat.nodes[node].kind().to_owned(),
            reason,
            remedy: remedy.to_owned(),
        };
        let factors: Vec<f64> = (0..neurons.tau_mem.len())
            .map(|k| {
                let area = self.spike.value.area(neurons.tau_syn[k]);
                let factor = neurons.r[k] * neurons.w_in[k] * area / neurons.tau_mem[k];
                if (factor - 1.0).abs() < ROUNDING { 1.0 } else { factor }
            })
            .collect();
        if let Some(k) = factors.iter().position(|f| *f == 0.0 || !f.is_finite()) {
            let reason =
                format!("neuron {k} has r {} and w_in {}: spikes have no charge", neurons.r[k], neurons.w_in[k]);
            return Err(refuse(&link.neurons, reason, "r and w_in must not be 0"));
        }
        let charges = |name: &str| chain::weights(flat.nodes[name]).map(|weights| charges(weights, &factors));
        let mut rest = neurons.v_leak.clone();
        if let Node::Affine { bias, .. } = connection
            && bias.iter().any(|b| *b != 0.0)
        {
            if self.spike.value == Spike::Current {
                let reason =
                    "its bias is a current whose size depends on the time step, which the file does not say".to_owned();
                return Err(refuse(
                    &link.weights,
                    reason,
                    "train without bias, or say --nir-spike delta or --nir-spike DT",
                ));
            }
            for (k, b) in bias.iter().enumerate() {
                rest[k] += neurons.r[k] * neurons.w_in[k] * b;
            }
            if let Some(k) = (0..rest.len()).find(|k| rest[*k] >= neurons.v_threshold[*k]) {
                let reason = format!(
                    "its bias {} lifts the rest of neuron {k} to {}, not below the threshold {}: it would fire without input",
                    bias[k], rest[k], neurons.v_threshold[k]
                );
                return Err(refuse(
                    &link.weights,
                    reason,
                    "train with a smaller bias, or with none and a bias spike among the inputs",
                ));
            }
            self.notes
                .push(format!("the bias of {:?} moves the rest of its neurons; membranes begin there", link.weights));
        }
        let above = |values: &[f64]| values.iter().zip(&rest).map(|(v, rest)| v - rest).collect::<Vec<f64>>();
        let (threshold, reset) = (above(&neurons.v_threshold), above(&neurons.v_reset));
        if reset.iter().any(|reset| *reset != 0.0) {
            self.notes.push(format!(
                "{:?} resets elsewhere than it rests: this matters from its second spike on",
                link.neurons
            ));
        }
        Ok(Layer {
            name: link.neurons.clone(),
            weights: charges(&link.weights).unwrap_or_default(),
            from_input: link.from_input.as_deref().and_then(charges),
            tau_mem_us: neurons.tau_mem.iter().map(|tau| tau * us).collect(),
            tau_syn_us: neurons.tau_syn.iter().map(|tau| tau * us).collect(),
            threshold,
            reset,
        })
    }

    /// The network with one pair of time constants and one threshold: a neuron with another threshold has its weights scaled.
    ///
    /// # Errors
    /// [`Error::Refused`] naming the layers whose time constants differ.
    pub fn uniform(&self) -> Result<Uniform, Error> {
        let first = |of: fn(&Layer) -> &Vec<f64>| {
            self.layers.first().and_then(|layer| of(layer).first()).copied().unwrap_or(1.0)
        };
        let (tau_mem_us, tau_syn_us, threshold) =
            (first(|l| &l.tau_mem_us), first(|l| &l.tau_syn_us), first(|l| &l.threshold));
        let mut refusals = Vec::new();
        for layer in &self.layers {
            for (what, taus, expected) in
                [("tau_mem", &layer.tau_mem_us, tau_mem_us), ("tau_syn", &layer.tau_syn_us, tau_syn_us)]
            {
                if let Some(k) = taus.iter().position(|tau| (tau / expected - 1.0).abs() > EQUAL) {
                    refusals.push(Refusal {
                        node: layer.name.clone(),
                        kind: "CubaLIF".into(),
                        reason: format!(
                            "{what} of neuron {k} is {} us, that of the first neuron {expected} us",
                            taus[k]
                        ),
                        remedy: "all neurons of a network here have the same: train with one value".into(),
                    });
                }
            }
        }
        if !refusals.is_empty() {
            return Err(Error::Refused(Refusals(refusals)));
        }
        let scaled = |weights: &Array2<f64>, layer: &Layer| {
            let mut weights = weights.clone();
            for (mut column, own) in weights.columns_mut().into_iter().zip(&layer.threshold) {
                if *own != threshold {
                    column *= threshold / own;
                }
            }
            weights
        };
        Ok(Uniform {
            network: Network::new(self.layers.iter().map(|layer| scaled(&layer.weights, layer)).collect()),
            from_input: self.layers.iter().map(|layer| layer.from_input.as_ref().map(|w| scaled(w, layer))).collect(),
            tau_syn_us,
            tau_mem: if tau_mem_us == tau_syn_us { 1.0 } else { tau_mem_us / tau_syn_us },
            threshold,
        })
    }
}

/// Weights `(n_out, n_in)` as charges `(n_in, n_out)`.
fn charges(weights: &Array2<f64>, factors: &[f64]) -> Array2<f64> {
    Array2::from_shape_fn((weights.ncols(), weights.nrows()), |(from, to)| {
        let weight = weights[[to, from]];
        if factors[to] == 1.0 { weight } else { weight * factors[to] }
    })
}
