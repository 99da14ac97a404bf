//! `bss2 deploy`: what a chip will do with a network that was trained elsewhere.

mod check;
mod export;
mod job;
mod rehearsal;
mod results;
mod run;
mod search;

pub use check::{check, scale};
pub use export::export;
pub use run::run;

use self::job::{Fitted, Job};
use self::search::described;
use crate::console::Console;

/// The place that `--scale` asks for.
fn fitted(job: &Job, texts: &[String], console: Console) -> anyhow::Result<Fitted> {
    let (mapping, is_auto) = job::mapping(texts)?;
    if !is_auto {
        let fitted = job.fitted(&mapping)?;
        // What is wrong with other settings is said as early.
        job.config(&fitted)?;
        return Ok(fitted);
    }
    let best = search::auto(job, console)?;
    // Keys that are given beside `auto` win.
    let over: Vec<String> = texts.iter().filter(|text| *text != "auto").cloned().collect();
    let fitted = job.fitted(&job::mapping_over(&best, &over)?)?;
    console.say(format_args!("chosen: {}", described(&fitted)));
    Ok(fitted)
}
