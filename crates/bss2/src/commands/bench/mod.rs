//! `bss2 bench`: how fast this machine runs the main jobs, and what limits it.

mod clock;
mod job;
mod peaks;
mod progress;
mod table;
mod verify;
mod workloads;

use std::process::ExitCode;

use bss2_emu::vectors::Instructions;
use serde_json::json;

use self::job::{CHIP_SEED, Job, Mnist};
use self::peaks::Peaks;
use self::verify::{Verified, verify};
use self::workloads::{Bench, EffectRow, Row};
use super::{flag, on_a_worker, set_threads};
use crate::cli::{BenchArgs, Workloads};
use crate::console::Console;

/// Everything that was measured.
#[derive(Debug, Default)]
struct Results {
    rows: Vec<Row>,
    growth: Vec<Row>,
    effects: Vec<EffectRow>,
    verified: Vec<(String, Verified)>,
}

impl Results {
    fn measure(&mut self, job: &Job, bench: Bench<'_>, args: &BenchArgs) -> anyhow::Result<()> {
        self.rows.extend(bench.rows(job)?);
        if job.placement.circuits_per_neuron() > 1 {
            self.growth.extend(bench.growth(job)?);
            self.effects.extend(bench.effects(job)?);
        }
        if args.verify {
            self.verified.push((job.name.clone(), verify(job)?));
        }
        Ok(())
    }
}

/// Measures and reports.
///
/// # Errors
/// If files of MNIST are missing, a chip refuses, or `--verify` finds engines that differ; the measurements are reported before
/// that.
pub fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    set_threads(&args.output)?;
    on_a_worker(|| measure(args, console))
}

fn measure(args: &BenchArgs, console: Console) -> anyhow::Result<ExitCode> {
    let most = args.samples.map(|n| n as usize);
    let wanted = |group| args.only.is_none_or(|only| only == group);
    // What is missing is said before anything is timed.
    let folder = args.data.as_ref().map(|folder| flag("--data", "data.folder", folder.display().to_string()));
    let images = wanted(Workloads::Mnist).then(|| Mnist::load(folder, most)).transpose()?;
    let peaks = {
        let _step = progress::step("peaks of one core");
        Peaks::measure()
    };
    let bench = Bench { repeats: args.repeats, peaks: &peaks };
    let mut results = Results::default();
    if let Some(images) = images {
        results.measure(&Job::mnist(images)?, bench, args)?;
    }
    if wanted(Workloads::YinYang) {
        results.measure(&Job::yin_yang(most)?, bench, args)?;
    }
    report(console, args, &peaks, &results)?;
    results.verified.iter().try_for_each(|(_, verified)| verified.check())?;
    Ok(ExitCode::SUCCESS)
}

fn report(console: Console, args: &BenchArgs, peaks: &Peaks, results: &Results) -> anyhow::Result<()> {
    let Results { rows, growth, effects, verified } = results;
    let cores = std::thread::available_parallelism()?.get();
    let memory = clock::peak_memory_mb();
    let threads = rayon::current_num_threads();
    console.say(format_args!(
        "bss2 {}, {cores} cores, {threads} threads, {}; one core: {:.1} G multiplications/s, {:.0} GB/s from the cache",
        env!("CARGO_PKG_VERSION"),
        Instructions::widest().name(),
        1e-9 * peaks.multiplications_per_s,
        1e-9 * peaks.load_bytes_per_s
    ));
    console.say(format_args!(
        "chip {CHIP_SEED} (bss2), calibrated; medians of {} repeats; roofline: an estimate",
        args.repeats
    ));
    console.say(format_args!("\n{}", table::workloads(rows)));
    if !growth.is_empty() {
        console.say(format_args!("\ngrowth with threads\n{}", table::workloads(growth)));
    }
    if !effects.is_empty() {
        console.say(format_args!("\nwhat effects of the chip cost, MNIST forward\n{}", table::effects(effects)));
    }
    for (name, verified) in verified {
        console.say(format_args!("\n{name} against double precision: {verified}"));
    }
    if let Some(memory) = memory {
        console.say(format_args!("\npeak memory {memory:.0} MB"));
    }
    let verified: serde_json::Map<_, _> = verified
        .iter()
        .map(|(name, found)| Ok((name.clone(), serde_json::to_value(found)?)))
        .collect::<anyhow::Result<_>>()?;
    console.result(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "machine": { "cores": cores, "threads": threads, "vector_unit": Instructions::widest().name(), "peaks_of_one_core": peaks },
        "chip_seed": CHIP_SEED,
        "repeats": args.repeats,
        "chip_images_per_s": workloads::CHIP_IMAGES_PER_S,
        "workloads": rows,
        "growth": growth,
        "effects": effects,
        "verified": verified,
        "peak_memory_mb": memory,
    }))?;
    Ok(())
}
