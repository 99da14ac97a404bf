//! The analog parameter memory (CapMem): what its cells hold after codes were written.
//!
//! Writing disturbs: a cell does not hold quite the code that it was sent. The error depends on the chip, the cell, and all
//! codes of its row of cells; on silicon many equal codes in a row disturb each other by a few LSB. So the same codes give the
//! same errors, and a change anywhere in a row draws new ones for the whole row. A calibration can find the codes with
//! the best errors that it meets; it cannot remove them.
//!
//! Of the crosstalk between equal codes this keeps the size and that it depends on the whole row. It does not make it larger
//! where more codes are equal: no measurement says by how much. The shared cells of a quadrant (synapse DAC bias, CADC ramp) hold
//! what they are sent: their errors would be one offset or factor per quadrant, which calibration sees and removes.

use crate::codes::CapMemCode;
use crate::parameters::NeuronCodes;
use crate::rng::{Purpose, Stream, derive};

/// A row of cells: one per neuron. The numbers are addresses of random draws and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Resting potential.
    VLeak,
    /// Reset potential.
    VReset,
    /// Threshold.
    VThreshold,
    /// Leak conductance.
    Leak,
    /// Time constant of the excitatory input.
    ExcTau,
    /// Time constant of the inhibitory input.
    InhTau,
    /// Strength of the excitatory input.
    ExcGm,
    /// Strength of the inhibitory input.
    InhGm,
    /// Reference of the excitatory input.
    ExcShift,
    /// Reference of the inhibitory input.
    InhShift,
    /// Constant current.
    MemOffset,
    /// Reversal potential of excitation.
    ExcReversal,
    /// Reversal potential of inhibition.
    InhReversal,
    /// Potential towards which the adaptation decays.
    VAdaptLeak,
    /// Potential at which the membrane does not drive the adaptation.
    VAdaptRef,
    /// Onset of the exponential term.
    VExp,
    /// Conductance of the reset.
    Reset,
    /// Conductance-based modulation of excitation.
    ExcCoba,
    /// Conductance-based modulation of inhibition.
    InhCoba,
    /// Time constant of the adaptation.
    AdaptTau,
    /// Sub-threshold adaptation.
    AdaptA,
    /// Spike-triggered adaptation.
    AdaptB,
    /// Sharpness of the exponential term.
    Exp,
    /// Conductance between circuits.
    Nmda,
}

/// Where a row of cells finds its code.
type Register = fn(&NeuronCodes) -> CapMemCode;

/// All rows, in the order of their numbers, with the register that is written to them.
const ROWS: [(Cell, Register); 24] = [
    (Cell::VLeak, |c| c.v_leak),
    (Cell::VReset, |c| c.v_reset),
    (Cell::VThreshold, |c| c.v_threshold),
    (Cell::Leak, |c| c.i_bias_leak),
    (Cell::ExcTau, |c| c.i_bias_synin_exc_tau),
    (Cell::InhTau, |c| c.i_bias_synin_inh_tau),
    (Cell::ExcGm, |c| c.i_bias_synin_exc_gm),
    (Cell::InhGm, |c| c.i_bias_synin_inh_gm),
    (Cell::ExcShift, |c| c.i_bias_synin_exc_shift),
    (Cell::InhShift, |c| c.i_bias_synin_inh_shift),
    (Cell::MemOffset, |c| c.i_mem_offset),
    (Cell::ExcReversal, |c| c.extension.e_synin_exc_rev),
    (Cell::InhReversal, |c| c.extension.e_synin_inh_rev),
    (Cell::VAdaptLeak, |c| c.extension.v_adapt_leak),
    (Cell::VAdaptRef, |c| c.extension.v_adapt_ref),
    (Cell::VExp, |c| c.extension.v_exp),
    (Cell::Reset, |c| c.extension.i_bias_reset),
    (Cell::ExcCoba, |c| c.extension.i_bias_synin_exc_coba),
    (Cell::InhCoba, |c| c.extension.i_bias_synin_inh_coba),
    (Cell::AdaptTau, |c| c.extension.i_bias_adapt_tau),
    (Cell::AdaptA, |c| c.extension.i_bias_adapt_a),
    (Cell::AdaptB, |c| c.extension.i_bias_adapt_b),
    (Cell::Exp, |c| c.extension.i_bias_exp),
    (Cell::Nmda, |c| c.extension.i_bias_nmda),
];

/// What the cells of one neuron hold, in units of codes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cells([f64; ROWS.len()]);

impl Cells {
    /// The value that a cell holds.
    pub fn get(&self, cell: Cell) -> f64 {
        self.0[cell as usize]
    }

    /// Lets a cell hold a value.
    pub(crate) fn set(&mut self, cell: Cell, value: f64) {
        self.0[cell as usize] = value;
    }

    /// Cells that hold exactly what was written.
    pub fn exact(codes: &NeuronCodes) -> Self {
        Self(ROWS.map(|(_, code)| f64::from(code(codes).get())))
    }
}

/// What all cells of a chip hold after these codes were written; `std` is the error of a cell in codes.
pub fn written(chip_seed: u64, std: f64, neurons: &[NeuronCodes]) -> Vec<Cells> {
    let mut cells: Vec<Cells> = neurons.iter().map(Cells::exact).collect();
    if std == 0.0 {
        return cells;
    }
    for (cell, code) in ROWS {
        let mut hasher = blake3::Hasher::new();
        for codes in neurons {
            hasher.update(&code(codes).get().to_le_bytes());
        }
        let mut digest = [0; 8];
        hasher.finalize_xof().fill(&mut digest);
        let seed = derive(chip_seed, u64::from_le_bytes(digest));
        for (neuron, cells) in cells.iter_mut().enumerate() {
            let error = Stream::new(seed, Purpose::CapMemWrite, [cell as u32, neuron as u32, 0]).normal();
            cells.0[cell as usize] += std * error;
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<NeuronCodes> {
        vec![NeuronCodes::default(); 512]
    }

    #[test]
    fn rows_are_numbered_as_their_cells() {
        for (position, (cell, _)) in ROWS.into_iter().enumerate() {
            assert_eq!(position, cell as usize);
        }
    }

    #[test]
    fn the_same_codes_are_disturbed_in_the_same_way() {
        assert_eq!(written(1, 4.0, &table()), written(1, 4.0, &table()));
        assert_ne!(written(1, 4.0, &table()), written(2, 4.0, &table()));
        assert_eq!(written(1, 0.0, &table())[3], Cells::exact(&NeuronCodes::default()));
    }

    #[test]
    fn a_change_disturbs_its_row_and_no_other() {
        let before = written(1, 4.0, &table());
        let mut changed = table();
        changed[100].v_leak = CapMemCode::MAX;
        let after = written(1, 4.0, &changed);
        assert!((0..512).all(|n| before[n].get(Cell::VReset) == after[n].get(Cell::VReset)));
        assert!((0..512).all(|n| before[n].get(Cell::VLeak) != after[n].get(Cell::VLeak)));
    }

    #[test]
    fn errors_have_their_size() {
        let errors = written(1, 4.0, &table()).into_iter().map(|c| c.get(Cell::VThreshold) - 410.0);
        let sd = libm::sqrt(errors.map(|e| e * e).sum::<f64>() / 512.0);
        // Standard error 3 %; bound four times that.
        assert!((sd / 4.0 - 1.0).abs() < 0.125, "{sd}");
    }
}
