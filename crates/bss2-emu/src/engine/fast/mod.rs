//! Feed-forward networks in single precision, sixteen neurons at a time: the layered engine where speed counts.
//!
//! The method is that of [`block`](super::block), made for neurons of one or two circuits on the 8 ns grid: between events
//! the membranes move by a map that is looked up by the number of ticks, and a bound without exponentials tells which of them may
//! meet their threshold or a limit. A membrane that rises through its threshold within a step is solved by its Taylor series, sixteen at a time, which
//! also tells how high a peak close to the threshold is and where a membrane is that was let go at the end of its refractory time; one
//! that is held at its lower limit stays there; everything else (a peak through the threshold, a contact with a limit that is
//! let go) leaves the lanes for one step and is moved by the reference in double precision.
//!
//! Against the reference: spike times differ by about 1e-5 us, which the grid turns into one tick for at most one spike in
//! 1000, and decisions differ within 1e-5 of the threshold. The noise is that of the same streams ([`normals`]).

pub(crate) mod crossings;
pub(crate) mod kernel;
mod look;
pub(crate) mod normals;
mod rest;
mod series;
pub(crate) mod tables;
pub(crate) mod vector;
