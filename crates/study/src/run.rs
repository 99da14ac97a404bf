//! Carrying out what has no result yet.
//!
//! Each worker is a thread with one trial at a time, in a pool of its own of one thread: what a trial computes in parallel elsewhere
//! runs in order here, without waiting for other trials or taking their work. Results go through a bounded channel to the one thread that
//! writes; with each goes the lock that keeps other processes from the trial until its file is there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::runner::Runner;
use crate::{Error, Lock, Plan, Record, Shard, StudyFolder, Timing, Trial};

/// How to run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Trials at the same time.
    pub threads: usize,
    /// Share of the trials.
    pub shard: Shard,
}

/// What happened to a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It has a result now.
    Done,
    /// It failed, and its result says why.
    Failed,
    /// Another process works on it, or did in the meantime.
    Elsewhere,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What just happened.
    pub event: Event,
    /// Trials of this run that are behind it.
    pub done: usize,
    /// Trials of this run.
    pub of: usize,
    /// Estimated seconds left.
    pub eta_s: f64,
}

/// What a run amounted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Trials that had a result before.
    pub known: usize,
    /// Trials that were carried out.
    pub done: usize,
    /// Of these, failed.
    pub failed: usize,
    /// Trials that another process had or has.
    pub elsewhere: usize,
}

/// From a worker to the writer.
struct Finished {
    position: usize,
    /// The result with its lock; none if another process has the trial.
    result: Option<(Record, Timing, Lock)>,
}

/// Carries out the trials of a share that have no result.
///
/// # Errors
/// If files cannot be written. A trial that fails is no error: it is recorded.
pub fn run<R: Runner>(
    folder: &StudyFolder,
    plan: &Plan<R::Config>,
    runner: &R,
    options: Options,
    mut progress: impl FnMut(&Trial<R::Config>, Progress),
) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    let mut open = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (position, (trial, family)) in plan.trials.iter().zip(plan.families()).enumerate() {
        if !options.shard.has(family) || !seen.insert(&trial.id) {
            continue;
        }
        if folder.record(&trial.id)?.is_some() {
            tally.known += 1;
        } else {
            open.push(position);
        }
    }
    let threads = options.threads.clamp(1, open.len().max(1));
    let (give, take) = bounded::<usize>(threads);
    let (report, reports) = bounded::<Result<Finished, Error>>(threads);
    let begun = Instant::now();
    let estimate = |position: &usize| plan.trials[*position].estimate_s.max(1e-9);
    let whole: f64 = open.iter().map(estimate).sum();
    let mut behind = 0.0;
    let mut outcome = Ok(());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (take, report) = (take.clone(), report.clone());
            scope.spawn(move || work(folder, plan, runner, &take, &report));
        }
        drop((take, report));
        let order = &open;
        scope.spawn(move || {
            for position in order {
                // Nobody takes any more once the writer has given up.
                if give.send(*position).is_err() {
                    break;
                }
            }
        });
        for (number, finished) in reports.iter().enumerate() {
            let written = finished.and_then(|finished| write(folder, plan, finished, &mut tally));
            match written {
                Ok((position, event)) => {
                    behind += estimate(&position);
                    let eta_s = begun.elapsed().as_secs_f64() / behind * (whole - behind).max(0.0);
                    progress(&plan.trials[position], Progress { event, done: number + 1, of: open.len(), eta_s });
                }
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        drop(reports);
    });
    outcome.map(|()| tally)
}

fn write<C>(
    folder: &StudyFolder,
    plan: &Plan<C>,
    finished: Finished,
    tally: &mut Tally,
) -> Result<(usize, Event), Error> {
    let Some((record, timing, lock)) = finished.result else {
        tally.elsewhere += 1;
        return Ok((finished.position, Event::Elsewhere));
    };
    folder.save(&record, timing, &plan.trials[finished.position].id)?;
    drop(lock);
    tally.done += 1;
    if record.error.is_some() {
        tally.failed += 1;
        return Ok((finished.position, Event::Failed));
    }
    Ok((finished.position, Event::Done))
}

fn work<R: Runner>(
    folder: &StudyFolder,
    plan: &Plan<R::Config>,
    runner: &R,
    take: &Receiver<usize>,
    report: &Sender<Result<Finished, Error>>,
) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    for position in take {
        let trial = &plan.trials[position];
        let attempt = || -> Result<Finished, Error> {
            let Some(lock) = folder.lock(&trial.id)? else { return Ok(Finished { position, result: None }) };
            // It may have been done between the first look and the lock.
            if folder.record(&trial.id)?.is_some() {
                return Ok(Finished { position, result: None });
            }
            let begun = Instant::now();
            let run = || {
                catch_unwind(AssertUnwindSafe(|| runner.run(&trial.config, trial.place)))
                    .unwrap_or_else(|panic| Err(format!("panicked: {}", words(panic.as_ref()))))
            };
            let result = match &pool {
                Ok(pool) => pool.install(run),
                Err(error) => Err(format!("cannot start a thread: {error}")),
            };
            let record = Record::new(trial.id.as_str(), trial.place, result);
            Ok(Finished { position, result: Some((record, Timing { wall_s: begun.elapsed().as_secs_f64() }, lock)) })
        };
        // The writer stops listening when it cannot write.
        if report.send(attempt()).is_err() {
            break;
        }
    }
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}
