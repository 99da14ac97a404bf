//! From codes to the terms beyond the current-based leaky integrate-and-fire neuron.
//!
//! The circuits and what their codes do are public; numbers are not. The nominal relations below are choices, made so that mid-range
//! codes give what published experiments with these circuits show (adaptation over some 100 us, an onset that is sharp against
//! threshold - leak). All terms are off at the default codes.

use super::{LSB_PER_CODE, SMALLEST_CODE, V_LEAK, V_THRESHOLD, VoltageCell};
use crate::capmem::{Cell, Cells};
use crate::parameters::{Adaptation, Exponential, NeuronCodes, Terms};
use crate::variation::NeuronDeviation;

/// Sharpness of the onset at code 500, in LSB: the code biases the amplifier in front of the exponential element, so the
/// slope is inversely proportional to it.
const SLOPE_AT_500: f64 = 5.0;
/// Time constant of the adaptation at code 100, in us; inversely proportional to the code.
const TAU_ADAPT_AT_100: f64 = 100.0;
/// Drive of the adaptation by the membrane at code 500 and full capacitance, in 1/us: a third of the leak at 6 us.
const ADAPT_A_AT_500: f64 = 0.05;
/// Step of the adaptation at a spike at code 500 and full capacitance, in LSB/us.
const ADAPT_B_AT_500: f64 = 1.0;
/// Current onto the membrane per LSB between the adaptation's resting potential and its reference, at full capacitance, in 1/us.
const ADAPT_OUTPUT: f64 = 0.05;
/// Code of the conductance-based modulation at which the cell of the reversal potential holds just that.
const COBA_CODE: f64 = 100.0;
/// Smallest distance of a reversal potential from the leak, in LSB.
const CLOSEST_REVERSAL: f64 = 1.0;

/// The terms of a neuron, and the constant current onto its membrane that its adaptation makes at rest, in LSB/us.
/// `capacitance` is relative to full scale, `v_leak_lsb` the potential of the leak.
pub(super) fn terms(
    codes: &NeuronCodes,
    cells: &Cells,
    deviation: &NeuronDeviation,
    capacitance: f64,
    v_leak_lsb: f64,
) -> (Terms, f64) {
    let switches = &codes.extension;
    let bias = |cell: Cell| cells.get(cell).max(SMALLEST_CODE) * deviation.extension.bias(cell);
    let voltage = |nominal: &VoltageCell, cell: Cell| {
        nominal.target_lsb + nominal.slope * (cells.get(cell) - nominal.code - deviation.extension.v_offset_codes(cell))
    };
    // A code of 0 switches a current off, whatever disturbs the cell.
    let exponential = (switches.enable_exponential && switches.i_bias_exp.get() > 0).then(|| Exponential {
        slope_lsb: SLOPE_AT_500 * 500.0 / bias(Cell::Exp),
        v_exp_lsb: voltage(&V_THRESHOLD, Cell::VExp),
    });
    let signed = |invert: bool, code: u16, value: f64| match (code, invert) {
        (0, _) => 0.0,
        (_, false) => value,
        (_, true) => -value,
    };
    let reference = voltage(&V_LEAK, Cell::VAdaptRef);
    let adaptation = switches.enable_adaptation.then(|| Adaptation {
        tau_us: TAU_ADAPT_AT_100 * 100.0 / bias(Cell::AdaptTau),
        a_per_us: signed(
            switches.adaptation_invert_a,
            switches.i_bias_adapt_a.get(),
            ADAPT_A_AT_500 * bias(Cell::AdaptA) / 500.0 / capacitance,
        ),
        b_lsb_per_us: signed(
            switches.adaptation_invert_b,
            switches.i_bias_adapt_b.get(),
            ADAPT_B_AT_500 * bias(Cell::AdaptB) / 500.0 / capacitance,
        ),
        v_ref_lsb: reference,
    });
    // The adaptation decays to its own resting potential; what that lies above the reference is drawn from the membrane.
    let current = if switches.enable_adaptation {
        -ADAPT_OUTPUT * (voltage(&V_LEAK, Cell::VAdaptLeak) - reference) / capacitance
    } else {
        0.0
    };
    // A stronger modulation reaches zero nearer to the leak.
    let reversal = |enabled: bool, code: u16, strength: Cell, cell: Cell| {
        let distance = || (voltage(&V_LEAK, cell) - v_leak_lsb) * COBA_CODE / bias(strength);
        (enabled && code > 0).then(distance)
    };
    let exc = reversal(
        switches.enable_synin_exc_coba,
        switches.i_bias_synin_exc_coba.get(),
        Cell::ExcCoba,
        Cell::ExcReversal,
    );
    let inh = reversal(
        switches.enable_synin_inh_coba,
        switches.i_bias_synin_inh_coba.get(),
        Cell::InhCoba,
        Cell::InhReversal,
    );
    let terms = Terms {
        exponential,
        adaptation,
        reversal_exc_lsb: exc.map(|distance| v_leak_lsb + distance.max(CLOSEST_REVERSAL)),
        reversal_inh_lsb: inh.map(|distance| v_leak_lsb + distance.min(-CLOSEST_REVERSAL)),
        holdoff_us: codes.refractory.holdoff_us(switches.reset_holdoff),
        bypass: switches.enable_bypass,
        ..Terms::default()
    };
    (terms, current)
}

/// Deviations of the cells that only these terms use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExtensionDeviation {
    /// Offset common to all potentials of the neuron, in LSB.
    pub common_lsb: f64,
    /// Offsets of the voltage cells in codes, in the order of [`ExtensionDeviation::VOLTAGES`].
    pub v_offset_codes: [f64; 5],
    /// Factors on the bias currents, in the order of [`ExtensionDeviation::BIASES`].
    pub bias: [f64; 6],
}

impl ExtensionDeviation {
    /// Voltage cells.
    pub const VOLTAGES: [Cell; 5] =
        [Cell::ExcReversal, Cell::InhReversal, Cell::VAdaptLeak, Cell::VAdaptRef, Cell::VExp];
    /// Current cells.
    pub const BIASES: [Cell; 6] = [Cell::ExcCoba, Cell::InhCoba, Cell::AdaptTau, Cell::AdaptA, Cell::AdaptB, Cell::Exp];

    fn v_offset_codes(&self, cell: Cell) -> f64 {
        let slope = if cell == Cell::VExp { LSB_PER_CODE[2] } else { LSB_PER_CODE[0] };
        let own = Self::VOLTAGES.iter().position(|c| *c == cell).map_or(0.0, |k| self.v_offset_codes[k]);
        own + self.common_lsb / slope
    }

    fn bias(&self, cell: Cell) -> f64 {
        Self::BIASES.iter().position(|c| *c == cell).map_or(1.0, |k| self.bias[k])
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::codes::CapMemCode;
    use crate::parameters::Refractory;
    use crate::spec::{ChipSpec, Preset};
    use crate::transfer::{Effective, effective};
    use crate::variation::Deviations;

    fn at(change: impl Fn(&mut NeuronCodes)) -> Effective {
        let deviation = Deviations::draw(&ChipSpec::new(Preset::Ideal, 0)).neurons[0];
        let mut codes = NeuronCodes::default();
        change(&mut codes);
        effective(&codes, &Cells::exact(&codes), CapMemCode::saturating(800.0), &deviation)
    }

    fn code(value: f64) -> CapMemCode {
        CapMemCode::saturating(value)
    }

    #[test]
    fn the_default_codes_have_no_terms() {
        assert!(at(|_| ()).parameters.terms.are_off());
        // Nor has a switch without a current.
        let terms = at(|c| {
            c.extension.enable_exponential = true;
            c.extension.enable_synin_exc_coba = true;
        });
        assert!(terms.parameters.terms.are_off());
    }

    #[test]
    fn exponential_and_adaptation_follow_their_codes() {
        let switched = |a: f64, invert: bool| {
            at(move |c| {
                let e = &mut c.extension;
                (e.enable_exponential, e.i_bias_exp, e.v_exp) = (true, code(250.0), code(403.0));
                (e.enable_adaptation, e.i_bias_adapt_a, e.i_bias_adapt_b) = (true, code(a), code(500.0));
                (e.adaptation_invert_a, e.adaptation_invert_b) = (invert, invert);
                e.i_bias_adapt_tau = code(50.0);
            })
        };
        let Effective { parameters, current, .. } = switched(500.0, false);
        let exponential = parameters.terms.exponential.unwrap();
        assert_relative_eq!(exponential.slope_lsb, 10.0);
        assert_relative_eq!(exponential.v_exp_lsb, 150.0);
        let adaptation = parameters.terms.adaptation.unwrap();
        assert_relative_eq!(adaptation.tau_us, 200.0);
        assert_relative_eq!(adaptation.v_ref_lsb, 80.0);
        assert_relative_eq!(current, 0.0);
        let inverted = switched(500.0, true).parameters.terms.adaptation.unwrap();
        assert_eq!(inverted.a_per_us, -adaptation.a_per_us);
        assert_eq!(inverted.b_lsb_per_us, -adaptation.b_lsb_per_us);
        assert_eq!(switched(0.0, false).parameters.terms.adaptation.unwrap().a_per_us, 0.0);
    }

    #[test]
    fn an_adaptation_that_rests_above_its_reference_draws_a_current() {
        let current = at(|c| {
            c.extension.enable_adaptation = true;
            c.extension.v_adapt_leak = code(700.0);
        })
        .current;
        assert_relative_eq!(current, -0.05 * 80.0 * LSB_PER_CODE[0], max_relative = 1e-12);
    }

    #[test]
    fn reversal_potentials_lie_on_their_side_of_the_leak() {
        let reversals = |strength: f64, exc: f64| {
            let terms = at(move |c| {
                let e = &mut c.extension;
                (e.enable_synin_exc_coba, e.enable_synin_inh_coba) = (true, true);
                (e.i_bias_synin_exc_coba, e.i_bias_synin_inh_coba) = (code(strength), code(strength));
                e.e_synin_exc_rev = code(exc);
            })
            .parameters
            .terms;
            (terms.reversal_exc_lsb.unwrap(), terms.reversal_inh_lsb.unwrap())
        };
        let (exc, inh) = reversals(100.0, 1020.0);
        assert_relative_eq!(exc, 80.0 + 400.0 * LSB_PER_CODE[0], max_relative = 1e-12);
        assert_relative_eq!(inh, 80.0 - 320.0 * LSB_PER_CODE[0], max_relative = 1e-12);
        let (nearer, _) = reversals(200.0, 1020.0);
        assert_relative_eq!(nearer - 80.0, 0.5 * (exc - 80.0), max_relative = 1e-12);
        assert_eq!(reversals(100.0, 300.0).0, 81.0);
    }

    #[test]
    fn the_reset_is_released_early_by_the_hold_off() {
        let holdoff = |refractory, h| {
            at(move |c| {
                c.refractory = refractory;
                c.extension.reset_holdoff = h;
            })
            .parameters
            .terms
            .holdoff_us
        };
        let long = Refractory { counter: 100, scale: 3 };
        assert_eq!(holdoff(long, 15), 0.0);
        assert_relative_eq!(holdoff(long, 14), 3.0 / 15.625);
        assert_relative_eq!(holdoff(long, 0), 31.0 / 15.625);
        let short = Refractory { counter: 10, scale: 3 };
        assert_relative_eq!(holdoff(short, 0), short.time_us());
    }

    #[test]
    fn high_resistance_lengthens_one_time_constant() {
        let base = at(|_| ()).parameters;
        let longer = at(|c| c.extension.synin_exc_high_resistance = true).parameters;
        assert_relative_eq!(longer.tau_syn_exc_us, 4.0 * base.tau_syn_exc_us);
        assert_eq!(longer.tau_syn_inh_us, base.tau_syn_inh_us);
    }
}
