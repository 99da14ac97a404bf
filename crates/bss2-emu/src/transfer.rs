//! From codes to physical parameters: the transfer functions of one neuron of one chip.
//!
//! A calibration has to find the codes without being told these. Anchors (all from public sources, see the book's chapter
//! on the chip): mean codes 667/673/411 for leak/reset/threshold at 80/80/150 CADC LSB with slopes 0.79/0.88/0.99 MADC LSB per
//! code; leak bias 164 and synaptic bias 82 for 6 us; one PSP of 0.35 CADC LSB per weight LSB at 10/10 us, gm 500, DAC 600.

pub(crate) mod cadc;
mod equalise;
mod extension;

use crate::capmem::{Cell, Cells};
use crate::codes::CapMemCode;
use crate::parameters::{NOMINAL_GAIN, NeuronCodes, NeuronParameters};
use crate::variation::NeuronDeviation;

pub use cadc::CadcChannel;
pub use equalise::{EqualTargets, equalising_codes};
pub use extension::ExtensionDeviation;

/// MADC LSB per CADC LSB (read off a published figure).
pub const MADC_PER_CADC: f64 = 2.96;

/// A voltage cell: nominal `target` LSB at code `code`, and LSB per code.
struct VoltageCell {
    code: f64,
    target_lsb: f64,
    slope: f64,
}

const V_LEAK: VoltageCell = VoltageCell { code: 620.0, target_lsb: 80.0, slope: 0.79 / MADC_PER_CADC };
const V_RESET: VoltageCell = VoltageCell { code: 625.0, target_lsb: 80.0, slope: 0.88 / MADC_PER_CADC };
const V_THRESHOLD: VoltageCell = VoltageCell { code: 403.0, target_lsb: 150.0, slope: 0.99 / MADC_PER_CADC };
/// Nominal slopes of the voltage cells: leak, reset, threshold.
pub(crate) const LSB_PER_CODE: [f64; 3] = [V_LEAK.slope, V_RESET.slope, V_THRESHOLD.slope];

/// Leak bias code that gives 6 us at full capacitance.
const LEAK_CODE_AT_6_US: f64 = 160.0;
/// Synaptic bias code that gives 6 us.
const TAU_SYN_CODE_AT_6_US: f64 = 110.0;
/// Shift codes at which nominal synaptic inputs have no offset: excitatory, inhibitory (means of three chips).
const SHIFT_CODE: [f64; 2] = [314.0, 292.0];
/// Offset current of a synaptic input per code away from its null at gm 550, in LSB/us (a guess: the sources give the codes
/// only; this makes an uncalibrated input move the membrane by some 15 LSB at 6 us).
const SHIFT_CURRENT: f64 = 0.02;
/// Constant membrane current per code at full capacitance, in LSB/us (a guess bounded by: code 1000 drives the membrane to
/// its limits against a leak of 10 us).
const OFFSET_CURRENT: f64 = 0.02;
/// Part of the membrane capacitance that the switches cannot remove, in units of one switch step (a guess).
const FIXED_CAPACITANCE: f64 = 2.0;
/// Factor of the switch for high resistance on a synaptic time constant (a guess: the sources only say "longer").
const HIGH_RESISTANCE: f64 = 4.0;
/// A cell at code 0 still leaks: the smallest effective code.
const SMALLEST_CODE: f64 = 0.5;

/// Physical values of one neuron at given codes, as the membrane sees them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effective {
    /// The values a calibration aims at. `v_leak_lsb` is the potential set by the leak alone.
    pub parameters: NeuronParameters,
    /// Constant current onto the membrane (offset current, offsets of the synaptic inputs, adaptation at rest) in LSB/us.
    pub current: f64,
    /// Whether the neuron can fire.
    pub fires: bool,
    /// Membrane capacitance in units of the largest.
    pub capacitance: f64,
    /// The neuron's CADC channel, before the digital correction.
    pub cadc: CadcChannel,
}

/// Applies the transfer functions to what the neuron's cells hold; switches and capacitor come from its codes. `dac_bias` is
/// the synapse DAC bias of the neuron's quadrant. The CADC channel has the neuron's offset only, without the quadrant's ramp.
///
/// The reset is instantaneous: its conductance (`i_bias_reset`, time constants down to .5 us) acts within the refractory time, of which
/// it is taken to be a small part at every code.
pub fn effective(codes: &NeuronCodes, cells: &Cells, dac_bias: CapMemCode, deviation: &NeuronDeviation) -> Effective {
    let value = |cell: Cell| cells.get(cell).max(SMALLEST_CODE);
    let voltage = |nominal: &VoltageCell, cell: Cell, k: usize| {
        // A positive deviation means that the neuron needs a higher code for the same potential.
        nominal.target_lsb
            + nominal.slope * deviation.v_slope[k] * (cells.get(cell) - nominal.code - deviation.v_offset_codes[k])
    };
    let capacitance = (f64::from(codes.membrane_capacitance) + FIXED_CAPACITANCE) / (63.0 + FIXED_CAPACITANCE);
    let mut leak = value(Cell::Leak) / LEAK_CODE_AT_6_US * deviation.leak;
    if codes.leak_division {
        leak /= 8.0;
    }
    if codes.leak_multiplication {
        leak *= 8.0;
    }
    let tau_syn = |cell: Cell, high_resistance: bool, k: usize| {
        let resistance = if high_resistance { HIGH_RESISTANCE } else { 1.0 };
        6.0 * TAU_SYN_CODE_AT_6_US / value(cell) * resistance * deviation.tau_syn[k]
    };
    let strength = |cell: Cell| value(cell) / 550.0 / capacitance;
    let gain = |cell: Cell, enabled: bool, k: usize| {
        f64::from(u8::from(enabled)) * NOMINAL_GAIN * strength(cell) * f64::from(dac_bias.get()) / 800.0
            * deviation.gain[k]
    };
    let shift = |cell: Cell, gm: Cell, enabled: bool, k: usize| {
        f64::from(u8::from(enabled))
            * SHIFT_CURRENT
            * strength(gm)
            * (cells.get(cell) - SHIFT_CODE[k] - deviation.shift_codes[k])
    };
    let offset = if codes.enable_mem_offset {
        let sign = if codes.mem_offset_sink { -1.0 } else { 1.0 };
        sign * OFFSET_CURRENT * cells.get(Cell::MemOffset).max(0.0) / capacitance
    } else {
        0.0
    };
    let (exc, inh) = (codes.enable_synin_exc, codes.enable_synin_inh);
    let v_leak_lsb = voltage(&V_LEAK, Cell::VLeak, 0);
    let (terms, adaptation) = extension::terms(codes, cells, deviation, capacitance, v_leak_lsb);
    Effective {
        parameters: NeuronParameters {
            v_leak_lsb,
            v_reset_lsb: voltage(&V_RESET, Cell::VReset, 1),
            v_threshold_lsb: voltage(&V_THRESHOLD, Cell::VThreshold, 2),
            tau_mem_us: 6.0 * capacitance / leak,
            tau_syn_exc_us: tau_syn(Cell::ExcTau, codes.extension.synin_exc_high_resistance, 0),
            tau_syn_inh_us: tau_syn(Cell::InhTau, codes.extension.synin_inh_high_resistance, 1),
            gain_exc: gain(Cell::ExcGm, exc, 0),
            gain_inh: gain(Cell::InhGm, inh, 1),
            refractory_us: codes.refractory.time_us(),
            terms,
        },
        current: offset + adaptation + shift(Cell::ExcShift, Cell::ExcGm, exc, 0)
            - shift(Cell::InhShift, Cell::InhGm, inh, 1),
        fires: codes.enable_threshold,
        capacitance,
        cadc: CadcChannel::with_offset(deviation.cadc_offset_lsb),
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::spec::{ChipSpec, Preset};
    use crate::variation::Deviations;

    fn nominal() -> NeuronDeviation {
        Deviations::draw(&ChipSpec::new(Preset::Ideal, 0)).neurons[0]
    }

    fn code(value: f64) -> CapMemCode {
        CapMemCode::saturating(value)
    }

    #[test]
    fn nominal_codes_give_the_published_operating_point() {
        let codes = NeuronCodes {
            v_leak: code(620.0),
            v_reset: code(625.0),
            v_threshold: code(403.0),
            i_bias_leak: code(160.0),
            i_bias_synin_exc_tau: code(110.0),
            i_bias_synin_inh_tau: code(110.0),
            i_bias_synin_exc_gm: code(550.0),
            i_bias_synin_inh_gm: code(550.0),
            i_bias_synin_exc_shift: code(314.0),
            i_bias_synin_inh_shift: code(292.0),
            ..NeuronCodes::default()
        };
        let Effective { parameters: p, current, .. } =
            effective(&codes, &Cells::exact(&codes), code(800.0), &nominal());
        assert_relative_eq!(p.v_leak_lsb, 80.0);
        assert_relative_eq!(p.v_reset_lsb, 80.0);
        assert_relative_eq!(p.v_threshold_lsb, 150.0);
        assert_relative_eq!(p.tau_mem_us, 6.0);
        assert_relative_eq!(p.tau_syn_exc_us, 6.0);
        assert_relative_eq!(p.gain_exc, NOMINAL_GAIN);
        assert_relative_eq!(current, 0.0);
    }

    #[test]
    fn switches_divide_and_multiply_the_leak() {
        let tau = |division, multiplication| {
            let codes =
                NeuronCodes { leak_division: division, leak_multiplication: multiplication, ..NeuronCodes::default() };
            effective(&codes, &Cells::exact(&codes), code(800.0), &nominal()).parameters.tau_mem_us
        };
        assert_relative_eq!(tau(true, false), 8.0 * tau(false, false), max_relative = 1e-12);
        assert_relative_eq!(tau(false, true), tau(false, false) / 8.0, max_relative = 1e-12);
    }

    #[test]
    fn a_larger_code_does_what_its_name_says() {
        let at = |change: fn(&mut NeuronCodes)| {
            let mut codes = NeuronCodes::default();
            change(&mut codes);
            effective(&codes, &Cells::exact(&codes), code(800.0), &nominal())
        };
        let base = at(|_| ());
        assert!(at(|c| c.v_threshold = CapMemCode::MAX).parameters.v_threshold_lsb > base.parameters.v_threshold_lsb);
        assert!(
            at(|c| c.i_bias_synin_exc_tau = CapMemCode::MAX).parameters.tau_syn_exc_us < base.parameters.tau_syn_exc_us
        );
        assert!(at(|c| c.i_bias_synin_inh_gm = CapMemCode::MAX).parameters.gain_inh > base.parameters.gain_inh);
        assert!(at(|c| c.i_bias_synin_exc_shift = CapMemCode::MAX).current > base.current);
        assert!(at(|c| c.i_bias_synin_inh_shift = CapMemCode::MAX).current < base.current);
        assert_eq!(at(|c| c.enable_synin_exc = false).parameters.gain_exc, 0.0);
    }
}
