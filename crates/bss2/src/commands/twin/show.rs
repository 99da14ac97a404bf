//! `bss2 twin show`.

use std::process::ExitCode;

use twin::Twin;
use twin::fit::StageReport;

use super::{LAYERS, fit, spreads};
use crate::cli::TwinShowArgs;
use crate::commands::calib::check_place;
use crate::commands::twin_layer;
use crate::console::Console;
use crate::files::write;

/// Prints what a twin says about its chip.
///
/// # Errors
/// If it cannot be read, or the configuration not be written.
pub fn run(args: &TwinShowArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.json);
    if let Some(path) = &args.config_out {
        check_place(path)?;
    }
    let twin = Twin::load(&args.twin)?;
    let [n_inputs, n_hidden, n_outputs] = twin.profile.sizes();
    let units = &twin.units;
    console.say(format_args!(
        "twin of {}: {n_inputs}-{n_hidden}-{n_outputs}{}, threshold {} in units of {} codes, {} us per unit of time",
        twin.report.get("recording").and_then(serde_json::Value::as_str).unwrap_or("a chip"),
        if twin.has_delays { " with delays" } else { "" },
        units.threshold,
        units.lsb_per_weight,
        units.us_per_time
    ));
    for (name, layer, mean, std) in spreads(&twin.profile) {
        console.say(format_args!("{:7}{name:28}{mean:+.4} +- {std:.4}", LAYERS[layer]));
    }
    let latency = twin.latency();
    console.say(format_args!(
        "latency of external spikes {:.3} us, from neuron to neuron {:.3} us",
        latency.external_us, latency.internal_us
    ));
    let noise = &twin.noise;
    console.say(format_args!(
        "threshold noise {:.2} % a trial, {:.2} % a run, jitter {:.3} us",
        100.0 * noise.threshold_trial_rel_std.hypot(noise.threshold_spike_rel_std),
        100.0 * noise.threshold_run_rel_std,
        noise.spike_jitter_us_std
    ));
    let stages: Vec<StageReport> =
        twin.report.get("stages").cloned().map(serde_json::from_value).transpose()?.unwrap_or_default();
    if !stages.is_empty() {
        console.say(fit::header());
        for stage in &stages {
            console.say(fit::line(stage));
        }
    }
    if let Some(path) = &args.config_out {
        // The configuration is read from other folders, too.
        let layer = twin_layer(&std::path::absolute(&args.twin)?)?;
        write(path, toml::to_string(&layer.table)?.as_bytes())?;
        console.say(format_args!("configuration written to {}", path.display()));
    }
    console.result(&serde_json::json!({
        "units": twin.units,
        "latency_us": latency,
        "noise": twin.noise,
        "neurons": twin.profile.neurons,
        "report": twin.report,
    }))?;
    Ok(ExitCode::SUCCESS)
}
