//! Emulated chips calibrated, and what is left: the numbers of `docs/results/calibration.md`.
//!
//! ```text
//! cargo run --release -p bss2-calib --example ten_chips -- silicon 10      what hardware tests assert, for chips 1 to 10
//! cargo run --release -p bss2-calib --example ten_chips -- causes 3        effective gain with each cause switched off, chips 1 to 3
//! cargo run --release -p bss2-calib --example ten_chips -- costs 1         measurements and time of each routine
//! ```

mod effective_gain;

use bss2_emu::noise::Noise;
use bss2_emu::spec::Preset;
use bss2_emu::{Chip, ChipSpec};
use calib::{CalibError, Calibration, Targets, calibrate, calibrate_with_costs, evaluate};
use probes::statistics::{mean, sd};
use probes::{Bench, OperatingPoint, ProbeError, homeostasis, leak_over_threshold, weight_scale};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chips = arguments.get(1).map_or(Ok(10), |n| n.parse())?;
    match arguments.first().map(String::as_str) {
        Some("silicon") => silicon(chips),
        Some("causes") => causes(chips),
        Some("costs") => costs(chips),
        _ => Err("expected silicon, causes or costs, and a number of chips".into()),
    }
}

fn targets(point: &OperatingPoint) -> Targets {
    Targets {
        leak_lsb: point.leak_lsb,
        reset_lsb: point.reset_lsb,
        threshold_lsb: point.threshold_lsb,
        tau_mem_us: point.tau_mem_us,
        tau_syn_exc_us: point.tau_syn_us,
        tau_syn_inh_us: point.tau_syn_us,
        i_synin_gm: point.i_synin_gm,
        synapse_dac_bias: point.synapse_dac_bias,
        refractory_time_us: point.refractory_us,
        ..Targets::default()
    }
}

fn calibrated(spec: &ChipSpec, targets: &Targets) -> Result<(Chip, Calibration), CalibError> {
    let mut chip = Chip::draw(spec);
    let table = calibrate(&mut chip, targets, &mut |_| ())?;
    Ok((chip, table))
}

fn silicon(chips: u64) -> Outcome<()> {
    for seed in 1..=chips {
        let spec = ChipSpec::new(Preset::Bss2, seed);
        let nightly = targets(&OperatingPoint::NIGHTLY);
        let (mut chip, table) = calibrated(&spec, &nightly)?;
        let evaluation = evaluate(&mut chip, &table)?;
        if seed == 1 {
            let names: Vec<&str> = evaluation.checks().iter().map(|check| check.name).collect();
            println!(
                "| chip | {} | swing | weight scale | fast, slow enough | refractory | homeostasis: weight, sd | effective gain: mean, sd | success |",
                names.join(" | ")
            );
        }
        let checks: Vec<String> = evaluation
            .checks()
            .iter()
            .map(|check| format!("{:.3}{}", check.value, if check.holds() { "" } else { " !" }))
            .collect();
        let codes = table.codes.as_ref().map(|codes| codes.neurons[0].refractory);
        let refractory = codes.map_or(String::new(), |r| format!("{} at {}", r.counter, r.scale));
        let success = table.success.iter().filter(|s| **s).count();

        let (scale, weights) = under_probes(&mut chip, &table)?;
        let (mut firing, firing_table) = calibrated(&spec, &targets(&leak_over_threshold::operating_point()))?;
        let mut bench = Bench::new(&mut firing, firing_table.setting());
        let rates = leak_over_threshold::measure(&mut bench, &leak_over_threshold::Settings::default())?.findings();
        let (chip, _) = calibrated(&spec, &Targets::default())?;
        let gains = effective_gain::log_gains(&effective_gain::truth(&chip));
        println!(
            "| {seed} | {} | {:.1} | {scale:.1} | {:.3}, {:.3} | {refractory} | {:.1}, {:.1} % | {:+.1} %, {:.2} % | {success} |",
            checks.join(" | "),
            evaluation.swing_lsb(),
            rates[0].value,
            rates[1].value,
            mean(&weights),
            100.0 * sd(&weights) / mean(&weights),
            100.0 * mean(&gains),
            100.0 * sd(&gains),
        );
    }
    Ok(())
}

/// Mean weight scale, and the weights that the neurons need for equal rates.
fn under_probes(chip: &mut Chip, table: &Calibration) -> Result<(f64, Vec<f64>), ProbeError> {
    let mut bench = Bench::new(chip, table.setting());
    let settings = weight_scale::Settings { trials: 10, ..weight_scale::Settings::default() };
    let scale = mean(&weight_scale::measure(&mut bench, &settings)?.weight_scales());
    let settings = homeostasis::Settings { periods: 40, start: 24, ..homeostasis::Settings::default() };
    Ok((scale, homeostasis::measure(&mut bench, &settings)?.settled()))
}

/// A cause of what calibration leaves behind, and how it is switched off.
type Cause = (&'static str, fn(&mut ChipSpec));

const CAUSES: [Cause; 6] = [
    ("none", |_| ()),
    ("errors of written CapMem cells", |spec| spec.variation.capmem_write_codes_std = 0.0),
    ("synapses that differ", |spec| spec.variation.synapse_weight_rel_std = 0.0),
    ("CADC noise", |spec| spec.noise.cadc_lsb_std = 0.0),
    ("CADC offsets and ramps", |spec| {
        spec.variation.cadc_offset_lsb_std = 0.0;
        spec.variation.cadc_ramp_offset_lsb_std = 0.0;
        spec.variation.cadc_ramp_slope_rel_std = 0.0;
    }),
    ("all temporal noise", |spec| spec.noise = Noise::OFF),
];

fn causes(chips: u64) -> Outcome<()> {
    let both: Cause = ("written cells and synapses", |spec| {
        spec.variation.capmem_write_codes_std = 0.0;
        spec.variation.synapse_weight_rel_std = 0.0;
    });
    println!("| switched off | effective gain, sd by chip | leak | threshold | tau_mem | tau_syn exc | gain exc |");
    for (name, switch_off) in CAUSES.into_iter().chain([both]) {
        let mut spreads = Vec::new();
        let mut parts = [0.0; 5];
        for seed in 1..=chips {
            let mut spec = ChipSpec::new(Preset::Bss2, seed);
            switch_off(&mut spec);
            let (chip, _) = calibrated(&spec, &Targets::default())?;
            let truth = effective_gain::truth(&chip);
            spreads.push(format!("{:.2}", 100.0 * sd(&effective_gain::log_gains(&truth))));
            let spread = |field: fn(&bss2_emu::NeuronParameters) -> f64| {
                sd(&truth.iter().map(field).collect::<Vec<f64>>()) / chips as f64
            };
            parts[0] += spread(|p| p.v_leak_lsb);
            parts[1] += spread(|p| p.v_threshold_lsb);
            parts[2] += 100.0 * spread(|p| libm::log(p.tau_mem_us));
            parts[3] += 100.0 * spread(|p| libm::log(p.tau_syn_exc_us));
            parts[4] += 100.0 * spread(|p| libm::log(p.gain_exc));
        }
        let [leak, threshold, mem, syn, gain] = parts;
        println!(
            "| {name} | {} % | {leak:.2} LSB | {threshold:.2} LSB | {mem:.2} % | {syn:.2} % | {gain:.2} % |",
            spreads.join(", ")
        );
    }
    Ok(())
}

fn costs(chips: u64) -> Outcome<()> {
    for seed in 1..=chips {
        let mut chip = Chip::draw(&ChipSpec::new(Preset::Bss2, seed));
        let costs = calibrate_with_costs(&mut chip, &Targets::default(), &mut |_| ())?.costs;
        println!("| routine | measurements | trials | on the chip | on the clock |");
        for cost in &costs {
            println!(
                "| {} | {} | {} | {:.1} ms | {:.2} s |",
                cost.routine,
                cost.measurements,
                cost.trials,
                1e3 * cost.hardware_time.as_secs_f64(),
                cost.wall_time.as_secs_f64()
            );
        }
        println!(
            "| all | {} | {} | {:.1} ms | {:.2} s |",
            costs.iter().map(|c| c.measurements).sum::<u64>(),
            costs.iter().map(|c| c.trials).sum::<u64>(),
            1e3 * costs.iter().map(|c| c.hardware_time.as_secs_f64()).sum::<f64>(),
            costs.iter().map(|c| c.wall_time.as_secs_f64()).sum::<f64>(),
        );
    }
    Ok(())
}
