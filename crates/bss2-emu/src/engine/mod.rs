//! Engines: of the configured chip, and of networks given by explicit parameters.
//!
//! The chip runs on `layered`, the fast path for feed-forward networks: neurons are ordered by depth, and each is integrated
//! exactly over the sorted events of its sources: by the reference (`course`), or, where nobody looks on the way, four at a
//! time (`block`). Networks with loops are refused.
//!
//! [`simulation`](crate::simulation) runs on `event`, which takes any network from event to event, or on `in_order`, which
//! takes feed-forward populations one after the other. Both move the same `neuron`, whatever its
//! [`dynamics`](crate::dynamics), so they agree to the last bit.

pub(crate) mod block;
pub(crate) mod course;
pub(crate) mod decay;
pub(crate) mod event;
pub(crate) mod in_order;
pub(crate) mod layered;
pub(crate) mod neuron;
pub(crate) mod wiring;
