//! Resting potential.
//!
//! - Observable: mean CADC read of the resting membrane, 128 samples.
//! - Search: `v_leak`, rising.
//! - Range: 0..=1022.
//! - Cost: at most 6 measurements from anywhere, 4 as a refinement.
//! - What can go wrong: the inputs' offset currents times `tau_mem` are part of what is read. Before the references are
//!   found the inputs are disconnected; the last refinements are done with them connected, and take up what is left.

use crate::error::CalibError;
use crate::instruments::Bench;
use crate::search::{Direction, FirstStep, Search};

pub(crate) const RANGE: std::ops::RangeInclusive<u16> = 0..=1022;

/// Whether the synaptic inputs are connected while the leak is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inputs {
    Connected,
    Disconnected,
}

/// Searches from the present codes; `first_step` codes are the scale of the correction expected.
pub(crate) fn calibrate(
    bench: &mut Bench<'_>,
    targets_lsb: &[f64],
    inputs: Inputs,
    first_step: u16,
) -> Result<(), CalibError> {
    let most = if first_step < 10 { 4 } else { 6 };
    let search = Search { range: RANGE, direction: Direction::Rising, first_step: FirstStep::By(first_step), most };
    let start = bench.get(|c| c.v_leak);
    let found = search.run(targets_lsb, start, |codes| {
        bench.configure(|n, c| {
            c.v_leak = codes[n];
            if inputs == Inputs::Disconnected {
                c.enable_synin_exc = false;
                c.enable_synin_inh = false;
            }
        })?;
        bench.rest()
    })?;
    bench.set(&found.codes, |c| &mut c.v_leak);
    Ok(())
}

/// Resting potentials with both inputs connected, in LSB: 512 samples.
pub(crate) fn measure(bench: &mut Bench<'_>) -> Result<Vec<f64>, CalibError> {
    bench.configure(|_, _| ())?;
    bench.rest_of(16)
}
