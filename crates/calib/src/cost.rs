//! What a routine costs.

use std::time::Duration;

/// What one routine of a calibration took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The routine, as in [`Step::name`](crate::Step::name).
    pub routine: &'static str,
    /// Runs of the device.
    pub measurements: u64,
    /// Trials in these runs.
    pub trials: u64,
    /// Time that these runs take on the chip.
    pub hardware_time: Duration,
    /// Time on the clock, of the emulator and of what is computed from its recordings.
    pub wall_time: Duration,
}
