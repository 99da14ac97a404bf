//! The converters: CADC (8 bit, all neurons) and MADC (10 bit, one node at a time).

use crate::device::{MADC_INVALID_US, ReadoutSource};
use crate::dynamics::View;
use crate::rng::Stream;
use crate::transfer::{CadcChannel, MADC_PER_CADC};

/// MADC value at 0 CADC LSB (read off a published figure: the threshold line).
const MADC_OFFSET: f64 = 60.0;
/// MADC value of a synaptic input or an adaptation without current, and its change per LSB/us (guesses: the sources give no scale; the
/// calibration of the time constants uses the shape only).
const SYNAPTIC_OFFSET: f64 = 200.0;
const SYNAPTIC_SCALE: f64 = 10.0;

/// One CADC sample of a potential.
pub fn cadc(potential_lsb: f64, channel: CadcChannel, correction: i8, noise_std: f64, stream: &mut Stream) -> u8 {
    let noise = if noise_std > 0.0 { noise_std * stream.normal() } else { 0.0 };
    let raw = libm::rint(channel.read(potential_lsb) + noise).clamp(0.0, 255.0);
    (raw + f64::from(correction)).clamp(0.0, 255.0) as u8
}

/// One MADC sample.
pub fn madc(
    source: ReadoutSource,
    rest_lsb: f64,
    time_us: f64,
    view: &View,
    noise_std: f64,
    stream: &mut Stream,
) -> u16 {
    let noise = if noise_std > 0.0 { noise_std * stream.normal() } else { 0.0 };
    if time_us < MADC_INVALID_US {
        return 0;
    }
    let value = match source {
        ReadoutSource::Membrane => MADC_OFFSET + MADC_PER_CADC * (rest_lsb + view.potential),
        ReadoutSource::ExcitatoryInput => SYNAPTIC_OFFSET + SYNAPTIC_SCALE * view.i_exc,
        ReadoutSource::InhibitoryInput => SYNAPTIC_OFFSET + SYNAPTIC_SCALE * view.i_inh,
        ReadoutSource::Adaptation => SYNAPTIC_OFFSET + SYNAPTIC_SCALE * view.adaptation,
    };
    libm::rint(value + noise).clamp(0.0, 1023.0) as u16
}
