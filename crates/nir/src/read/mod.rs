//! Reading graphs from HDF5.
//!
//! A file is somebody else's: its size, the numbers that it declares, its depth and its names are checked before anything is
//! allocated or followed. The HDF5 package runs in a thread of its own, so that a panic of it on a damaged file is an error here.

mod array;
mod neurons;

use std::path::Path;

use hdf5_pure::{File, Group};

use crate::Error;
use crate::graph::{Graph, Metadata, Node};
use array::Budget;

/// Largest file.
const LARGEST_FILE: u64 = 128 << 20;
/// Most graphs inside of each other.
const DEEPEST: usize = 8;
/// Most nodes of a file; a chip has 512 neurons.
const MOST_NODES: usize = 1024;
/// Most edges of a graph.
const MOST_EDGES: u64 = 16_384;
/// Stack of the thread that reads.
const STACK: usize = 16 << 20;

/// Types of nodes that NIR has and this program has no neuron or synapse for.
const OTHERS: [&str; 13] = [
    "AvgPool2d",
    "Conv1d",
    "Conv2d",
    "CubaLI",
    "Delay",
    "Flatten",
    "I",
    "IF",
    "Identity",
    "LI",
    "Scale",
    "SumPool2d",
    "Threshold",
];

/// Names of graph, node and field while a file is read.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a Path,
    node: &'a str,
}

impl Place<'_> {
    fn file(&self, message: impl Into<String>) -> Error {
        Error::File { path: self.path.to_owned(), message: message.into() }
    }

    fn node(&self, message: impl Into<String>) -> Error {
        Error::Node { path: self.path.to_owned(), node: self.node.to_owned(), message: message.into() }
    }

    fn field(&self, field: &str, message: impl Into<String>) -> Error {
        let (path, node) = (self.path.to_owned(), self.node.to_owned());
        Error::Field { path, node, field: field.to_owned(), message: message.into() }
    }
}

impl Graph {
    /// Reads a file.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, too large (128 MiB, 8 million numbers, 1024 nodes, 8 graphs inside of each other) or
    /// no NIR: the message names file, node, field, value and what is allowed.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let place = Place { path, node: "" };
        let metadata = std::fs::metadata(path).map_err(io)?;
        if !metadata.is_file() {
            return Err(place.file("not a file"));
        }
        if metadata.len() > LARGEST_FILE {
            let mib = metadata.len() >> 20;
            return Err(place.file(format!("{mib} MiB; files may have up to {} MiB", LARGEST_FILE >> 20)));
        }
        let bytes = std::fs::read(path).map_err(io)?;
        if !hdf5_pure::is_hdf5_bytes(&bytes) {
            return Err(place.file("not a NIR file: it does not begin as HDF5 does"));
        }
        let owned = path.to_owned();
        let reading = move || of_bytes(bytes, &owned);
        let thread = std::thread::Builder::new().name("NIR".into()).stack_size(STACK).spawn(reading).map_err(io)?;
        thread.join().unwrap_or_else(|_| Err(place.file("damaged: the HDF5 reader gave up")))
    }
}

fn of_bytes(bytes: Vec<u8>, path: &Path) -> Result<Graph, Error> {
    let place = Place { path, node: "" };
    let damaged = |e: hdf5_pure::Error| place.file(format!("damaged HDF5: {e}"));
    let file = File::from_bytes(bytes).map_err(damaged)?;
    let root = file.root();
    let groups = root.groups().map_err(damaged)?;
    if !groups.iter().any(|name| name == "node") {
        return Err(place.file("HDF5, but not NIR: there is no group `node`"));
    }
    let group = root.group("node").map_err(damaged)?;
    let mut reader = Reader { path, nodes: 0, budget: Budget::default() };
    let kind = reader.kind(&group, "")?;
    if kind != "NIRGraph" {
        return Err(place.file(format!("the file holds a {kind}; needed is a NIRGraph")));
    }
    reader.graph(&group, "", 0)
}

struct Reader<'a> {
    path: &'a Path,
    nodes: usize,
    budget: Budget,
}

impl Reader<'_> {
    fn kind(&mut self, group: &Group, node: &str) -> Result<String, Error> {
        let place = Place { path: self.path, node };
        self.budget.text(place, group, "type")
    }

    fn graph(&mut self, group: &Group, name: &str, depth: usize) -> Result<Graph, Error> {
        let place = Place { path: self.path, node: name };
        let damaged = |e: hdf5_pure::Error| place.file(format!("damaged HDF5: {e}"));
        if depth == DEEPEST {
            return Err(place.node(format!("graphs inside of graphs, more than {DEEPEST} deep")));
        }
        if !group.groups().map_err(damaged)?.iter().any(|name| name == "nodes") {
            return Err(place.field("nodes", "missing; a graph has a group of nodes"));
        }
        let nodes: Vec<(String, Group)> =
            group.group("nodes").and_then(|nodes| Ok(nodes.iter_groups()?.collect())).map_err(damaged)?;
        self.nodes += nodes.len();
        if self.nodes > MOST_NODES {
            return Err(place.file(format!("more than {MOST_NODES} nodes")));
        }
        let mut graph = Graph { edges: self.edges(place, group)?, ..Graph::default() };
        for (own, node) in nodes {
            let full = if name.is_empty() { own.clone() } else { format!("{name}.{own}") };
            let node = self.node(&node, &full, depth)?;
            graph.nodes.insert(own, node);
        }
        if let Some(problem) = graph.edge_problem() {
            return Err(place.field("edges", problem));
        }
        graph.metadata = self.metadata(place, group)?;
        Ok(graph)
    }

    fn edges(&mut self, place: Place, group: &Group) -> Result<Vec<(String, String)>, Error> {
        let array::Found { dataset, shape } = array::find(place, group, "edges")?;
        // A graph without edges has an array of numbers, or none.
        if shape.contains(&0) {
            return Ok(Vec::new());
        }
        if shape.len() != 2 || shape[1] != 2 || shape[0] > MOST_EDGES {
            let message = format!("shape {shape:?}; needed is [edges, 2] with up to {MOST_EDGES} edges");
            return Err(place.field("edges", message));
        }
        let texts = self.budget.texts(place, &dataset, "edges", 2 * shape[0])?;
        Ok(texts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
    }

    fn node(&mut self, group: &Group, name: &str, depth: usize) -> Result<Node, Error> {
        let place = Place { path: self.path, node: name };
        let kind = self.kind(group, name)?;
        match kind.as_str() {
            "Input" => Ok(Node::Input(self.budget.shape(place, group)?)),
            "Output" => Ok(Node::Output(self.budget.shape(place, group)?)),
            "Linear" | "Affine" => self.connection(place, group, &kind),
            "CubaLIF" => neurons::cuba_lif(&mut self.budget, place, group),
            "LIF" => neurons::lif(&mut self.budget, place, group),
            "NIRGraph" => Ok(Node::Graph(self.graph(group, name, depth + 1)?)),
            other if OTHERS.contains(&other) => Ok(Node::Other { kind, shape: None }),
            other => Err(place.field("type", format!("{other:?} is no type of NIR 1.0"))),
        }
    }

    fn connection(&mut self, place: Place, group: &Group, kind: &str) -> Result<Node, Error> {
        let allowed: &[&str] = if kind == "Affine" { &["weight", "bias"] } else { &["weight"] };
        array::only(place, group, allowed)?;
        let shape = array::find(place, group, "weight")?.shape;
        if shape.len() > 2 {
            return Ok(Node::Other { kind: kind.to_owned(), shape: Some(shape) });
        }
        let weight = self.budget.matrix(place, group, "weight")?;
        if kind == "Linear" {
            return Ok(Node::Linear(weight));
        }
        let bias = self.budget.vector(place, group, "bias")?;
        if bias.len() != weight.nrows() {
            let message = format!(
                "{} values for weights of shape {:?}; needed are {}",
                bias.len(),
                weight.shape(),
                weight.nrows()
            );
            return Err(place.field("bias", message));
        }
        Ok(Node::Affine { weight, bias })
    }

    fn metadata(&mut self, place: Place, group: &Group) -> Result<std::collections::BTreeMap<String, Metadata>, Error> {
        let mut metadata = std::collections::BTreeMap::new();
        let damaged = |e: hdf5_pure::Error| place.file(format!("damaged HDF5: {e}"));
        if group.groups().map_err(damaged)?.iter().any(|name| name == "metadata") {
            let group = group.group("metadata").map_err(damaged)?;
            for key in group.datasets().map_err(damaged)? {
                if let Some(value) = self.budget.value(place, &group, &key)? {
                    metadata.insert(key, value);
                }
            }
        }
        Ok(metadata)
    }
}
