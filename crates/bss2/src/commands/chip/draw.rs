//! `bss2 chip draw`.

use std::process::ExitCode;

use anyhow::anyhow;

use super::describe::describe;
use crate::cli::DrawArgs;
use crate::commands::flag;
use crate::config::{Layer, assignment, resolve};
use crate::console::Console;
use crate::files::write;

/// Writes the description of a chip.
///
/// # Errors
/// If a key or value is wrong, or the file cannot be written.
pub fn run(args: &DrawArgs) -> anyhow::Result<ExitCode> {
    let seed = i64::try_from(args.seed).map_err(|_| anyhow!("--seed {}: seeds go up to {}", args.seed, i64::MAX))?;
    let mut layers = vec![flag("--preset", "chip.preset", args.preset.as_str()), flag("--seed", "chip.seed", seed)];
    for text in &args.set {
        layers.push(of_chip(text)?);
    }
    let spec = resolve(&layers)?.chip;
    write(&args.out, describe(&spec, &spec.identity())?.as_bytes())?;
    Console::new(false).say(format_args!("chip {} described in {}", spec.identity(), args.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// An assignment to a key of a `chip.toml`, or, as elsewhere, to the same key under `chip.`.
fn of_chip(text: &str) -> anyhow::Result<Layer> {
    let text = if text.trim_start().starts_with("chip.") { text.to_owned() } else { format!("chip.{}", text.trim()) };
    Ok(assignment(&text)?)
}
