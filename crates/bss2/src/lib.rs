//! The command line of bss2: what users type, what they see, and the files of a run. [`embedded`] is the same for programs.

pub mod embedded;
pub mod figures;

mod cli;
mod commands;
mod config;
mod console;
mod data_sets;
mod files;
mod laboratory;
mod networks;
mod presets;
mod program;
mod site;
mod stage;

pub use program::run;
