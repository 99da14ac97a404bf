//! The emulator against data of real chips.

mod data;
mod raw_spread;
