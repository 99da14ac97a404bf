//! Engines that run the configured chip.
//!
//! [`layered`] is the fast path for feed-forward networks: neurons are ordered by depth, and each is integrated exactly over
//! the sorted events of its sources. Networks with loops are refused.

pub(crate) mod layered;
