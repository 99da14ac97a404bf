//! Twins against recordings of silicon and of emulated chips.

mod bad_input;
mod data;
mod numerics;
mod round_trip;
mod silicon;
