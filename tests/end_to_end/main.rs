//! End-to-end tests: the program as its users run it.

mod bad_input;
mod bench;
mod book;
mod calibration;
mod determinism;
mod inference;
mod run_folder;
mod simulation;
