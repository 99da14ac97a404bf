//! `bss2 twin score`.

use std::process::ExitCode;

use bss2_emu::noise::Noise;
use twin::fit::Scores;
use twin::score::rms;
use twin::smoother::ceiling;
use twin::trajectory::{EPOCHS, EpochScore, other_epochs};
use twin::trials::trials;
use twin::{Recording, Twin};

use super::{check_pair, rows, said};
use crate::cli::TwinScoreArgs;
use crate::commands::set_threads;
use crate::console::Console;

/// Says how far a twin is from a recording.
///
/// # Errors
/// If either cannot be read, or they do not belong together.
pub fn run(args: &TwinScoreArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    let recording = Recording::load(&args.recording)?;
    let twin = Twin::load(&args.twin)?;
    check_pair(&twin, &recording)?;
    let rows = rows(&args.rows, &recording)?;
    let scores = Scores::new(&recording, &twin.profile, &rows);
    console.say("without noise, times in units of tau");
    console.say(format_args!("  rows {:?}      {}", rows.outputs, said(&scores.fitted)));
    if let Some(held_out) = &scores.held_out {
        console.say(format_args!("  other training rows {}", said(held_out)));
    }
    console.say(format_args!("  test rows           {}", said(&scores.test)));
    for (name, found) in [("fitted", scores.hidden_fitted), ("held out", scores.hidden_held_out)] {
        if let Some([rms, robust]) = found {
            console.say(format_args!("  hidden spikes, {name:9}RMSE {rms:.4}  robust {robust:.4}"));
        }
    }
    let noise = if args.no_noise { Noise::OFF } else { twin.noise };
    let noisy = trials(&twin, &recording, &recording.test, noise, usize::from(args.trials))?;
    console.say(format_args!(
        "{} emulated trials {}: trial sd {:.4?}, run-to-run sd of means {:.4?}, accuracy {:.2} %, two trials agree on {:.1} %",
        noisy.trials,
        if args.no_noise { "without noise" } else { "with noise" },
        noisy.trial_sd,
        noisy.run_sd,
        100.0 * noisy.accuracy,
        100.0 * noisy.repeatability
    ));
    let ceiling = ceiling(&recording);
    console.say(format_args!("a local smoother on the test rows: {}", said(&ceiling.test)));
    console.say(format_args!(
        "  its residuals on the training rows, an upper bound of trial noise: {:.4?}",
        ceiling.residual
    ));
    let epochs = match &recording.trajectory {
        Some(_) => Some(other_epochs(&recording, &twin.profile, &EPOCHS)?),
        None => None,
    };
    if let Some(epochs) = &epochs {
        for EpochScore { epoch, chip, model, class_means } in epochs {
            console.say(format_args!(
                "epoch {epoch:3}: validation accuracy {:.1} % (chip {:.1} %), class-mean times off by {class_means:.4}",
                100.0 * model,
                100.0 * chip
            ));
        }
        let (accuracy, means) = summary(epochs);
        console.say(format_args!(
            "other weights: mean absolute error of the accuracy {:.2} points, class-mean times {means:.4}",
            100.0 * accuracy
        ));
    }
    console.result(&serde_json::json!({
        "scores": scores,
        "trials": noisy,
        "ceiling": ceiling,
        "epochs": epochs,
        "other_weights": epochs.as_deref().map(summary).map(|(accuracy, means)| serde_json::json!({
            "mean_abs_accuracy_error": accuracy, "class_mean_rmse": means,
        })),
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// Mean absolute error of the accuracy, and of class-mean times the root mean square.
fn summary(epochs: &[EpochScore]) -> (f64, f64) {
    let n = epochs.len().max(1) as f64;
    let accuracy = epochs.iter().map(|e| (e.model - e.chip).abs()).sum::<f64>() / n;
    (accuracy, rms(&epochs.iter().map(|e| e.class_means).collect::<Vec<_>>()))
}
