//! What a run would take on silicon: time exactly, energy as an estimate.

use serde::{Deserialize, Serialize};

/// Power of a chip at work in W: 8.4 uJ for a slot of 48 us (Göltz et al., Nature Machine Intelligence 3, 823, 2021; the 175 mW
/// are quoted from memory of the paper and not verified). The whole chip, whatever it computes; without the host.
pub const POWER_W_ESTIMATE: f64 = 0.175;

/// Time and energy of trials of equal length.
///
/// ```
/// let image = bss2_emu::Cost::of_slots(1, 48.0);
/// assert!((image.energy_j_estimate - 8.4e-6).abs() < 1e-12);
/// assert_eq!(bss2_emu::Cost::of_slots(1000, 180.0).hardware_s, 0.18);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Trials, each in a slot of its own.
    pub slots: u64,
    /// Length of a slot in us.
    pub slot_us: f64,
    /// Time on the chip in s, without configuration and transfers.
    pub hardware_s: f64,
    /// Energy in J at [`POWER_W_ESTIMATE`].
    pub energy_j_estimate: f64,
}

impl Cost {
    /// The cost of so many slots.
    pub fn of_slots(slots: u64, slot_us: f64) -> Self {
        let hardware_s = slots as f64 * slot_us * 1e-6;
        Self { slots, slot_us, hardware_s, energy_j_estimate: hardware_s * POWER_W_ESTIMATE }
    }
}
