//! This crate against references from outside it: recorded data, published networks, finite differences.

mod data;
mod fast_engine;
mod finite_differences;
mod joined_neurons;
mod published_network;
mod yin_yang;
