//! Could calibrated chips of the emulator have produced a recording of silicon?
//!
//! `cargo run --release -p bss2-twin --example population -- RECORDING.npz [CHIPS]`

use std::path::Path;

use twin::Recording;
use twin::census::{NAMES, Statistics, calibrated, census, quantile, without_gain_spread};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("a recording is needed: population RECORDING.npz [CHIPS]")?;
    let n: u64 = arguments.next().map_or(Ok(48), |text| text.parse())?;
    let recording = Recording::load(Path::new(&path))?;
    let measured = Statistics::of_recording(&recording)?.values();
    let chips = census(&recording, n, calibrated)?;
    let equal = census(&recording, n, without_gain_spread)?;
    println!("| {n} chips against one of silicon | recorded | 5 % | 50 % | 95 % | without gain spread: 5 % | 95 % |");
    println!("|---|---|---|---|---|---|---|");
    for (k, (name, measured)) in NAMES.iter().zip(measured).enumerate() {
        let of = |share| quantile(&chips, k, share);
        let [low, middle, high] = [0.05, 0.5, 0.95].map(of);
        let [equal_low, equal_high] = [0.05, 0.95].map(|share| quantile(&equal, k, share));
        println!("| {name} | {measured:.3} | {low:.3} | {middle:.3} | {high:.3} | {equal_low:.3} | {equal_high:.3} |");
    }
    let accuracies = chips.iter().map(|chip| chip.accuracy);
    let inside = accuracies.filter(|accuracy| (0.5..=0.8).contains(accuracy)).count();
    println!("recorded weights reach 50-80 % on {inside} of {n} chips");
    Ok(())
}
