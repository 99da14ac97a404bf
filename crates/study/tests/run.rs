//! Studies whose trials are sums.

use std::sync::atomic::{AtomicUsize, Ordering};

use study::run::{Event, Options, Tally, run};
use study::{Draft, Outcome, Place, Plan, Runner, Shard, StudyFile, StudyFolder, Summary, results_csv, summary_csv};

/// Knows one key, `x`; the accuracy is a sum. Chip 13 panics, chip 14 fails.
#[derive(Default)]
struct Sums {
    runs: AtomicUsize,
}

impl Runner for Sums {
    type Config = f64;

    fn resolve(&self, draft: &Draft) -> Result<f64, String> {
        let mut x = 0.0;
        for (key, value) in draft.layers.iter().flat_map(|layer| &layer.table) {
            x = match key.as_str() {
                "x" => value.as_float().ok_or("x is no float")?,
                _ => return Err(format!("{key}: no such key")),
            };
        }
        Ok(x)
    }

    fn address(&self, x: &f64, place: Place) -> Result<String, String> {
        Ok(format!("{x} {place:?}"))
    }

    fn estimate_s(&self, _: &f64, _: Place) -> f64 {
        1.0
    }

    fn run(&self, x: &f64, place: Place) -> Result<Outcome, String> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        assert_eq!(rayon::current_num_threads(), 1, "a trial runs on one thread");
        assert_ne!(place.chip, 13, "the thirteenth chip");
        if place.chip == 14 {
            return Err("a reason, \"quoted\"".to_owned());
        }
        let mut outcome = Outcome::default();
        outcome.put("accuracy", x + place.chip as f64 / 100.0 + place.seed as f64 / 1000.0);
        outcome.put("infinite", f64::INFINITY);
        Ok(outcome)
    }
}

fn study(chips: &str) -> StudyFile {
    let text = format!(
        "title = 'sums'\nprotocols = ['train', 'in-the-loop']\nchips = {chips}\nseeds = [1, 2, 3]\n[[axes]]\nname = 'x'\nkeys = ['x']\nvalues = [0.1, 0.5]\n"
    );
    StudyFile::parse(&text, "sums").unwrap()
}

const FOUR: Options = Options { threads: 4, shard: Shard::WHOLE };

#[test]
fn trials_are_run_once_and_summed_up() {
    let base = tempfile::tempdir().unwrap();
    let study = study("[1, 2]");
    let folder = StudyFolder::create(&base.path().join("out"), &study, false).unwrap();
    let runner = Sums::default();
    let plan = Plan::new(study, &runner, "sums").unwrap();
    assert_eq!(plan.trials.len(), 2 * 2 * 2 * 3);
    let mut events = 0;
    let tally = run(&folder, &plan, &runner, FOUR, |_, progress| {
        events += 1;
        assert_eq!((progress.event, progress.done, progress.of), (Event::Done, events, 24));
    });
    assert_eq!(tally.unwrap(), Tally { done: 24, ..Tally::default() });
    let again = run(&folder, &plan, &runner, FOUR, |_, _| panic!("nothing is left")).unwrap();
    assert_eq!((again.known, again.done, runner.runs.load(Ordering::SeqCst)), (24, 0, 24));
    let summary = Summary::read(&plan, &folder).unwrap();
    let cell = &summary.cells[0];
    // Chips .01 apart and seeds .001: sd .01/sqrt 2 and .001.
    let parts = cell.variance.components;
    assert!((cell.mean.unwrap() - 0.117).abs() < 1e-12);
    assert!((parts.chip.unwrap() - 0.01 / 2_f64.sqrt()).abs() < 1e-12 && (parts.seed.unwrap() - 0.001).abs() < 1e-12);
    assert_eq!(summary_csv(&plan, &summary).lines().count(), 5);
    let table = results_csv(&plan, &summary);
    assert!(table.lines().nth(1).unwrap().starts_with("0.1,train,1,,1,0,0.111,,"), "{table}");
}

/// What fails or panics is recorded; the rest goes on, whatever the number of threads, to the same bytes.
#[test]
fn failures_are_results_too() {
    let mut tables = Vec::new();
    for threads in [1, 3] {
        let base = tempfile::tempdir().unwrap();
        let study = study("[12, 13, 14]");
        let folder = StudyFolder::create(&base.path().join("out"), &study, false).unwrap();
        let runner = Sums::default();
        let plan = Plan::new(study, &runner, "sums").unwrap();
        let tally = run(&folder, &plan, &runner, Options { threads, shard: Shard::WHOLE }, |_, _| ()).unwrap();
        assert_eq!((tally.done, tally.failed), (36, 24));
        let summary = Summary::read(&plan, &folder).unwrap();
        assert_eq!((summary.failed(), summary.missing(), summary.cells[0].failed), (24, 0, 6));
        let table = results_csv(&plan, &summary);
        assert!(table.contains("the thirteenth chip") && table.contains("\"a reason, \"\"quoted\"\"\""), "{table}");
        assert_eq!(folder.forget_failed(plan.trials.iter().map(|t| &t.id)).unwrap(), 24);
        tables.push(table);
    }
    assert_eq!(tables[0], tables[1]);
}

/// A result that was cut off is none; one of another study's folder is refused.
#[test]
fn damaged_results_are_done_again() {
    let base = tempfile::tempdir().unwrap();
    let study = study("[1]");
    let folder = StudyFolder::create(&base.path().join("out"), &study, false).unwrap();
    let runner = Sums::default();
    let plan = Plan::new(study.clone(), &runner, "sums").unwrap();
    run(&folder, &plan, &runner, FOUR, |_, _| ()).unwrap();
    let file = folder.path().join("trials").join(format!("{}.json", plan.trials[3].id));
    let whole = std::fs::read(&file).unwrap();
    for damage in [&whole[..whole.len() / 2], b"{}", b""] {
        std::fs::write(&file, damage).unwrap();
        assert_eq!(run(&folder, &plan, &runner, FOUR, |_, _| ()).unwrap().done, 1);
        assert_eq!(std::fs::read(&file).unwrap(), whole);
    }
    let other = StudyFile { title: "other".to_owned(), ..study };
    assert!(StudyFolder::create(folder.path(), &other, false).unwrap_err().to_string().contains("another study"));
}

#[test]
fn a_wrong_key_names_point_and_protocol() {
    let mut study = study("[1]");
    study.axes[0].keys = vec!["y".to_owned()];
    let error = Plan::new(study, &Sums::default(), "sums.toml").unwrap_err().to_string();
    assert_eq!(error, r#"sums.toml: point "x 0.1", protocol train: y: no such key"#);
}

/// A shard has all trials that share a training, and each training is in one shard.
#[test]
fn families_stay_together() {
    let plan = Plan::new(study("[1, 2, 3]"), &Sums::default(), "sums").unwrap();
    let families = plan.families();
    assert_eq!((families.len(), families.iter().max()), (36, Some(&17)));
    for (trial, family) in plan.trials.iter().zip(&families) {
        for (other, its) in plan.trials.iter().zip(&families) {
            let key = |t: &study::Trial<f64>| (t.point, t.place.chip, t.place.seed);
            assert_eq!(key(trial) == key(other), family == its);
        }
    }
    let mut transfer = study("[1, 2, 3]");
    transfer.protocols = vec![study::Protocol::InTheLoop, study::Protocol::Transfer];
    transfer.settings.transfer = study::TransferPairs::All;
    let plan = Plan::new(transfer, &Sums::default(), "sums").unwrap();
    let source = |t: &study::Trial<f64>| (t.point, t.place.source.unwrap_or(t.place.chip), t.place.seed);
    let sources: std::collections::BTreeSet<_> = plan.trials.iter().map(source).collect();
    assert_eq!(plan.families().iter().max(), Some(&(sources.len() - 1)));
}

/// A value that is given twice, or a key without effect, would pass copies off as evidence.
#[test]
fn points_that_ask_the_same_are_refused() {
    let mut twice = study("[1]");
    twice.axes[0].values = vec![0.1.into(), 0.2.into(), 0.1.into()];
    let error = Plan::new(twice, &Sums::default(), "sums.toml").unwrap_err().to_string();
    assert!(error.contains("points \"x 0.1\" and \"x 0.1\" are the same"), "{error}");
    let mut large = study("{ first = 1, count = 100000 }");
    large.seeds = study::Seeds::List((0..50_000).collect());
    let error = Plan::new(large, &Sums::default(), "sums.toml").unwrap_err().to_string();
    assert!(error.contains("at most 1000000"), "{error}");
}

/// A study that is extended keeps what it has.
#[test]
fn an_extended_study_does_what_is_new() {
    let base = tempfile::tempdir().unwrap();
    let (small, large) = (study("[1]"), study("[1, 2]"));
    let runner = Sums::default();
    let folder = StudyFolder::create(base.path(), &small, false).unwrap();
    run(&folder, &Plan::new(small, &runner, "sums").unwrap(), &runner, FOUR, |_, _| ()).unwrap();
    assert!(StudyFolder::create(base.path(), &large, false).unwrap_err().to_string().contains("--extend"));
    let folder = StudyFolder::create(base.path(), &large, true).unwrap();
    let tally = run(&folder, &Plan::new(large.clone(), &runner, "sums").unwrap(), &runner, FOUR, |_, _| ()).unwrap();
    assert_eq!((tally.known, tally.done), (12, 12));
    assert_eq!(StudyFolder::open(base.path()).unwrap().1, large);
}
