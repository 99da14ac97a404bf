//! Graphs inside of graphs, taken apart: the same nodes and edges without borders.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Refusal;
use crate::graph::{Graph, Node};

/// Most edges that one input or output of an inner graph may stand for.
const MOST_THROUGH: usize = 64;

/// All nodes of a graph and of the graphs in it, inner ones as `outer.inner`.
#[derive(Debug, Default)]
pub(crate) struct Flat<'a> {
    pub(crate) nodes: BTreeMap<String, &'a Node>,
    /// From each node the nodes that it leads to.
    pub(crate) targets: BTreeMap<String, BTreeSet<String>>,
    /// To each node the nodes that lead to it.
    pub(crate) sources: BTreeMap<String, BTreeSet<String>>,
    pub(crate) refusals: Vec<Refusal>,
}

/// Where spikes enter and leave an inner graph.
struct Ports {
    input: String,
    output: String,
}

impl<'a> Flat<'a> {
    pub(crate) fn of(graph: &'a Graph) -> Self {
        let mut flat = Self::default();
        let mut ports = Vec::new();
        flat.add(graph, "", &mut ports);
        for port in ports {
            flat.bridge(&port);
        }
        flat
    }

    fn add(&mut self, graph: &'a Graph, prefix: &str, ports: &mut Vec<String>) {
        let full = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        let mut inner: BTreeMap<&str, Ports> = BTreeMap::new();
        for (name, node) in &graph.nodes {
            let own = full(name);
            let Node::Graph(graph) = node else {
                if !prefix.is_empty() && matches!(node, Node::Input(_) | Node::Output(_)) {
                    ports.push(own);
                } else if self.nodes.insert(own.clone(), node).is_some() {
                    self.refuse(
                        &own,
                        node,
                        "two nodes have this name once inner graphs are taken apart",
                        "rename one of them",
                    );
                }
                continue;
            };
            let only = |wanted: fn(&Node) -> bool| {
                let mut names = graph.nodes.iter().filter(|(_, node)| wanted(node)).map(|(name, _)| name);
                names.next().filter(|_| names.next().is_none())
            };
            let ends = (only(|n| matches!(n, Node::Input(_))), only(|n| matches!(n, Node::Output(_))));
            if let (Some(input), Some(output)) = ends {
                let ports = Ports { input: format!("{own}.{input}"), output: format!("{own}.{output}") };
                inner.insert(name, ports);
            } else {
                self.refuse(
                    &own,
                    node,
                    "an inner graph without exactly one Input and one Output",
                    "give it one of each",
                );
            }
            self.add(graph, &own, ports);
        }
        for (from, to) in &graph.edges {
            let from = inner.get(from.as_str()).map_or_else(|| full(from), |ports| ports.output.clone());
            let to = inner.get(to.as_str()).map_or_else(|| full(to), |ports| ports.input.clone());
            self.connect(&from, &to);
        }
    }

    fn connect(&mut self, from: &str, to: &str) {
        self.targets.entry(from.to_owned()).or_default().insert(to.to_owned());
        self.sources.entry(to.to_owned()).or_default().insert(from.to_owned());
    }

    /// Replaces a port by edges from all before it to all behind it.
    fn bridge(&mut self, port: &str) {
        let mut before = self.sources.remove(port).unwrap_or_default();
        let mut behind = self.targets.remove(port).unwrap_or_default();
        before.remove(port);
        behind.remove(port);
        for from in &before {
            self.targets.entry(from.clone()).or_default().remove(port);
        }
        for to in &behind {
            self.sources.entry(to.clone()).or_default().remove(port);
        }
        if before.len().saturating_mul(behind.len()) > MOST_THROUGH {
            let reason = format!("{} edges lead to it and {} from it", before.len(), behind.len());
            let remedy = "use one layer behind the other".to_owned();
            self.refusals.push(Refusal { node: port.to_owned(), kind: "NIRGraph".into(), reason, remedy });
            return;
        }
        for from in &before {
            for to in &behind {
                self.connect(from, to);
            }
        }
    }

    fn refuse(&mut self, name: &str, node: &Node, reason: &str, remedy: &str) {
        let (node, kind) = (name.to_owned(), node.kind().to_owned());
        self.refusals.push(Refusal { node, kind, reason: reason.to_owned(), remedy: remedy.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn inner_graphs_become_part_of_the_outer_one() {
        let edge = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let inner = Graph {
            nodes: BTreeMap::from([
                ("in".to_owned(), Node::Input(vec![1])),
                ("w".to_owned(), Node::Linear(array![[1.0]])),
                ("out".to_owned(), Node::Output(vec![1])),
            ]),
            edges: vec![edge("in", "w"), edge("w", "out"), edge("w", "w")],
            ..Graph::default()
        };
        let outer = Graph {
            nodes: BTreeMap::from([
                ("input".to_owned(), Node::Input(vec![1])),
                ("sub".to_owned(), Node::Graph(inner)),
                ("output".to_owned(), Node::Output(vec![1])),
            ]),
            edges: vec![edge("input", "sub"), edge("sub", "output")],
            ..Graph::default()
        };
        let flat = Flat::of(&outer);
        assert_eq!(flat.nodes.keys().collect::<Vec<_>>(), ["input", "output", "sub.w"]);
        let targets = |name: &str| flat.targets[name].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(targets("input"), ["sub.w"]);
        assert_eq!(targets("sub.w"), ["output", "sub.w"]);
        let sources: Vec<_> = flat.sources["sub.w"].iter().collect();
        assert_eq!(sources, ["input", "sub.w"]);
        assert_eq!(flat.refusals, []);
    }
}
