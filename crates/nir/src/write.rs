//! Writing graphs as HDF5, laid out as the Python package `nir` 1.0.8 does.

use hdf5_pure::{FileBuilder, FinishedGroup, GroupBuilder};

use crate::Error;
use crate::graph::{Graph, Metadata, Node};

/// The version of `nir` whose layout this is.
const VERSION: &str = "1.0.8";
/// As `h5py` compresses.
const DEFLATE: u32 = 4;

impl Graph {
    /// The bytes of the file: the same for the same graph.
    ///
    /// # Errors
    /// [`Error::Encoding`] if a name cannot be a name in HDF5, or the graph has nodes that this program only recognises.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut file = FileBuilder::new();
        file.create_dataset("version").with_vlen_strings(&[VERSION]).with_shape(&[]);
        let mut root = file.create_group("node");
        fill(&mut root, self)?;
        file.add_group(root.finish());
        file.finish().map_err(|e| Error::Encoding(e.to_string()))
    }
}

fn text(group: &mut GroupBuilder, name: &str, value: &str) {
    group.create_dataset(name).with_vlen_strings(&[value]).with_shape(&[]);
}

fn vector(group: &mut GroupBuilder, name: &str, values: &[f64]) {
    array(group, name, values, &[values.len() as u64]);
}

fn array(group: &mut GroupBuilder, name: &str, values: &[f64], shape: &[u64]) {
    group.create_dataset(name).with_f64_data(values).with_shape(shape).with_chunks(shape).with_deflate(DEFLATE);
}

fn fill(group: &mut GroupBuilder, graph: &Graph) -> Result<(), Error> {
    text(group, "type", "NIRGraph");
    let ends: Vec<&str> = graph.edges.iter().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect();
    group.create_dataset("edges").with_vlen_strings(&ends).with_shape(&[graph.edges.len() as u64, 2]);
    if !graph.metadata.is_empty() {
        let mut metadata = group.create_group("metadata");
        for (key, value) in &graph.metadata {
            match value {
                Metadata::Text(value) => text(&mut metadata, key, value),
                Metadata::Number(value) => {
                    metadata.create_dataset(key).with_f64_data(&[*value]).with_shape(&[]);
                }
            }
        }
        group.add_group(metadata.finish());
    }
    let mut nodes = group.create_group("nodes");
    for (name, node) in &graph.nodes {
        if name.is_empty() || name == "." || name.contains(['/', '\0']) {
            return Err(Error::Encoding(format!("{name:?} is no name that HDF5 could have")));
        }
        let node = finished(nodes.create_group(name), name, node)?;
        nodes.add_group(node);
    }
    group.add_group(nodes.finish());
    Ok(())
}

fn finished(mut group: GroupBuilder, name: &str, node: &Node) -> Result<FinishedGroup, Error> {
    if let Node::Graph(graph) = node {
        fill(&mut group, graph)?;
        return Ok(group.finish());
    }
    text(&mut group, "type", node.kind());
    match node {
        Node::Input(shape) | Node::Output(shape) => {
            let shape: Vec<i64> = shape.iter().map(|n| *n as i64).collect();
            group.create_dataset("shape").with_i64_data(&shape);
        }
        Node::Linear(weight) | Node::Affine { weight, .. } => {
            let values: Vec<f64> = weight.iter().copied().collect();
            array(&mut group, "weight", &values, &[weight.nrows() as u64, weight.ncols() as u64]);
            if let Node::Affine { bias, .. } = node {
                vector(&mut group, "bias", bias);
            }
        }
        Node::CubaLif(neurons) => {
            for (field, values) in [
                ("tau_syn", &neurons.tau_syn),
                ("tau_mem", &neurons.tau_mem),
                ("r", &neurons.r),
                ("v_leak", &neurons.v_leak),
                ("v_threshold", &neurons.v_threshold),
                ("v_reset", &neurons.v_reset),
                ("w_in", &neurons.w_in),
            ] {
                vector(&mut group, field, values);
            }
        }
        Node::Lif(neurons) => {
            for (field, values) in [
                ("tau", &neurons.tau),
                ("r", &neurons.r),
                ("v_leak", &neurons.v_leak),
                ("v_threshold", &neurons.v_threshold),
                ("v_reset", &neurons.v_reset),
            ] {
                vector(&mut group, field, values);
            }
        }
        Node::Graph(_) | Node::Other { .. } => {
            return Err(Error::Encoding(format!(
                "{} {name:?} is a node that this program only recognises",
                node.kind()
            )));
        }
    }
    Ok(group.finish())
}
