//! Engines that run the configured chip.
//!
//! `layered` is the fast path for feed-forward networks: neurons are ordered by depth, and each is integrated exactly over
//! the sorted events of its sources: by the reference (`course`), or, where nobody looks on the way, four at a time
//! (`block`). Networks with loops are refused.

pub(crate) mod block;
pub(crate) mod course;
pub(crate) mod decay;
pub(crate) mod layered;
