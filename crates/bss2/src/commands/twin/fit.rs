//! `bss2 twin fit`.

use std::process::ExitCode;
use std::time::Instant;

use bss2_emu::noise::Noise;
use twin::fit::{Scores, StageReport, fit};
use twin::noise::fit_noise;
use twin::population::Population;
use twin::{Recording, Twin};

use super::{LAYERS, rows, said, spreads, views};
use crate::cli::TwinFitArgs;
use crate::commands::calib::check_place;
use crate::commands::set_threads;
use crate::console::Console;
use crate::figures::check_name;
use crate::files::write;

/// Fits a twin, says what each ingredient explains, and writes it.
///
/// # Errors
/// If the recording cannot be used, or the twin not be written.
pub fn run(args: &TwinFitArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    check_place(&args.out)?;
    if args.out.extension().is_none_or(|e| e != "npz") {
        anyhow::bail!("-o {}: a twin is an .npz file", args.out.display());
    }
    if let Some(path) = &args.figure {
        check_name(path)?;
        check_place(path)?;
    }
    let begun = Instant::now();
    let recording = Recording::load(&args.recording)?;
    let rows = rows(&args.rows, &recording)?;
    let [n_inputs, n_hidden, n_outputs] = recording.sizes();
    console.say(format_args!(
        "{}: {n_inputs}-{n_hidden}-{n_outputs}, {} training and {} test samples; outputs of {:?} fitted",
        args.recording.display(),
        recording.train.n_samples(),
        recording.test.n_samples(),
        rows.outputs
    ));
    console
        .say("times in units of tau; held out: training samples that no fit looks at; hidden: robust error, held out");
    console.say(header());
    let (profile, stages) = fit(&recording, Population::default(), &rows, |stage| console.say(line(stage)))?;
    let mut twin = Twin {
        units: recording.units,
        profile,
        codes: recording.codes.clone(),
        has_delays: recording.delays.is_some(),
        noise: Noise::BSS2,
        seed: args.seed,
        report: serde_json::Value::Null,
    };
    let noise = fit_noise(&mut twin, &recording, &rows)?;
    for (name, layer, mean, std) in spreads(&twin.profile) {
        console.say(format_args!("{:7}{name:28}{mean:+.4} +- {std:.4}", LAYERS[layer]));
    }
    let latency = twin.latency();
    console.say(format_args!(
        "latency of external spikes {:.3} us, from neuron to neuron {:.3} us",
        latency.external_us, latency.internal_us
    ));
    console.say(format_args!(
        "noise: neighbouring samples differ by {:.4?}, emulated trials with the population's noise by {:.4?}: factors {:.2} (trial) and {:.2} (run)",
        noise.neighbours, noise.emulated.trial_sd, noise.scales[0], noise.scales[1]
    ));
    twin.report = serde_json::json!({
        "recording": args.recording.file_name().map(|name| name.to_string_lossy().into_owned()),
        "rows": { "outputs": [rows.outputs.start, rows.outputs.end], "hidden": rows.hidden },
        "stages": stages,
        "noise": noise,
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let Some(path) = &args.figure {
        views::fit(&recording, &twin).save_as(path)?;
        console.say(format_args!("figure written to {}", path.display()));
    }
    write(&args.out, &twin.to_bytes()?)?;
    let last = stages.last().map(|stage| stage.scores.clone());
    if let Some(Scores { test, .. }) = &last {
        console.say(format_args!("test outputs, which no fit looked at: {}", said(test)));
    }
    console.say(format_args!("twin written to {} after {:.1} s", args.out.display(), begun.elapsed().as_secs_f64()));
    console.result(&serde_json::json!({
        "twin": args.out.display().to_string(),
        "report": twin.report,
        "latency_us": latency,
        "spreads": spreads(&twin.profile)
            .into_iter()
            .map(|(name, layer, mean, std)| serde_json::json!({ "layer": LAYERS[layer], "parameter": name, "mean": mean, "std": std }))
            .collect::<Vec<_>>(),
        "timings": { "wall_s": begun.elapsed().as_secs_f64() },
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// Names of the columns of [`line`].
pub(super) fn header() -> String {
    format!("{:50}{:>8}{:>7}{:>9}{:>7}{:>9}{:>9}", "", "held out", "agree", "test", "agree", "silent", "hidden")
}

/// A stage in one line.
pub(super) fn line(stage: &StageReport) -> String {
    let Scores { held_out, test, hidden_held_out, .. } = &stage.scores;
    let held =
        held_out.map_or_else(|| format!("{:>8}{:>7}", "-", "-"), |s| format!("{:8.4}{:7.3}", s.rmse, s.agreement));
    let hidden = hidden_held_out.map_or_else(|| "-".to_owned(), |[_, robust]| format!("{robust:.4}"));
    format!("{:50}{held}{:9.4}{:7.3}{:9.4}{hidden:>9}", stage.name, test.rmse, test.agreement, test.silent)
}
