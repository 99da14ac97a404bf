//! `bss2 calib run`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use ::calib::Calibration;
use anyhow::bail;
use bss2_emu::NeuronParameters;
use bss2_emu::membrane::peak_response;
use bss2_emu::spec::ParameterSource;
use serde::Serialize;

use super::{configure, set_threads};
use crate::cli::CalibArgs;
use crate::console::Console;
use crate::laboratory::{Laboratory, draw};

/// Calibrates a chip and writes the table.
///
/// # Errors
/// If the configuration is wrong, the calibration fails or the table cannot be written.
pub fn run(args: &CalibArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    if args.chip.calibration.is_some() {
        bail!("calib run makes a table; --calibration has no meaning here");
    }
    let (config, _) = configure(None, &args.config, &args.chip, Vec::new())?;
    if config.chip.parameters == ParameterSource::Direct {
        bail!("this chip is set directly (chip.parameters = \"direct\"): there is nothing to calibrate");
    }
    let folder = args.out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if args.out.is_dir() || !folder.is_dir() {
        bail!("cannot write {}: it must be a file in a folder that exists", args.out.display());
    }
    let begun = Instant::now();
    let laboratory = Laboratory::set_up(
        draw(&config.chip, &config.residual_table)?,
        &config.calibration,
        &config.scaling,
        None,
        &mut |step| {
            console.say(format_args!("{:2}/{} {}", step.index, step.of, step.name));
        },
    )?;
    let table = &laboratory.calibration;
    table.save(&args.out)?;
    let good = table.success.iter().filter(|s| **s).count();
    console.say(format_args!(
        "chip {}: {good} of {} neurons on target; {} runs, {:.2} s on the chip, {:.1} s here; threshold {:.3} weight units",
        table.chip,
        table.success.len(),
        table.measurements,
        table.hardware_time_us * 1e-6,
        begun.elapsed().as_secs_f64(),
        laboratory.scaling.threshold,
    ));
    let spreads = spreads(table);
    console.say("measured on these neurons    median       sd   sd/median");
    for spread in &spreads {
        let Spread { name, median, sd } = spread;
        console.say(format_args!("  {name:<22} {median:>10.3} {sd:>8.3} {:>8.2} %", 100.0 * sd / median));
    }
    console.say(format_args!("written to {}", args.out.display()));
    console.result(&serde_json::json!({
        "chip": table.chip,
        "file": args.out.display().to_string(),
        "neurons_on_target": good,
        "measurements": table.measurements,
        "hardware_time_s": table.hardware_time_us * 1e-6,
        "threshold": laboratory.scaling.threshold,
        "measured": spreads,
        "wall_s": begun.elapsed().as_secs_f64(),
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// Distribution of a parameter over the neurons that are on target.
#[derive(Debug, Clone, Serialize)]
struct Spread {
    name: &'static str,
    median: f64,
    sd: f64,
}

/// A parameter of a neuron.
type Field = fn(&NeuronParameters) -> f64;

/// What was measured of the neurons on target. *Excitability* is the height of a PSP of weight code 1 in percent of (threshold -
/// leak): all parameters that make a neuron fire early or late in one number.
fn spreads(table: &Calibration) -> Vec<Spread> {
    let excitability: Field = |p| {
        let psp_lsb = p.gain_exc * peak_response(p.tau_mem_us, p.tau_syn_exc_us);
        100.0 * psp_lsb / (p.v_threshold_lsb - p.v_leak_lsb)
    };
    let fields: [(&'static str, Field); 8] = [
        ("leak (CADC LSB)", |p| p.v_leak_lsb),
        ("reset (CADC LSB)", |p| p.v_reset_lsb),
        ("threshold (CADC LSB)", |p| p.v_threshold_lsb),
        ("tau_mem (us)", |p| p.tau_mem_us),
        ("tau_syn exc (us)", |p| p.tau_syn_exc_us),
        ("tau_syn inh (us)", |p| p.tau_syn_inh_us),
        ("gain exc (LSB/us)", |p| p.gain_exc),
        ("excitability (%)", excitability),
    ];
    fields
        .into_iter()
        .map(|(name, field)| {
            let on_target = table.measured.iter().zip(&table.success).filter(|(_, success)| **success);
            let mut values: Vec<f64> = on_target.map(|(p, _)| field(p)).collect();
            values.sort_unstable_by(f64::total_cmp);
            let n = values.len().max(1) as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
            Spread { name, median: values.get(values.len() / 2).copied().unwrap_or(f64::NAN), sd: variance.sqrt() }
        })
        .collect()
}
