//! References of the synaptic inputs.
//!
//! - Observable: mean CADC read of the resting membrane with one input connected. It shall be the same as with none: then
//!   the input's offset current is zero.
//! - Search: `i_bias_synin_*_shift`; more code raises the membrane through the excitatory input, lowers it through the
//!   inhibitory one.
//! - Range: 0..=1022.
//! - Cost: at most 13 measurements for both inputs.
//! - What can go wrong: the offset of an uncalibrated input can drive the membrane to an operating limit, the more so the
//!   longer `tau_mem`. So the first, coarse search is done with a leak of 8 or 64 times the strength, by its switches.
//!   The offset grows with `i_synin_gm`, so the fine search is repeated once the strengths are matched.

use bss2_emu::{CapMemCode, NeuronCodes};

use crate::error::CalibError;
use crate::instruments::Bench;
use crate::search::{Direction, FirstStep, Search};
use crate::stimulus::Sign;

pub(crate) const RANGE: std::ops::RangeInclusive<u16> = 0..=1022;

/// How the references are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// From anywhere, against a strong leak.
    Coarse,
    /// From nearby, at the present leak.
    Fine,
}

/// Searches both inputs from the present codes.
pub(crate) fn calibrate(bench: &mut Bench<'_>, look: Look) -> Result<(), CalibError> {
    let connect = |codes: &mut NeuronCodes, sign: Option<Sign>| {
        codes.enable_synin_exc = sign == Some(Sign::Excitatory);
        codes.enable_synin_inh = sign == Some(Sign::Inhibitory);
        if look == Look::Coarse {
            codes.leak_division = false;
            codes.leak_multiplication = true;
        }
    };
    bench.configure(|_, c| connect(c, None))?;
    let without = bench.rest()?;
    for sign in [Sign::Excitatory, Sign::Inhibitory] {
        let (field, direction): (fn(&mut NeuronCodes) -> &mut CapMemCode, _) = match sign {
            Sign::Excitatory => (|c| &mut c.i_bias_synin_exc_shift, Direction::Rising),
            Sign::Inhibitory => (|c| &mut c.i_bias_synin_inh_shift, Direction::Falling),
        };
        let search = Search {
            range: RANGE,
            direction,
            first_step: FirstStep::By(match look {
                Look::Coarse => 150,
                Look::Fine => 15,
            }),
            most: 6,
        };
        let start = bench.get(|c| match sign {
            Sign::Excitatory => c.i_bias_synin_exc_shift,
            Sign::Inhibitory => c.i_bias_synin_inh_shift,
        });
        let found = search.run(&without, start, |codes| {
            bench.configure(|n, c| {
                *field(c) = codes[n];
                connect(c, Some(sign));
            })?;
            bench.rest()
        })?;
        bench.set(&found.codes, field);
    }
    Ok(())
}
