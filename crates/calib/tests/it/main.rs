//! End-to-end tests of the calibration: what it achieves, its files, and devices that misbehave.

mod achieved;
mod devices;
mod files;

use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec};

/// A chip as uncalibrated as silicon.
fn chip(seed: u64) -> Chip {
    Chip::draw(&ChipSpec::new(Preset::Bss2, seed))
}
