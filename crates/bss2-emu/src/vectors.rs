//! Loops for the widest vector instructions that the processor has, in this crate and in those above it.

pub use crate::engine::fast::vector::fused::Instructions;
pub use crate::engine::fast::vector::{LANES, Lanes, Loops, Mask, Vector, Work, widest};
