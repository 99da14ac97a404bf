//! The CADC: ramps of the quadrants and offsets of the channels.
//!
//! - Observable: resting membranes at two levels of the leak, read by every neuron's own CADC channel and by the MADC, which is one
//!   and the same converter for all neurons. `calix` sweeps a known external voltage; a [`Device`](bss2_emu::Device) has none, so the
//!   MADC is the common ruler. It brings quadrants and channels together. It does not say how many volts an LSB has: the mean
//!   slope and the mean offset of all channels stay as they are, and define the LSB in which the targets are meant.
//! - Method, computed rather than searched: the slope of each quadrant against the MADC gives the code of its ramp's steepness
//!   (reads are inversely proportional to it); a probe of 20 codes says what the ramp's start does, and one step brings the quadrant's
//!   mean offset to that of the chip; what is left of each channel is its digital offset. 2 measurements by the MADC, 5 by the CADC.
//!   The refresh at the end finds the digital offsets anew: 2 and 2.
//! - Range: ramps 0..=1022, half their code to twice it; the digital offset is an integer in -128..=127. What it leaves, at most half
//!   an LSB, is remembered and subtracted from all means of the calibration.
//! - What can go wrong: the mean offset of all channels together cannot be seen (0.3 LSB for 512 channels of 6 LSB). On
//!   silicon even and odd neurons have a readout line each. A ramp whose codes do nothing is left alone.

use bss2_emu::codes::{NEURONS, QUADRANTS};
use bss2_emu::device::MADC_INVALID_US;
use bss2_emu::{CapMemCode, NeuronId, ReadoutSource};

use crate::error::CalibError;
use crate::instruments::{Bench, cut};

/// Codes of the leak, apart enough for a line and well within the range of both converters on any chip.
const LEVELS: [f64; 2] = [580.0, 780.0];
/// About 120 MADC samples.
const DURATION_US: f64 = MADC_INVALID_US + 4.0;
/// Change of the ramp's start that shows what it does.
const PROBE_CODES: f64 = 20.0;
/// A start that does less, in LSB per code, is not used.
const LEAST_EFFECT: f64 = 0.02;

/// Reads of all neurons at both levels.
type Levels = [Vec<f64>; 2];

/// Sets ramps and offsets.
pub(crate) fn calibrate(bench: &mut Bench<'_>) -> Result<(), CalibError> {
    let ruler = ruler(bench)?;
    let reads = reads(bench)?;
    let (chip, _) = line(&ruler, &reads, |_| true)?;
    for q in 0..QUADRANTS {
        let (own, _) = line(&ruler, &reads, |n| quadrant(n) == q)?;
        let code = &mut bench.codes.cadc_ramp_slope[q];
        *code = CapMemCode::saturating(libm::rint(f64::from(code.get()) * (own / chip).clamp(0.5, 2.0)));
    }
    set_starts(bench, &ruler)?;
    set_offsets(bench, &ruler)
}

/// Finds the digital offsets anew.
pub(crate) fn refresh(bench: &mut Bench<'_>) -> Result<(), CalibError> {
    let ruler = ruler(bench)?;
    set_offsets(bench, &ruler)
}

/// Brings the mean offsets of the quadrants together.
fn set_starts(bench: &mut Bench<'_>, ruler: &Levels) -> Result<(), CalibError> {
    let before = reads(bench)?;
    let starts = bench.codes.cadc_ramp_offset;
    let moved = |by: f64, start: CapMemCode| CapMemCode::saturating(libm::rint(f64::from(start.get()) + by));
    bench.codes.cadc_ramp_offset = starts.map(|start| moved(PROBE_CODES, start));
    let probed = level(bench, LEVELS[0])?;
    let offsets = off_line(ruler, &before)?;
    for (q, start) in starts.into_iter().enumerate() {
        let mean = |values: &dyn Fn(usize) -> f64| {
            let members = (0..NEURONS).filter(|n| quadrant(*n) == q);
            members.clone().map(values).sum::<f64>() / members.count() as f64
        };
        let effect = mean(&|n| probed[n] - before[0][n]) / PROBE_CODES;
        let step = if effect.abs() > LEAST_EFFECT { -mean(&|n| offsets[n]) / effect } else { 0.0 };
        bench.codes.cadc_ramp_offset[q] = moved(step, start);
    }
    Ok(())
}

/// What each channel reads beside all others at the same potential, in LSB.
pub(crate) fn offsets(bench: &mut Bench<'_>) -> Result<Vec<f64>, CalibError> {
    let ruler = ruler(bench)?;
    off_line(&ruler, &reads(bench)?)
}

fn set_offsets(bench: &mut Bench<'_>, ruler: &Levels) -> Result<(), CalibError> {
    bench.codes.cadc_offset.fill(0);
    let offsets = off_line(ruler, &reads(bench)?)?;
    for (n, offset) in offsets.into_iter().enumerate() {
        let correction = libm::rint(-offset).clamp(-128.0, 127.0);
        bench.codes.cadc_offset[n] = correction as i8;
        bench.cadc_remainder[n] = offset + correction;
    }
    Ok(())
}

fn set_level(bench: &mut Bench<'_>, level: f64) -> Result<(), CalibError> {
    bench.configure(|_, codes| {
        codes.v_leak = CapMemCode::saturating(level);
        codes.enable_synin_exc = false;
        codes.enable_synin_inh = false;
    })
}

/// The resting membranes by the MADC.
fn ruler(bench: &mut Bench<'_>) -> Result<Levels, CalibError> {
    let mean = |trace: &[u16]| {
        let samples = cut(trace, MADC_INVALID_US).after;
        samples.iter().map(|v| f64::from(*v)).sum::<f64>() / samples.len() as f64
    };
    let mut at = |level| {
        set_level(bench, level)?;
        let recording = bench.madc(ReadoutSource::Membrane, DURATION_US, &[], Vec::new())?;
        Ok::<_, CalibError>(recording.trials.iter().map(|t| mean(&t.madc)).collect::<Vec<f64>>())
    };
    Ok([at(LEVELS[0])?, at(LEVELS[1])?])
}

/// The same by the CADC, with the channels' own offsets.
fn reads(bench: &mut Bench<'_>) -> Result<Levels, CalibError> {
    Ok([level(bench, LEVELS[0])?, level(bench, LEVELS[1])?])
}

fn level(bench: &mut Bench<'_>, level: f64) -> Result<Vec<f64>, CalibError> {
    set_level(bench, level)?;
    bench.cadc_remainder.fill(0.0);
    bench.rest_of(16)
}

fn quadrant(neuron: usize) -> usize {
    NeuronId::saturating(neuron as f64).quadrant()
}

/// Slope and intercept of CADC reads against the ruler: the slope from the differences within neurons, where the channels'
/// offsets drop out, the intercept from the mean.
fn line(ruler: &Levels, reads: &Levels, is_member: impl Fn(usize) -> bool) -> Result<(f64, f64), CalibError> {
    let (mut mm, mut mc, mut intercept, mut count) = (0.0, 0.0, 0.0, 0.0);
    for n in (0..NEURONS).filter(|n| is_member(*n)) {
        let step = ruler[1][n] - ruler[0][n];
        mm += step * step;
        mc += step * (reads[1][n] - reads[0][n]);
    }
    let slope = mc / mm;
    if !(slope > 0.0 && slope.is_finite()) {
        return Err(CalibError::NoSignal {
            step: "CADC offsets",
            detail: format!("CADC and MADC reads of two leak potentials differ by a factor of {slope}"),
        });
    }
    for n in (0..NEURONS).filter(|n| is_member(*n)) {
        intercept += 0.5 * (reads[0][n] + reads[1][n] - slope * (ruler[0][n] + ruler[1][n]));
        count += 1.0;
    }
    Ok((slope, intercept / count))
}

/// What each channel reads off the line of all.
fn off_line(ruler: &Levels, reads: &Levels) -> Result<Vec<f64>, CalibError> {
    let (slope, intercept) = line(ruler, reads, |_| true)?;
    let of = |n: usize| 0.5 * (reads[0][n] + reads[1][n] - slope * (ruler[0][n] + ruler[1][n])) - intercept;
    Ok((0..NEURONS).map(of).collect())
}
