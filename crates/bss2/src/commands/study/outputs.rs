//! The files that a study ends with: tables, figures, report. All but the timings are the same bytes for the same results.

use ::study::{Plan, StudyFolder, Summary, results_csv, results_npz, summary_csv, timings_csv};
use anyhow::Context as _;

use super::runner::Setup;
use super::{report, sketches};
use crate::files::write;

/// Writes them all.
///
/// # Errors
/// If a file cannot be written.
pub fn write_all(plan: &Plan<Setup>, summary: &Summary, folder: &StudyFolder) -> anyhow::Result<()> {
    write(&folder.file("results.csv"), results_csv(plan, summary).as_bytes())?;
    write(&folder.file("results.npz"), &results_npz(plan, summary)?)?;
    write(&folder.file("summary.csv"), summary_csv(plan, summary).as_bytes())?;
    write(&folder.file("timings.csv"), timings_csv(plan, folder).as_bytes())?;
    let figures = folder.file("figures");
    std::fs::create_dir_all(&figures).with_context(|| format!("cannot create {}", figures.display()))?;
    let sketches = sketches::of(plan, summary);
    for sketch in &sketches {
        sketch.figure.save(&figures, &sketch.stem)?;
    }
    write(&folder.file("report.html"), report::html(plan, summary, &sketches)?.as_bytes())?;
    Ok(())
}
