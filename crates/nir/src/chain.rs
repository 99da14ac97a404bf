//! The order of a feed-forward network in a graph: weights, neurons, weights, neurons.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;

use crate::error::Refusal;
use crate::flat::Flat;
use crate::graph::Node;

/// Weights and the neurons behind them, by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    pub(crate) weights: String,
    pub(crate) neurons: String,
    /// Weights from the input of the network, where it reaches this layer too.
    pub(crate) from_input: Option<String>,
}

/// Pairs of two lists of which either may have a single value for all.
pub(crate) fn paired<'a>(a: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    let at = |values: &[f64], k: usize| values[if values.len() == 1 { 0 } else { k }];
    (0..a.len().max(b.len())).map(move |k| (at(a, k), at(b, k)))
}

/// The weights of a connection, `(n_out, n_in)`.
pub(crate) fn weights(node: &Node) -> Option<&Array2<f64>> {
    match node {
        Node::Linear(weight) | Node::Affine { weight, .. } => Some(weight),
        _ => None,
    }
}

fn is_neurons(node: &Node) -> bool {
    matches!(node, Node::CubaLif(_) | Node::Lif(_))
}

/// Number of neurons, `None` where all parameters are single numbers.
pub(crate) fn n_neurons(node: &Node) -> Option<usize> {
    let longest = match node {
        Node::CubaLif(n) => {
            [&n.tau_syn, &n.tau_mem, &n.r, &n.v_leak, &n.v_threshold, &n.v_reset, &n.w_in].iter().map(|v| v.len()).max()
        }
        Node::Lif(n) => [&n.tau, &n.r, &n.v_leak, &n.v_threshold, &n.v_reset].iter().map(|v| v.len()).max(),
        _ => None,
    };
    longest.filter(|n| *n > 1)
}

/// Finds the layers, or says what is not one. `refusals`: what was found before.
pub(crate) fn links(flat: &Flat, refusals: &mut Vec<Refusal>) -> Vec<Link> {
    let walk = Walk::new(flat);
    let before = refusals.len();
    walk.ends(refusals);
    walk.loops(refusals);
    for (name, node) in &flat.nodes {
        if !walk.looped.contains(name.as_str()) {
            walk.node(name, node, refusals);
        }
    }
    if refusals.len() > before { Vec::new() } else { walk.in_order() }
}

struct Walk<'a> {
    flat: &'a Flat<'a>,
    sources: BTreeMap<&'a str, Vec<&'a str>>,
    targets: BTreeMap<&'a str, Vec<&'a str>>,
    /// Nodes on loops, and between loops.
    looped: BTreeSet<&'a str>,
}

impl<'a> Walk<'a> {
    fn new(flat: &'a Flat<'a>) -> Self {
        // Edges of refused inner graphs lead nowhere.
        let known = |edges: &'a BTreeMap<String, BTreeSet<String>>| -> BTreeMap<&'a str, Vec<&'a str>> {
            let of =
                |name: &String| edges.get(name).into_iter().flatten().filter(|other| flat.nodes.contains_key(*other));
            flat.nodes.keys().map(|name| (name.as_str(), of(name).map(String::as_str).collect())).collect()
        };
        let (sources, targets) = (known(&flat.sources), known(&flat.targets));
        let mut looped: BTreeSet<&str> = flat.nodes.keys().map(String::as_str).collect();
        for (inward, outward) in [(&sources, &targets), (&targets, &sources)] {
            peel(&mut looped, inward, outward);
        }
        Self { flat, sources, targets, looped }
    }

    fn of(&self, name: &str) -> &'a Node {
        self.flat.nodes[name]
    }

    fn ends(&self, refusals: &mut Vec<Refusal>) {
        for (kind, is_end) in [
            ("Input", (|n| matches!(n, Node::Input(_))) as fn(&Node) -> bool),
            ("Output", |n| matches!(n, Node::Output(_))),
        ] {
            let names: Vec<&str> =
                self.flat.nodes.iter().filter(|(_, node)| is_end(node)).map(|(name, _)| name.as_str()).collect();
            if names.len() != 1 {
                let found = if names.is_empty() { "none".to_owned() } else { listed(&names) };
                refusals.push(Refusal {
                    node: "the graph".into(),
                    kind: "NIRGraph".into(),
                    reason: format!("{} nodes of type {kind} ({found})", names.len()),
                    remedy: format!("a network has exactly one {kind}"),
                });
            }
        }
    }

    fn loops(&self, refusals: &mut Vec<Refusal>) {
        for name in &self.looped {
            let reason = if self.targets[name].contains(name) {
                "it feeds itself".to_owned()
            } else {
                let next = self.targets[name].iter().find(|next| self.looped.contains(**next)).unwrap_or(name);
                format!("it is part of a loop (on to {next:?})")
            };
            let remedy = "only feed-forward networks run here: train without recurrence";
            refusals.push(refusal(name, self.of(name), reason, remedy));
        }
    }

    fn node(&self, name: &'a str, node: &'a Node, refusals: &mut Vec<Refusal>) {
        let (sources, targets) = (&self.sources[name], &self.targets[name]);
        let mut say = |reason: String, remedy: &str| refusals.push(refusal(name, node, reason, remedy));
        if sources.is_empty() && !matches!(node, Node::Input(_)) {
            say("nothing leads to it".into(), "connect or remove it");
        }
        if targets.is_empty() && !matches!(node, Node::Output(_)) {
            say("it leads nowhere".into(), "connect or remove it");
        }
        let forward: Vec<&str> = targets.iter().copied().filter(|t| !self.looped.contains(t)).collect();
        if forward.len() > 1 && !matches!(node, Node::Input(_)) {
            say(format!("it leads to several nodes ({})", listed(&forward)), "use one layer behind the other");
        }
        let incoming: Vec<&str> = sources.iter().copied().filter(|s| !self.looped.contains(s)).collect();
        if incoming.len() > 1 && !(is_neurons(node) && self.main_source(&incoming).is_some()) {
            say(format!("several nodes lead to it ({})", listed(&incoming)), "use one layer behind the other");
        }
        for source in sources {
            if let Some((reason, remedy)) = self.misfit(source, name) {
                say(reason, remedy);
            }
        }
    }

    /// Of two connections into neurons the one that does not come from the input.
    fn main_source(&self, incoming: &[&'a str]) -> Option<(&'a str, &'a str)> {
        let from_input = |name: &str| self.sources[name].iter().any(|s| matches!(self.of(s), Node::Input(_)));
        match incoming {
            [a, b] if from_input(b) && !from_input(a) => Some((a, b)),
            [a, b] if from_input(a) && !from_input(b) => Some((b, a)),
            _ => None,
        }
    }

    /// Why one node cannot follow another.
    fn misfit(&self, from: &str, to: &str) -> Option<(String, &'static str)> {
        let (source, target) = (self.of(from), self.of(to));
        let sizes = |found: usize, expected: usize| {
            let reason = format!("{expected} values come from {from:?}, but it takes {found}");
            (found != expected).then_some((reason, "correct the shapes"))
        };
        match (source, target) {
            (Node::Other { .. }, _) | (_, Node::Other { .. } | Node::Input(_)) => None,
            (Node::Input(shape), _) if weights(target).is_some() => {
                let n = weights(target).map_or(0, Array2::ncols);
                sizes(n, shape.iter().product::<u64>() as usize)
            }
            (Node::Input(_), Node::Output(_)) => {
                Some(("there is no network".into(), "put neurons between Input and Output"))
            }
            (Node::Input(_), _) => Some(("the input reaches it without weights".into(), "put a Linear before it")),
            (_, Node::Output(shape)) if is_neurons(source) => {
                n_neurons(source).and_then(|n| sizes(shape.iter().product::<u64>() as usize, n))
            }
            (_, Node::Output(_)) => Some((
                format!("{from:?} sends weighted sums, not spikes"),
                "end with a layer of CubaLIF: the class is that of the neuron that spikes first",
            )),
            _ if weights(source).is_some() && is_neurons(target) => {
                let n = weights(source).map_or(0, Array2::nrows);
                n_neurons(target).and_then(|found| sizes(found, n))
            }
            _ if is_neurons(source) && weights(target).is_some() => {
                let n = weights(target).map_or(0, Array2::ncols);
                n_neurons(source).and_then(|expected| sizes(n, expected))
            }
            _ if is_neurons(source) && is_neurons(target) => {
                Some((format!("the spikes of {from:?} reach it without weights"), "put a Linear between them"))
            }
            _ if weights(source).is_some() && weights(target).is_some() => Some((
                format!("{from:?} is a connection too, without neurons between them"),
                "multiply the two into one",
            )),
            _ => None,
        }
    }

    fn in_order(&self) -> Vec<Link> {
        let mut links = Vec::new();
        let Some(input) = self.flat.nodes.iter().find(|(_, node)| matches!(node, Node::Input(_))) else { return links };
        // Of several connections from the input the first layer's is the one whose neurons have no other source.
        let mut firsts = self.targets[input.0.as_str()].iter().copied();
        let mut next =
            firsts.find(|weights| self.targets[weights].iter().all(|neurons| self.sources[neurons].len() == 1));
        while let Some(weights) = next {
            let Some(neurons) = self.targets[weights].first().copied() else { break };
            let from_input = self.main_source(&self.sources[neurons]).map(|(_, input)| input.to_owned());
            links.push(Link { weights: weights.to_owned(), neurons: neurons.to_owned(), from_input });
            next = self.targets[neurons].iter().copied().find(|target| weights_of(self, target));
        }
        links
    }
}

/// The first few names.
fn listed(names: &[&str]) -> String {
    let more = if names.len() > 5 { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(5)].join(", "))
}

fn weights_of(walk: &Walk, name: &str) -> bool {
    weights(walk.of(name)).is_some()
}

fn refusal(name: &str, node: &Node, reason: String, remedy: &str) -> Refusal {
    Refusal { node: name.to_owned(), kind: node.kind().to_owned(), reason, remedy: remedy.to_owned() }
}

/// Removes nodes that nothing leads to, and then those that only they lead to.
fn peel<'a>(
    left: &mut BTreeSet<&'a str>,
    inward: &BTreeMap<&'a str, Vec<&'a str>>,
    outward: &BTreeMap<&'a str, Vec<&'a str>>,
) {
    let alive = |left: &BTreeSet<&str>, name: &str| inward[name].iter().filter(|n| left.contains(**n)).count();
    let mut counts: BTreeMap<&str, usize> = left.iter().map(|name| (*name, alive(left, name))).collect();
    let mut free: Vec<&str> = counts.iter().filter(|(_, n)| **n == 0).map(|(name, _)| *name).collect();
    while let Some(name) = free.pop() {
        left.remove(name);
        for next in &outward[name] {
            if let Some(count) = counts.get_mut(next)
                && left.contains(next)
            {
                *count -= 1;
                if *count == 0 {
                    free.push(next);
                }
            }
        }
    }
}
