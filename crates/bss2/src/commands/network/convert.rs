//! `bss2 network convert`.

use std::process::ExitCode;

use anyhow::bail;

use crate::cli::NetworkConvertArgs;
use crate::console::Console;
use crate::files::nir_network;
use crate::networks::{is_nir, open};

/// Writes a network in the format that the extension says.
///
/// # Errors
/// If the network cannot be read, the extension is unknown, or the format has no place for something.
pub fn run(args: &NetworkConvertArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(false);
    let to_nir = is_nir(&args.to);
    if !to_nir && args.to.extension().is_none_or(|extension| extension != "npz") {
        bail!("{}: networks are written as .npz or .nir", args.to.display());
    }
    let saved = open(&args.from, &args.nir, console)?.saved;
    if to_nir {
        nir_network::save(&saved, &args.to)?;
    } else {
        saved.save(&args.to)?;
    }
    console.say(format_args!("written to {}", args.to.display()));
    Ok(ExitCode::SUCCESS)
}
