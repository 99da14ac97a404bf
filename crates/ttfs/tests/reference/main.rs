//! This crate against references from outside it: recorded data, published networks, finite differences, the emulated chip.

mod data;
mod delays_and_neurons;
mod delays_on_chip;
mod fast_engine;
mod finite_differences;
mod in_passes;
mod joined_neurons;
mod mnist16;
mod published_network;
mod training;
mod yin_yang;
