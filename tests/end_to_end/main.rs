//! End-to-end tests: the program as its users run it.

mod bad_input;
mod bench;
mod book;
mod calibration;
mod calibration_files;
mod chips;
mod data_sets;
mod delays;
mod deployment;
mod determinism;
mod inference;
mod malformed_networks;
mod networks;
mod passes;
mod program;
mod run_folder;
mod simulation;
mod studies;
mod substrates;
mod twins;
