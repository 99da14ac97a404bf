//! Offsets of the CADC channels.
//!
//! - Observable: resting membranes, read by every neuron's own CADC channel and by the MADC, which is one and the same
//!   converter for all neurons: the common reference.
//! - Method: two levels of the leak fix the line from MADC to CADC units (slope from the differences within neurons, where
//!   the channels' offsets drop out; intercept from the mean). What a channel reads off the line is its offset. Computed, not
//!   searched: one measurement per level.
//! - Range: the digital correction is an integer in -128..=127. What it leaves, at most half an LSB, is remembered and
//!   subtracted from all means of the calibration.
//! - What can go wrong: the mean offset of all channels together cannot be seen (0.3 LSB for 512 channels of 6 LSB). On
//!   silicon even and odd neurons have a readout line each.

use bss2_emu::codes::NEURONS;
use bss2_emu::device::MADC_INVALID_US;
use bss2_emu::{CapMemCode, ReadoutSource};

use crate::error::CalibError;
use crate::instruments::{Bench, cut};

/// Codes of the leak, apart enough for a line and well within the range of both converters on any chip.
const LEVELS: [f64; 2] = [580.0, 780.0];
/// About 120 MADC samples.
const DURATION_US: f64 = MADC_INVALID_US + 4.0;

pub(crate) fn calibrate(bench: &mut Bench<'_>) -> Result<(), CalibError> {
    let mut cadc = Vec::with_capacity(2);
    let mut madc = Vec::with_capacity(2);
    for level in LEVELS {
        bench.configure(|_, codes| {
            codes.v_leak = CapMemCode::saturating(level);
            codes.enable_synin_exc = false;
            codes.enable_synin_inh = false;
        })?;
        let recording = bench.madc(ReadoutSource::Membrane, DURATION_US, &[], vec![MADC_INVALID_US])?;
        cadc.push(bench.mean_of(&recording));
        let mean = |trace: &[u16]| {
            let samples = cut(trace, MADC_INVALID_US).after;
            samples.iter().map(|v| f64::from(*v)).sum::<f64>() / samples.len() as f64
        };
        madc.push(recording.trials.iter().map(|t| mean(&t.madc)).collect::<Vec<f64>>());
    }
    let (mut mm, mut mc) = (0.0, 0.0);
    for n in 0..NEURONS {
        let step = madc[1][n] - madc[0][n];
        mm += step * step;
        mc += step * (cadc[1][n] - cadc[0][n]);
    }
    let slope = mc / mm;
    if !(slope > 0.0 && slope.is_finite()) {
        return Err(CalibError::NoSignal {
            step: "CADC offsets",
            detail: format!("CADC and MADC reads of two leak potentials differ by a factor of {slope}"),
        });
    }
    let off_line: Vec<f64> =
        (0..NEURONS).map(|n| 0.5 * (cadc[0][n] + cadc[1][n] - slope * (madc[0][n] + madc[1][n]))).collect();
    let intercept = off_line.iter().sum::<f64>() / NEURONS as f64;
    for (n, value) in off_line.iter().enumerate() {
        let offset = value - intercept;
        let correction = libm::rint(-offset).clamp(-128.0, 127.0);
        bench.codes.cadc_offset[n] = correction as i8;
        bench.cadc_remainder[n] = offset + correction;
    }
    Ok(())
}
