//! The chip's own Poisson sources, counted through neurons that are bypassed.

use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec, NeuronSetting};
use probes::{Bench, background};

/// Ten chips, a second each: 11765 events expected, five standard deviations are 542.
#[test]
fn a_background_source_sends_what_it_shall() {
    for seed in 1..=10 {
        let mut chip = Chip::draw(&ChipSpec::new(Preset::Bss2Calibrated, seed));
        let calibrated = NeuronSetting::Direct(vec![background::operating_point().parameters(); 512]);
        let settings = background::Settings { seed: 1234 + seed as u32, ..background::Settings::default() };
        let outcome = background::measure(&mut Bench::new(&mut chip, calibrated), &settings).unwrap();
        println!("{:?} for {:.0}", outcome.counts, outcome.expected);
        for finding in outcome.findings() {
            assert!(finding.is_inside(), "chip {seed}: {} {}", finding.band.name, finding.value);
        }
    }
}
