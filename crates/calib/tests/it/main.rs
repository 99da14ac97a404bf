//! End-to-end tests of the calibration: what it achieves, its files, and devices that misbehave.

mod achieved;
mod devices;
#[path = "../../examples/ten_chips/effective_gain.rs"]
mod effective_gain;
mod files;
mod formats;
mod laws;
mod silicon;

use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec};

/// A chip as uncalibrated as silicon.
fn chip(seed: u64) -> Chip {
    Chip::draw(&ChipSpec::new(Preset::Bss2, seed))
}

/// The same with cells that hold exactly what is written: what limits its calibration is measurement alone.
fn chip_with_exact_cells(seed: u64) -> Chip {
    let mut spec = ChipSpec::new(Preset::Bss2, seed);
    spec.variation.capmem_write_codes_std = 0.0;
    Chip::draw(&spec)
}
