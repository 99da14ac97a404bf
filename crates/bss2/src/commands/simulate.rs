//! `bss2 simulate`: spikes of networks given by explicit neuron parameters.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use bss2_emu::simulation::{Case, Engine, Network, SimulationError};

use crate::cli::{EngineName, SimulateArgs};
use crate::console::Console;
use crate::files::simulation::{CaseSpikes, encode, load};
use crate::files::write;

/// Simulates all cases of a file.
///
/// # Errors
/// If the file, one of its cases or the engine cannot be used, or the result cannot be written. Nothing is written then.
pub fn run(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    let engine = match args.engine {
        EngineName::Event => Engine::Event,
        EngineName::Layered => Engine::Layered,
    };
    let cases = load(&args.experiment)?;
    let (text, n_spikes) = simulated(&cases, engine).with_context(|| args.experiment.display().to_string())?;
    match &args.out {
        Some(path) => {
            write(path, &text)?;
            let line = format_args!("{} cases, {n_spikes} spikes; written to {}", cases.len(), path.display());
            Console::new(false).say(line);
        }
        None => match io::stdout().write_all(&text) {
            // Whoever closes the pipe has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => (),
            outcome => outcome.context("cannot write to stdout")?,
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// The spikes of all cases as the content of a file, and their number.
///
/// # Errors
/// If a case or the engine cannot be used.
pub fn simulated(cases: &[Case], engine: Engine) -> anyhow::Result<(Vec<u8>, usize)> {
    let networks = check(cases)?;
    let mut results = Vec::new();
    for (case, network) in cases.iter().zip(&networks) {
        results.push(CaseSpikes::new(case, network, network.run(engine)?));
    }
    let n_spikes = results.iter().map(CaseSpikes::count).sum();
    Ok((encode(&results).context("the spikes cannot be encoded")?, n_spikes))
}

/// All networks, or the problems of all cases.
fn check(cases: &[Case]) -> Result<Vec<Network>, SimulationError> {
    let mut networks = Vec::new();
    let mut problems = Vec::new();
    for case in cases {
        match case.check() {
            Ok(network) => networks.push(network),
            Err(SimulationError::Problems(found)) => problems.extend(found),
            Err(other) => return Err(other),
        }
    }
    if problems.is_empty() { Ok(networks) } else { Err(SimulationError::Problems(problems)) }
}
