//! What can go wrong: a file, a graph, a network.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a file or a graph could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refuses.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no HDF5 file, or a damaged one.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A node of the file is not what its type says.
    #[error("{}: node {node:?}: {message}", path.display())]
    Node {
        /// The file.
        path: PathBuf,
        /// The node.
        node: String,
        /// What is wrong.
        message: String,
    },
    /// A field of a node is missing or wrong.
    #[error("{}: node {node:?}, field `{field}`: {message}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The node.
        node: String,
        /// The field.
        field: String,
        /// What is wrong, and what is allowed.
        message: String,
    },
    /// A file cannot be put together.
    #[error("cannot be written as NIR: {0}")]
    Encoding(String),
    /// The network cannot be written as NIR.
    #[error("NIR has no place for {what}; {remedy}")]
    NoPlace {
        /// What.
        what: &'static str,
        /// What helps.
        remedy: &'static str,
    },
    /// The graph does not run on the chip.
    #[error("{0}")]
    Refused(Refusals),
}

/// Why a node cannot run on the chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The node, `outer.inner` in graphs of graphs.
    pub node: String,
    /// Its type.
    pub kind: String,
    /// Why not.
    pub reason: String,
    /// What would make it fit.
    pub remedy: String,
}

/// Everything about a graph that cannot run on the chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals(pub Vec<Refusal>);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}; {}", self.kind, self.node, self.reason, self.remedy)
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this network does not run on the chip:")?;
        self.0.iter().try_for_each(|refusal| write!(f, "\n  {refusal}"))
    }
}
