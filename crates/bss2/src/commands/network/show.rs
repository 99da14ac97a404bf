//! `bss2 network show`.

use std::process::ExitCode;

use ttfs::network::DelayKind;

use crate::cli::NetworkShowArgs;
use crate::console::Console;
use crate::networks::open;

/// Says what a network is.
///
/// # Errors
/// If it cannot be read.
pub fn run(args: &NetworkShowArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.json);
    let found = open(&args.network, &args.nir, console)?;
    let (architecture, network) = (&found.saved.architecture, &found.saved.network);
    let scaling = architecture.scaling;
    let sizes: Vec<String> = architecture.sizes.iter().map(ToString::to_string).collect();
    let task = if found.has_encoding { format!(", trained for {}", architecture.task.name()) } else { String::new() };
    console.say(format_args!("network {}{task}", sizes.join("-")));
    console.say(format_args!(
        "  tau_syn {:.4} us, tau_mem {:.4} tau_syn, threshold {:.4} in units of {:.2} weight codes",
        scaling.us_per_time, scaling.tau_mem, scaling.threshold, scaling.lsb_per_weight
    ));
    let largest = scaling.largest_weight();
    let mut layers = Vec::new();
    for (number, weights) in network.weights.iter().enumerate() {
        let (least, most) = weights.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), w| (l.min(*w), m.max(*w)));
        let n = weights.len().max(1) as f64;
        let beyond = weights.iter().filter(|w| w.abs() > largest).count() as f64 / n;
        let lost = weights.iter().filter(|w| **w != 0.0 && scaling.signed_code(**w) == 0).count() as f64 / n;
        let bias = number.checked_sub(1).and_then(|layer| architecture.biases.get(layer).copied().flatten());
        let with_bias = bias.map_or(String::new(), |time| format!(", the last row for a bias spike at {time} tau_syn"));
        console.say(format_args!(
            "  layer {}: weights {} x {}, {least:.4} to {most:.4}; {:.1} % beyond one synapse (+-{largest:.3}), {:.1} % round to zero{with_bias}",
            number + 1,
            weights.nrows(),
            weights.ncols(),
            100.0 * beyond,
            100.0 * lost
        ));
        layers.push(serde_json::json!({
            "shape": [weights.nrows(), weights.ncols()],
            "least": least,
            "most": most,
            "beyond_one_synapse": beyond,
            "rounded_to_zero": lost,
            "bias_time": bias,
        }));
    }
    let delays = found.saved.delay_kind();
    if delays != DelayKind::None {
        console.say(format_args!("  delays: {delays:?}"));
    }
    console.say(if architecture.grid { "  weights on the chip's grid" } else { "  weights are real numbers" });
    console.result(&serde_json::json!({
        "sizes": architecture.sizes,
        "task": found.has_encoding.then(|| architecture.task.name()),
        "scaling": scaling,
        "grid": architecture.grid,
        "layers": layers,
    }))?;
    Ok(ExitCode::SUCCESS)
}
