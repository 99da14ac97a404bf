//! `bss2 deploy run`: the same network on many chips.

use std::path::Path;
use std::process::ExitCode;

use ::study::run::Options;
use ::study::{Axis, Plan, Protocol, Shard, StudyFile, StudyFolder, Summary};
use anyhow::{Context as _, bail};
use bss2_emu::ChipSpec;
use bss2_emu::spec::Preset;
use deploy::effects::EFFECTS;
use toml::{Table, Value};

use super::super::study::runner::Setup;
use super::super::study::{INTERRUPTED, Teller, threads};
use super::job::{Fitted, Job, mapping_over};
use super::rehearsal::{Rehearsal, digest};
use super::{check, described, fitted, results};
use crate::cli::DeployRunArgs;
use crate::config::Config;
use crate::console::Console;
use crate::data_sets::Split;
use crate::files::write;

/// Name of an axis, and of its point at which nothing is switched off.
const WITHOUT: &str = "without";
pub const NOTHING: &str = "nothing";

/// Parts of a rehearsal, each a study in a folder of its own.
pub struct Part {
    /// Name of the folder.
    pub name: &'static str,
    /// Its trials.
    pub plan: Plan<Setup>,
    /// What they found.
    pub summary: Summary,
}

/// Rehearses a deployment.
///
/// # Errors
/// If the network cannot be put on a chip, or files cannot be written. Chips that fail are recorded and counted.
pub fn run(args: &DeployRunArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.output.json);
    let threads = threads(args.output.threads)?;
    let job = Job::new(&args.network, console)?;
    let out = args.out.clone().unwrap_or_else(|| Path::new("deployments").join(job.name()));
    if let Some(chips) = args.fine_tune_chips.filter(|n| *n > args.chips) {
        bail!("--fine-tune-chips {chips}: only {} chips are rehearsed on (--chips)", args.chips);
    }
    check_out(&out)?;
    let kept = out.join("mapping.toml");
    let asked_auto = args.network.scale.iter().any(|text| text == "auto");
    let fitted = if asked_auto && kept.is_file() {
        console.say(format_args!("--scale auto: {} is what was chosen before", kept.display()));
        let texts: Vec<String> = args.network.scale.iter().filter(|text| *text != "auto").cloned().collect();
        let before = mapping_over(&deploy::Mapping::default(), &[kept.display().to_string()])?;
        job.fitted(&mapping_over(&before, &texts)?)?
    } else {
        fitted(&job, &args.network.scale, console)?
    };
    let checked = check::say(&job, &fitted, console);
    let config = job.config(&fitted)?;
    // Missing, damaged or foreign data sets, and what chips cannot do, before anything is made.
    drop(crate::data_sets::splits(&config)?);
    drop(job.samples(&config, Split::Test)?);
    let studies = studies(args, &job, &fitted, &config)?;
    let store = out.join("store");
    let rehearsal = Rehearsal::new(&job, &fitted, &store)?;
    let plan = |(name, study): (&'static str, StudyFile)| Ok((name, Plan::new(study, &rehearsal, name)?));
    let plans: Vec<(&'static str, Plan<Setup>)> = studies.into_iter().map(plan).collect::<anyhow::Result<_>>()?;
    let folders: Vec<StudyFolder> = plans
        .iter()
        .map(|(name, plan)| StudyFolder::create(&out.join(name), &plan.study, args.extend))
        .collect::<Result<_, _>>()?;
    write(&kept, toml::to_string(&fitted.mapping)?.as_bytes())?;
    // A trial writes its files whole or not at all: to stop at once loses what is in flight, and nothing else.
    ctrlc::set_handler(|| {
        eprintln!("\ninterrupted; the same command goes on from here");
        std::process::exit(INTERRUPTED);
    })
    .context("cannot watch for Ctrl-C")?;
    std::fs::create_dir_all(&store).with_context(|| format!("cannot create {}", store.display()))?;
    let mut parts = Vec::new();
    for ((name, plan), folder) in plans.into_iter().zip(folders) {
        console.say(format_args!("{}: {} trials, {threads} at the same time", plan.study.title, plan.trials.len()));
        let mut teller = Teller::new(console);
        let options = Options { threads, shard: Shard::WHOLE };
        let tally = ::study::run::run(&folder, &plan, &rehearsal, options, |trial, progress| {
            teller.tell(&plan, trial, progress);
        })?;
        teller.finish();
        console.say(format_args!("{} done ({} failed), {} had results before", tally.done, tally.failed, tally.known));
        let summary = Summary::read(&plan, &folder)?;
        write(&folder.file("results.csv"), ::study::results_csv(&plan, &summary).as_bytes())?;
        parts.push(Part { name, plan, summary });
    }
    let missing: usize = parts.iter().map(|part| part.summary.missing()).sum();
    if missing > 0 {
        console.say(format_args!(
            "{missing} trials are being done by another process; when it is done, the same command writes summary and report"
        ));
        return Ok(ExitCode::FAILURE);
    }
    let ideal = rehearsal.ideal(&config)?;
    let summary = results::write_all(&out, &job, &fitted, &parts, &ideal, &checked)?;
    results::say(&parts, ideal.0, console);
    console.say(format_args!("summary.json, report.html and figures in {}", out.display()));
    console.result(&summary)?;
    let failed: usize = parts.iter().map(|part| part.summary.failed()).sum();
    if failed > 0 {
        console.say(format_args!("{failed} trials have failed; their results and the report say why"));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses a folder that is in use for something else.
fn check_out(out: &Path) -> anyhow::Result<()> {
    let own = ["chips", "fine-tune", "sensitivity", "store", "figures", "mapping.toml", "summary.json", "report.html"];
    if out.is_file() {
        bail!("{}: this is a file; --out needs a folder", out.display());
    }
    for entry in std::fs::read_dir(out).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !own.contains(&name.as_str()) && !name.starts_with('.') {
            bail!("{}: the folder is not empty and no rehearsal ({name}); choose another --out", out.display());
        }
    }
    Ok(())
}

/// What is asked of chips.
fn studies(
    args: &DeployRunArgs,
    job: &Job,
    fitted: &Fitted,
    config: &Config,
) -> anyhow::Result<Vec<(&'static str, StudyFile)>> {
    let table: Table = config.to_toml()?.parse()?;
    let digest = digest(job, fitted)?;
    let base = |title: String, protocols: &[Protocol], chips: u16| -> anyhow::Result<StudyFile> {
        let names: Vec<Value> = protocols.iter().map(|p| p.name().into()).collect();
        let mut study = Table::new();
        study.insert("title".into(), title.into());
        study.insert("description".into(), format!("{}: network and mapping {digest}", described(fitted)).into());
        study.insert("protocols".into(), names.into());
        let range = Table::from_iter([("first".to_owned(), 1.into()), ("count".to_owned(), i64::from(chips).into())]);
        study.insert("chips".into(), range.into());
        study.insert("config".into(), table.clone().into());
        Ok(study.try_into()?)
    };
    let name = job.name();
    let mut chips =
        base(format!("{name} on {} chips", args.chips), &[Protocol::Raw, Protocol::Calibrated], args.chips)?;
    chips.repeats = args.repeats.into();
    let mut studies = vec![("chips", chips)];
    if let Some(epochs) = args.fine_tune {
        let n = args.fine_tune_chips.unwrap_or(args.chips);
        let mut study = base(format!("{name}, fine-tuned in the loop of {n} chips"), &[Protocol::FineTune], n)?;
        study.settings.fine_tune_epochs = epochs;
        studies.push(("fine-tune", study));
    }
    if args.sensitivity_chips > 0 {
        let title = format!("{name}, effects switched off one at a time on {} chips", args.sensitivity_chips);
        let mut study = base(title, &[Protocol::Calibrated], args.sensitivity_chips)?;
        study.axes = vec![without()?];
        studies.push(("sensitivity", study));
    }
    Ok(studies)
}

/// The chip with everything, and without one effect each.
fn without() -> anyhow::Result<Axis> {
    let base = ChipSpec::new(Preset::Bss2Calibrated, 1);
    let table = |spec: ChipSpec| -> anyhow::Result<Table> {
        let mut chip = Table::try_from(spec)?;
        chip.remove("seed");
        Ok(Table::from_iter([("chip".to_owned(), Value::Table(chip))]))
    };
    let mut tables = vec![table(base)?];
    let mut names = vec![NOTHING.to_owned()];
    for effect in EFFECTS {
        tables.push(table(effect.off(&base))?);
        names.push(effect.name.to_owned());
    }
    let axis = serde_json::json!({ "name": WITHOUT, "tables": serde_json::to_value(&tables)?, "names": names });
    Ok(serde_json::from_value(axis)?)
}
