//! Engines: of the configured chip, and of networks given by explicit parameters.
//!
//! A chip's events take their way over ports, outputs and buses, so its two engines live with it ([`chip`](crate::chip)). Here is
//! what they are made of: `wiring`, the connections of a routing and the currents they cause; `layered`, the tables of the fast
//! path; `course`, one neuron over all its events, the reference; `block`, four plain neurons at a time.
//!
//! [`simulation`](crate::simulation) runs on `event`, which takes any network from event to event, or on `in_order`, which
//! takes feed-forward populations one after the other. All move the same `neuron`, whatever its dynamics; those of
//! `simulation` agree to the last bit, those of a chip to the last tick.

pub(crate) mod block;
pub(crate) mod course;
pub(crate) mod decay;
pub(crate) mod event;
pub(crate) mod fast;
pub(crate) mod in_order;
pub(crate) mod layered;
pub(crate) mod neuron;
pub(crate) mod wiring;
