//! What a chip measures with common codes.
//!
//! Stands in for the arrays of `calib::evaluate` until it is there: here all parameters have their median codes at once.

use ::calib::{Calibration, remeasure};
use anyhow::Context as _;
use bss2_emu::{CapMemCode, Chip, NeuronCodes};

use super::parameters::PARAMETERS;

/// Parameters that `calix` evaluates.
const EVALUATED: [&str; 6] = ["v_leak", "v_reset", "v_threshold", "tau_mem", "tau_syn_exc", "tau_syn_inh"];

/// The arrays `<name>_uncalibrated`.
///
/// # Errors
/// If the chip shows nothing.
pub fn uncalibrated(chip: &mut Chip, table: &Calibration) -> anyhow::Result<Vec<(String, Vec<f64>)>> {
    let mut common = table.clone();
    if let Some(codes) = &mut common.codes {
        let fields: [fn(&mut NeuronCodes) -> &mut CapMemCode; 6] = [
            |c| &mut c.v_leak,
            |c| &mut c.v_reset,
            |c| &mut c.v_threshold,
            |c| &mut c.i_bias_leak,
            |c| &mut c.i_bias_synin_exc_tau,
            |c| &mut c.i_bias_synin_inh_tau,
        ];
        for field in fields {
            let mut values: Vec<CapMemCode> = codes.neurons.iter_mut().map(|c| *field(c)).collect();
            values.sort_unstable();
            let Some(median) = values.get(values.len() / 2) else { continue };
            codes.neurons.iter_mut().for_each(|c| *field(c) = *median);
        }
    }
    let (neurons, _) = remeasure(chip, &common).context("the chip cannot be measured with common codes")?;
    let arrays = PARAMETERS.iter().filter(|p| EVALUATED.contains(&p.name));
    Ok(arrays.map(|p| (format!("{}_uncalibrated", p.name), neurons.iter().map(p.value).collect())).collect())
}
