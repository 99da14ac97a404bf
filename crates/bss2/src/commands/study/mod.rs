//! `bss2 study`: one question asked of many chips and trainings.

pub(super) mod cost;
mod definitions;
mod outputs;
mod report;
pub(super) mod runner;
mod shipped;
mod sketches;
pub(super) mod store;
mod trial;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ::study::run::{Event, Options, Progress};
use ::study::{Plan, Shard, StudyFile, StudyFolder, Summary, Trial};
use anyhow::{Context as _, anyhow, bail};

use self::runner::{Setup, TrialRunner};
use crate::cli::{StudyArgs, StudyMergeArgs, StudyPlanArgs, StudyPlotArgs, StudyRunArgs, StudyStatusArgs};
use crate::config::assignment;
use crate::console::Console;

/// Without a terminal, a line of progress appears at most this often.
const QUIET: Duration = Duration::from_secs(5);
/// Exit code of a command that was interrupted.
pub(super) const INTERRUPTED: i32 = 130;

/// A study with the name and the folder that it came from.
struct Named {
    study: StudyFile,
    name: String,
    origin: String,
    beside: PathBuf,
}

fn load(args: &StudyArgs) -> anyhow::Result<Named> {
    let path = Path::new(&args.study);
    let (text, origin, name, beside) = if path.extension().is_some() || path.is_file() {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        (text, path.display().to_string(), name, path.parent().unwrap_or(Path::new("")).to_owned())
    } else {
        (shipped::named(&args.study)?.to_owned(), args.study.clone(), args.study.clone(), PathBuf::new())
    };
    let mut study = StudyFile::parse(&text, &origin)?;
    if args.quick {
        if study.quick.is_none() {
            bail!("{origin}: --quick needs a section [quick] that says what to leave out");
        }
        study = study.quick();
    }
    study.quick = None;
    for text in &args.set {
        let layer = assignment(text)?;
        study = study.with(&layer.table, &layer.origin)?;
    }
    study.check(&origin)?;
    Ok(Named { study, name, origin, beside })
}

/// Says what a study would do.
///
/// # Errors
/// If the study or a configuration of it is wrong.
pub fn plan(args: &StudyPlanArgs) -> anyhow::Result<ExitCode> {
    let Named { study, origin, beside, .. } = load(&args.study)?;
    let runner = TrialRunner::planning(&study, &beside)?;
    let plan = Plan::new(study, &runner, &origin)?;
    let mut stdout = std::io::stdout().lock();
    let text = if args.json { plan.lines() } else { cost::described(&plan) };
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Carries out what has no result yet. The exit code is 1 if trials of this share have failed, now or before.
///
/// # Errors
/// If the study is wrong or files cannot be written. Trials that fail are recorded and counted.
pub fn run(args: &StudyRunArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.json);
    let Named { study, name, origin, beside } = load(&args.study)?;
    let shard = shard(args.shard.as_deref())?;
    let threads = threads(args.threads)?;
    // What cannot be planned leaves no folder behind.
    Plan::new(study.clone(), &TrialRunner::planning(&study, &beside)?, &origin)?;
    let path = args.out.clone().unwrap_or_else(|| Path::new("studies-out").join(&name));
    let folder = StudyFolder::create(&path, &study, args.extend)?;
    runner::keep_network(&study, &beside, &folder)?;
    let runner = TrialRunner::new(&study, &folder)?;
    let plan = Plan::new(study, &runner, &origin)?;
    crate::files::write(&folder.file("plan.jsonl"), plan.lines().as_bytes())?;
    // A trial writes its files whole or not at all: to stop at once loses what is in flight, and nothing else.
    ctrlc::set_handler(|| {
        eprintln!("\ninterrupted; the same command goes on from here");
        std::process::exit(INTERRUPTED);
    })
    .context("cannot watch for Ctrl-C")?;
    if args.retry_failed {
        let families = plan.families();
        let own = plan.trials.iter().zip(&families).filter(|(_, f)| shard.has(**f)).map(|(trial, _)| &trial.id);
        let forgotten = folder.forget_failed(own)?;
        console.say(format_args!("{forgotten} failed trials are done again"));
    }
    let trials = plan.trials.len();
    let share = if shard.is_whole() { String::new() } else { format!(", share {shard}") };
    console.say(format_args!(
        "{}: {trials} trials{share}, {threads} at the same time, in {}",
        plan.study.title,
        path.display()
    ));
    let mut teller = Teller::new(console);
    let tally = ::study::run::run(&folder, &plan, &runner, Options { threads, shard }, |trial, progress| {
        teller.tell(&plan, trial, progress);
    })?;
    teller.finish();
    console.say(format_args!(
        "{} done ({} failed), {} had results before, {} by other processes",
        tally.done, tally.failed, tally.known, tally.elsewhere
    ));
    let summary = Summary::read(&plan, &folder)?;
    if summary.missing() == 0 {
        outputs::write_all(&plan, &summary, &folder)?;
        console.say(format_args!("results, figures and report in {}", path.display()));
    } else {
        console.say(format_args!(
            "{} of {trials} trials have no result yet; tables and figures follow when all have (bss2 study merge, or plot for what there is)",
            summary.missing()
        ));
    }
    console.result(&serde_json::json!({
        "folder": path,
        "trials": trials,
        "done": tally.done,
        "failed": summary.failed(),
        "known": tally.known,
        "elsewhere": tally.elsewhere,
        "missing": summary.missing(),
    }))?;
    let failed = failed_of(&plan, &summary, shard);
    if failed > 0 {
        console.say(format_args!(
            "{failed} trials have failed: `bss2 study status {}` says why, --retry-failed does them again",
            path.display()
        ));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Trials of a share whose result is that they failed.
fn failed_of(plan: &Plan<Setup>, summary: &Summary, shard: Shard) -> usize {
    let own = summary.records.iter().zip(plan.families()).filter(|(_, family)| shard.has(*family));
    own.filter(|(record, _)| record.as_ref().is_some_and(|record| record.error.is_some())).count()
}

/// Says how far a study is.
///
/// # Errors
/// If the folder is none of a study.
pub fn status(args: &StudyStatusArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.json);
    let (plan, folder) = opened(&args.folder)?;
    let summary = Summary::read(&plan, &folder)?;
    for (protocol, trials, _) in plan.by_protocol() {
        let own = plan.trials.iter().zip(&summary.records).filter(|(trial, _)| trial.place.protocol == protocol);
        let found: Vec<_> = own.filter_map(|(_, record)| record.as_ref()).collect();
        let failed = found.iter().filter(|record| record.error.is_some()).count();
        console.say(format_args!(
            "{:12} {:6} of {trials} trials have a result, {failed} failed",
            protocol.name(),
            found.len()
        ));
    }
    let mut told: Vec<&str> = summary.records.iter().flatten().filter_map(|record| record.error.as_deref()).collect();
    told.sort_unstable();
    told.dedup();
    for error in told.iter().take(5) {
        console.say(format_args!("failed: {error}"));
    }
    let left: f64 =
        plan.trials.iter().zip(&summary.records).filter(|(_, r)| r.is_none()).map(|(trial, _)| trial.estimate_s).sum();
    if summary.missing() > 0 {
        console.say(format_args!("about {} of one thread are left", cost::duration(left)));
    }
    console.result(&serde_json::json!({
        "trials": plan.trials.len(),
        "missing": summary.missing(),
        "failed": summary.failed(),
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// Joins the folders of several shards.
///
/// # Errors
/// If the folders are not all of one study, or cannot be read or written.
pub fn merge(args: &StudyMergeArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(false);
    let first = args.folders.first().ok_or_else(|| anyhow!("no folder to join"))?;
    let (plan, _) = opened(first)?;
    let folder = StudyFolder::create(&args.out, &plan.study, false)?;
    crate::files::write(&folder.file("plan.jsonl"), plan.lines().as_bytes())?;
    for path in &args.folders {
        let (from, study) = StudyFolder::open(path)?;
        if study != plan.study {
            bail!("{}: another study than {}; only shards of one study can be joined", path.display(), first.display());
        }
        runner::copy_network(&from, &folder)?;
        let merged = ::study::merge(&from, &folder, plan.trials.iter().map(|trial| &trial.id))?;
        console.say(format_args!("{}: {} trials taken, {} known", path.display(), merged.taken, merged.known));
    }
    let summary = Summary::read(&plan, &folder)?;
    if summary.missing() > 0 {
        console.say(format_args!("{} of {} trials have no result yet", summary.missing(), plan.trials.len()));
    } else {
        outputs::write_all(&plan, &summary, &folder)?;
        console.say(format_args!("results, figures and report in {}", args.out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes tables, figures and report from the results that there are.
///
/// # Errors
/// If the folder is none of a study, or cannot be written to.
pub fn plot(args: &StudyPlotArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(false);
    let (plan, folder) = opened(&args.folder)?;
    let summary = Summary::read(&plan, &folder)?;
    if summary.missing() > 0 {
        console.say(format_args!("{} of {} trials have no result yet", summary.missing(), plan.trials.len()));
    }
    outputs::write_all(&plan, &summary, &folder)?;
    console.say(format_args!("results, figures and report in {}", args.folder.display()));
    Ok(ExitCode::SUCCESS)
}

fn opened(path: &Path) -> anyhow::Result<(Plan<Setup>, StudyFolder)> {
    let (folder, study) = StudyFolder::open(path)?;
    let runner = TrialRunner::new(&study, &folder)?;
    let origin = folder.file("study.toml").display().to_string();
    Ok((Plan::new(study, &runner, &origin)?, folder))
}

/// The share that is asked for, else that of the task of a Slurm job array.
fn shard(given: Option<&str>) -> anyhow::Result<Shard> {
    if let Some(text) = given {
        return Ok(text.parse()?);
    }
    let number = |name: &str| -> anyhow::Result<Option<usize>> {
        let Some(text) = std::env::var_os(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let text = text.to_string_lossy();
        let number = text.parse().map_err(|_| anyhow!("{name} is {text:?}; expected a number, or give --shard"))?;
        Ok(Some(number))
    };
    let (task, count) = (number("SLURM_ARRAY_TASK_ID")?, number("SLURM_ARRAY_TASK_COUNT")?);
    let (task, count) = match (task, count) {
        (Some(task), Some(count)) => (task, count),
        (None, _) => return Ok(Shard::WHOLE),
        (Some(task), None) => {
            bail!("SLURM_ARRAY_TASK_ID is {task}, but SLURM_ARRAY_TASK_COUNT is not set; give --shard (1/1 for all)")
        }
    };
    let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
    Shard::of_array_task(task, first, count).ok_or_else(|| {
        anyhow!("SLURM_ARRAY_TASK_ID {task} is not among {count} tasks from {first} on; number the array in steps of 1, or give --shard")
    })
}

pub(super) fn threads(given: Option<u16>) -> anyhow::Result<usize> {
    if let Some(threads) = given {
        return Ok(usize::from(threads));
    }
    match std::env::var("SLURM_CPUS_PER_TASK") {
        Ok(text) if !text.is_empty() => {
            let threads = text.parse().ok().filter(|n| (1..=512).contains(n));
            threads.ok_or_else(|| anyhow!("SLURM_CPUS_PER_TASK is {text:?}; expected 1..=512, or give --threads"))
        }
        _ => Ok(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)),
    }
}

/// Says how far a run is: over and over on a terminal, now and then elsewhere.
pub(super) struct Teller {
    console: Console,
    said: Option<Instant>,
    /// Whether a line waits for its end.
    open: bool,
}

impl Teller {
    /// Nothing was said yet.
    pub fn new(console: Console) -> Self {
        Self { console, said: None, open: false }
    }

    /// A trial is done.
    pub fn tell(&mut self, plan: &Plan<Setup>, trial: &Trial<Setup>, progress: Progress) {
        let Progress { event, done, of, eta_s } = progress;
        let name = trial.place.protocol.name();
        let point = &plan.points[trial.point].text;
        let colon = if point.is_empty() { "" } else { ": " };
        let line = format!("{done}/{of}  {name}{colon}{point}  ETA {}", cost::duration(eta_s));
        if event == Event::Failed {
            self.console.say(format_args!("a trial failed ({line}); its result says why, the rest goes on"));
        } else if std::io::stderr().is_terminal() {
            // A terminal that is gone is no reason to stop.
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
            self.open = true;
        } else if done == of || self.said.is_none_or(|at| at.elapsed() >= QUIET) {
            self.console.say(&line);
            self.said = Some(Instant::now());
        }
    }

    /// No more trials.
    pub fn finish(self) {
        if self.open {
            let _ = writeln!(std::io::stderr());
        }
    }
}
