//! Studies: one question asked of many chips and many trainings.
//!
//! A [`StudyFile`] says what varies: axes of configuration keys, [`Protocol`]s, chips, training seeds. A [`Plan`] lists the trials
//! that follow, each with an address: the digest of everything that its result depends on. [`run`](run::run) carries out what has
//! no result yet, one file per trial, so that a study can be killed, continued, divided among machines and joined again, and ends
//! with the same bytes. [`Summary`] keeps the variance between chips and between trainings apart.
//!
//! This crate knows neither the keys of a configuration nor how a network is trained: a [`Runner`] does.

mod axes;
mod error;
mod file;
mod folder;
mod lock;
mod merge;
mod plan;
mod protocol;
mod record;
pub mod run;
mod runner;
mod seeds;
mod shard;
pub mod statistics;
mod summary;
mod table;

pub use axes::{Axis, AxisPoint, AxisValue, Design};
pub use error::Error;
pub use file::{Quick, Settings, StudyFile, TransferPairs};
pub use folder::StudyFolder;
pub use lock::Lock;
pub use merge::{Merged, merge};
pub use plan::{Plan, Point, Trial, TrialId};
pub use protocol::Protocol;
pub use record::{FORMAT, Outcome, Record, Timing};
pub use runner::{Draft, Layer, Place, Runner};
pub use seeds::{SeedRange, Seeds};
pub use shard::Shard;
pub use summary::{Cell, Summary, Variance};
pub use table::{results_csv, results_npz, summary_csv, timings_csv};
