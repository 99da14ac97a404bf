//! Graphs inside of graphs, taken apart: the same nodes and edges without borders.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Refusal;
use crate::graph::{Graph, Node};

/// Most edges that one input or output of an inner graph may stand for.
const MOST_THROUGH: usize = 4096;

/// All nodes of a graph and of the graphs in it, inner ones as `outer.inner`.
#[derive(Debug, Default)]
pub(crate) struct Flat<'a> {
    pub(crate) nodes: BTreeMap<String, &'a Node>,
    pub(crate) edges: BTreeSet<(String, String)>,
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
            self.edges.insert((from, to));
        }
    }

    /// Replaces a port by edges from all before it to all behind it.
    fn bridge(&mut self, port: &str) {
        let (touching, others): (BTreeSet<_>, _) =
            std::mem::take(&mut self.edges).into_iter().partition(|(from, to)| from == port || to == port);
        self.edges = others;
        let before: Vec<&String> = touching.iter().filter(|(_, to)| to == port).map(|(from, _)| from).collect();
        let behind: Vec<&String> = touching.iter().filter(|(from, _)| from == port).map(|(_, to)| to).collect();
        if before.len().saturating_mul(behind.len()) > MOST_THROUGH {
            let reason = format!("{} edges lead to it and {} from it", before.len(), behind.len());
            let remedy = "use one layer behind the other".to_owned();
            self.refusals.push(Refusal { node: port.to_owned(), kind: "NIRGraph".into(), reason, remedy });
            return;
        }
        for from in before.into_iter().filter(|from| *from != port) {
            for to in behind.iter().filter(|to| **to != port) {
                self.edges.insert((from.clone(), (*to).clone()));
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
        let edges = [edge("input", "sub.w"), edge("sub.w", "output"), edge("sub.w", "sub.w")];
        assert_eq!(flat.edges, BTreeSet::from(edges));
        assert_eq!(flat.refusals, []);
    }
}
