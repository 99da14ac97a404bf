//! The transfer turned around: the codes that make all neurons of a chip equal.
//!
//! A calibration finds such codes by measurement; here they follow from the true deviations. Their spread over the neurons is
//! the raw mismatch of the chip in the units in which three real chips show theirs: as the codes that their calibrations needed.

use super::{LEAK_CODE_AT_6_US, SHIFT_CODE, TAU_SYN_CODE_AT_6_US, V_LEAK, V_RESET, V_THRESHOLD, VoltageCell};
use crate::capmem::{Cell, Cells};
use crate::parameters::NeuronCodes;
use crate::variation::{Deviations, NeuronDeviation};

/// What all neurons shall have in common, at full capacitance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EqualTargets {
    /// Resting potential in CADC LSB.
    pub v_leak_lsb: f64,
    /// Reset potential in CADC LSB.
    pub v_reset_lsb: f64,
    /// Threshold in CADC LSB.
    pub v_threshold_lsb: f64,
    /// Membrane time constant in us.
    pub tau_mem_us: f64,
    /// Both synaptic time constants in us.
    pub tau_syn_us: f64,
    /// Code of the synaptic strength: neurons are matched to the median excitatory amplitude at this code.
    pub i_synin_gm: f64,
}

impl Default for EqualTargets {
    /// Those of the calibrations whose codes are public: 80/80/150 CADC LSB, 6/6 us, gm 500.
    fn default() -> Self {
        Self {
            v_leak_lsb: 80.0,
            v_reset_lsb: 80.0,
            v_threshold_lsb: 150.0,
            tau_mem_us: 6.0,
            tau_syn_us: 6.0,
            i_synin_gm: 500.0,
        }
    }
}

/// The values that the cells of each neuron must hold for all neurons to meet the targets, and for their synaptic inputs to
/// have no offset: real numbers, beyond the range of a code where a neuron cannot be equalised.
///
/// ```
/// use bss2_emu::capmem::Cell;
/// use bss2_emu::spec::{ChipSpec, Preset};
/// use bss2_emu::transfer::{EqualTargets, equalising_codes};
/// use bss2_emu::variation::Deviations;
///
/// let chip = Deviations::draw(&ChipSpec::new(Preset::Bss2, 1));
/// let codes = equalising_codes(&chip, &EqualTargets::default());
/// assert_ne!(codes[0].get(Cell::VLeak), codes[1].get(Cell::VLeak));
/// ```
pub fn equalising_codes(chip: &Deviations, targets: &EqualTargets) -> Vec<Cells> {
    let mut strengths: Vec<f64> = chip.neurons.iter().map(|n| n.gain[0]).collect();
    strengths.sort_unstable_by(f64::total_cmp);
    let middle = strengths.len() / 2;
    let median = 0.5 * (strengths[middle - 1] + strengths[middle]);
    chip.neurons.iter().map(|neuron| of_neuron(neuron, targets, median)).collect()
}

fn of_neuron(deviation: &NeuronDeviation, targets: &EqualTargets, median_strength: f64) -> Cells {
    let voltage = |nominal: &VoltageCell, target: f64, k: usize| {
        nominal.code
            + deviation.v_offset_codes[k]
            + (target - nominal.target_lsb) / (nominal.slope * deviation.v_slope[k])
    };
    let tau_syn = |k: usize| 6.0 * TAU_SYN_CODE_AT_6_US / targets.tau_syn_us * deviation.tau_syn[k];
    let gm = |k: usize| targets.i_synin_gm * median_strength / deviation.gain[k];
    let shift = |k: usize| SHIFT_CODE[k] + deviation.shift_codes[k];
    let mut cells = Cells::exact(&NeuronCodes::default());
    for (cell, value) in [
        (Cell::VLeak, voltage(&V_LEAK, targets.v_leak_lsb, 0)),
        (Cell::VReset, voltage(&V_RESET, targets.v_reset_lsb, 1)),
        (Cell::VThreshold, voltage(&V_THRESHOLD, targets.v_threshold_lsb, 2)),
        (Cell::Leak, 6.0 * LEAK_CODE_AT_6_US / targets.tau_mem_us / deviation.leak),
        (Cell::ExcTau, tau_syn(0)),
        (Cell::InhTau, tau_syn(1)),
        (Cell::ExcGm, gm(0)),
        (Cell::InhGm, gm(1)),
        (Cell::ExcShift, shift(0)),
        (Cell::InhShift, shift(1)),
    ] {
        cells.set(cell, value);
    }
    cells
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::codes::CapMemCode;
    use crate::spec::{ChipSpec, Preset};
    use crate::transfer::effective;

    #[test]
    fn equalised_neurons_are_equal() {
        let chip = Deviations::draw(&ChipSpec::new(Preset::Bss2, 5));
        let targets = EqualTargets { v_leak_lsb: 90.0, tau_mem_us: 9.0, tau_syn_us: 4.0, ..EqualTargets::default() };
        let codes = NeuronCodes::default();
        let bias = CapMemCode::saturating(800.0);
        let cells = equalising_codes(&chip, &targets);
        let gain = effective(&codes, &cells[0], bias, &chip.neurons[0]).parameters.gain_exc;
        for (cells, neuron) in cells.iter().zip(&chip.neurons) {
            let shown = effective(&codes, cells, bias, neuron);
            let p = shown.parameters;
            assert_relative_eq!(p.v_leak_lsb, 90.0, max_relative = 1e-12);
            assert_relative_eq!(p.v_reset_lsb, 80.0, max_relative = 1e-12);
            assert_relative_eq!(p.v_threshold_lsb, 150.0, max_relative = 1e-12);
            assert_relative_eq!(p.tau_mem_us, 9.0, max_relative = 1e-12);
            assert_relative_eq!(p.tau_syn_exc_us, 4.0, max_relative = 1e-12);
            assert_relative_eq!(p.tau_syn_inh_us, 4.0, max_relative = 1e-12);
            assert_relative_eq!(p.gain_exc, gain, max_relative = 1e-12);
            assert_relative_eq!(p.gain_inh, gain, max_relative = 1e-12);
            // The smallest shift codes lie below the range of a cell.
            if cells.get(Cell::ExcShift) > 0.0 && cells.get(Cell::InhShift) > 0.0 {
                assert!(shown.current.abs() < 1e-10, "{}", shown.current);
            }
        }
    }
}
