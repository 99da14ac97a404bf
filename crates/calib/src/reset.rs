//! Reset potential.
//!
//! - Observable: a forced reset with a refractory time that outlasts the trial; mean CADC read from 10 us after it on, 128
//!   samples.
//! - Search: `v_reset`, rising.
//! - Range: 0..=1022.
//! - Cost: at most 6 measurements from anywhere, 3 as a refinement.
//! - What can go wrong: nothing that was seen yet; on silicon some neurons stick to their reset.

use bss2_emu::Refractory;

use crate::error::CalibError;
use crate::instruments::Bench;
use crate::search::{Direction, FirstStep, Search};

pub(crate) const RANGE: std::ops::RangeInclusive<u16> = 0..=1022;
/// About a millisecond.
const HOLD: Refractory = Refractory { counter: 255, scale: 9 };
const RESET_US: f64 = 2.0;
const SETTLED_US: f64 = 12.0;

/// Searches from the present codes; `first_step` codes are the scale of the correction expected.
pub(crate) fn calibrate(bench: &mut Bench<'_>, targets_lsb: &[f64], first_step: u16) -> Result<(), CalibError> {
    let most = if first_step < 10 { 3 } else { 6 };
    let search = Search { range: RANGE, direction: Direction::Rising, first_step: FirstStep::By(first_step), most };
    let start = bench.get(|c| c.v_reset);
    let found = search.run(targets_lsb, start, |codes| {
        bench.set(codes, |c| &mut c.v_reset);
        measure(bench, 4)
    })?;
    bench.set(&found.codes, |c| &mut c.v_reset);
    Ok(())
}

/// Reset potentials at the present codes, in LSB: 32 samples in each trial.
pub(crate) fn measure(bench: &mut Bench<'_>, trials: usize) -> Result<Vec<f64>, CalibError> {
    bench.configure(|_, codes| codes.refractory = HOLD)?;
    bench.cadc_mean(SETTLED_US, 32, trials, &[RESET_US])
}
