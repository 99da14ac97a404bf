//! The colours of the figures: one meaning, one colour, told apart by colour-blind readers and in print.
//!
//! The qualitative colours are those of Okabe and Ito ("Color Universal Design", 2008). The two lightest of their eight
//! (yellow, sky blue) come last: on white paper they carry marks badly.

use kuva::render::color::Color;

/// An opaque colour, 8 bit per channel (sRGB).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rgb(pub u8, pub u8, pub u8);

impl From<Rgb> for Color {
    fn from(Rgb(red, green, blue): Rgb) -> Self {
        Color::Rgb(red, green, blue)
    }
}

impl Rgb {
    /// The same colour, three quarters of the way to white.
    pub(super) fn pale(self) -> Self {
        let paler = |channel: u8| (f64::from(channel) + 0.75 * f64::from(255 - channel)).round() as u8;
        Self(paler(self.0), paler(self.1), paler(self.2))
    }
}

/// Axes and text.
pub(super) const INK: Rgb = Rgb(0x22, 0x22, 0x22);
/// Secondary text, reference lines, input spikes.
pub(super) const GREY: Rgb = Rgb(0x76, 0x76, 0x76);
/// Grid lines and separators.
pub(super) const LIGHT: Rgb = Rgb(0xd9, 0xd9, 0xd9);
/// What was before, behind what is now.
pub(super) const PALE: Rgb = Rgb(0xb4, 0xb4, 0xb4);
/// Paper.
pub(super) const WHITE: Rgb = Rgb(0xff, 0xff, 0xff);
/// Marks laid over coloured points.
pub(super) const BLACK: Rgb = Rgb(0, 0, 0);

/// Okabe-Ito blue: training, inhibition, the first class.
pub(super) const BLUE: Rgb = Rgb(0x00, 0x72, 0xb2);
/// Okabe-Ito vermillion: validation, excitation, the second class.
pub(super) const VERMILLION: Rgb = Rgb(0xd5, 0x5e, 0x00);

const CLASSES: [Rgb; 7] = [
    BLUE,
    VERMILLION,
    Rgb(0x00, 0x9e, 0x73),
    Rgb(0xcc, 0x79, 0xa7),
    Rgb(0xe6, 0x9f, 0x00),
    Rgb(0x56, 0xb4, 0xe9),
    Rgb(0xf0, 0xe4, 0x42),
];

/// The colour of class (and output neuron) `index`; the palette repeats after seven classes.
pub(super) fn class_colour(index: usize) -> Rgb {
    CLASSES[index % CLASSES.len()]
}

/// Sequential ramp from white to a dark blue, for a fraction in `0..=1` (clamped; NaN is white).
pub(super) fn ramp(fraction: f64) -> Rgb {
    const STOPS: [Rgb; 4] = [WHITE, Rgb(0xb3, 0xd0, 0xe8), Rgb(0x3c, 0x88, 0xbf), Rgb(0x08, 0x3e, 0x70)];
    let along = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64 };
    let segment = (along as usize).min(STOPS.len() - 2);
    let (from, to) = (STOPS[segment], STOPS[segment + 1]);
    let weight = along - segment as f64;
    let mix = |a: u8, b: u8| (f64::from(a) + weight * (f64::from(b) - f64::from(a))).round() as u8;
    Rgb(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// Black or white, whichever is easier to read on `background` (relative luminance of WCAG 2).
pub(super) fn ink_on(background: Rgb) -> Rgb {
    let linear = |channel: u8| (f64::from(channel) / 255.0).powf(2.2);
    let luminance = 0.2126 * linear(background.0) + 0.7152 * linear(background.1) + 0.0722 * linear(background.2);
    if luminance > 0.22 { INK } else { WHITE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_runs_from_white_to_dark_and_bears_nonsense() {
        assert_eq!(ramp(0.0), WHITE);
        assert_eq!(ramp(f64::NAN), WHITE);
        assert_eq!(ramp(1.0), ramp(7.0));
        assert_eq!(ink_on(ramp(0.0)), INK);
        assert_eq!(ink_on(ramp(1.0)), WHITE);
    }

    #[test]
    fn neighbouring_classes_differ() {
        for index in 0..20 {
            assert_ne!(class_colour(index), class_colour(index + 1));
        }
    }
}
