//! Studies: whatever happens on the way, they end with the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::program::{bss2, data, fail, succeed, text};

/// Thirty-two trials of some tens of milliseconds.
const SMALL: &str = "title = 'small'
base = 'yin-yang'
protocols = ['train']
chips = { first = 1, count = 4 }
seeds = { first = 1, count = 4 }
[config]
engine = 'fast'
data = { train_size = 300, validation_size = 100, test_size = 200 }
training.epochs = 2
[[axes]]
name = 'threshold'
keys = ['perturbation.threshold_rel_std']
values = [0.05, 0.2]
";
const TRIALS: usize = 32;

/// A folder with a study file.
fn study(text_of_study: &str) -> (tempfile::TempDir, String) {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("small.toml");
    fs::write(&path, text_of_study).unwrap();
    let file = text(&path);
    (base, file)
}

fn run_into(file: &str, folder: &Path, more: &[&str]) -> serde_json::Value {
    let out = text(folder);
    let mut arguments = vec!["study", "run", file, "--out", &out, "--json"];
    arguments.extend(more);
    serde_json::from_str(&succeed(&arguments)).unwrap()
}

/// All files that are results, by relative path.
fn results(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in ["study.toml", "plan.jsonl", "results.csv", "results.npz", "summary.csv", "report.html"] {
        files.insert(name.into(), fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}")));
    }
    for name in ["trials", "figures"] {
        for entry in fs::read_dir(folder.join(name)).unwrap() {
            let path = entry.unwrap().path();
            // What a killed process was writing.
            if !path.file_name().unwrap().to_string_lossy().starts_with('.') {
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn assert_same_results(a: &Path, b: &Path) {
    let (a, b) = (results(a), results(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    let differing: Vec<_> = a.iter().filter(|(name, bytes)| b[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(differing.is_empty(), "these files differ: {differing:?}");
}

fn begin(file: &str, folder: &Path, more: &[&str]) -> Child {
    let mut command = bss2(&["study", "run", file, "--out", &text(folder), "--json"]);
    command.args(more).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn trials_done(folder: &Path) -> usize {
    fs::read_dir(folder.join("trials"))
        .map_or(0, |entries| entries.flatten().filter(|e| e.path().extension().is_some_and(|e| e == "json")).count())
}

#[test]
fn a_killed_study_ends_with_the_same_bytes() {
    let (base, file) = study(SMALL);
    let (whole, killed) = (base.path().join("whole"), base.path().join("killed"));
    run_into(&file, &whole, &["--threads", "1"]);
    // Killed again and again, at moments that depend on the machine: after some trials, and some milliseconds later.
    let mut kills = 0;
    for (wanted, wait_ms) in [(1, 3), (5, 11), (9, 0), (15, 7), (20, 17), (24, 1)] {
        let mut child = begin(&file, &killed, &["--threads", "2"]);
        while trials_done(&killed) < wanted && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(wait_ms));
        kills += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(kills > 0, "no process was alive when it was to be killed");
    let done = trials_done(&killed);
    let last = run_into(&file, &killed, &["--threads", "2"]);
    assert_eq!(last["done"].as_u64().unwrap() as usize, TRIALS - done, "{last}");
    assert_eq!((last["missing"].as_u64(), last["failed"].as_u64()), (Some(0), Some(0)));
    assert_same_results(&whole, &killed);
    // Nothing is left to do.
    assert_eq!(run_into(&file, &killed, &[])["done"].as_u64(), Some(0));
}

#[test]
fn joined_shards_are_the_whole() {
    let (base, file) = study(SMALL);
    let whole = base.path().join("whole");
    run_into(&file, &whole, &["--threads", "3"]);
    let shards: Vec<PathBuf> = (1..=3).map(|shard| base.path().join(format!("shard{shard}"))).collect();
    for (number, shard) in shards.iter().enumerate() {
        let share = format!("{}/3", number + 1);
        let told = run_into(&file, shard, &["--shard", &share, "--threads", "1"]);
        assert_eq!(told["done"].as_u64().unwrap() + told["missing"].as_u64().unwrap(), TRIALS as u64);
        assert!(!shard.join("results.csv").exists());
    }
    let joined = base.path().join("joined");
    let folders: Vec<String> = shards.iter().map(|shard| text(shard)).collect();
    let out = text(&joined);
    let mut arguments = vec!["study", "merge", "--out", &out];
    arguments.extend(folders.iter().map(String::as_str));
    succeed(&arguments);
    assert_same_results(&whole, &joined);
}

/// Slurm's variables choose the share and the threads.
#[test]
fn a_slurm_array_task_knows_its_share() {
    let (base, file) = study(SMALL);
    let folder = base.path().join("task");
    let task = |id: &str| {
        let mut command = bss2(&["study", "run", &file, "--out", &text(&folder), "--json"]);
        command.envs([("SLURM_ARRAY_TASK_ID", id), ("SLURM_ARRAY_TASK_COUNT", "4"), ("SLURM_ARRAY_TASK_MIN", "1")]);
        command.env("SLURM_CPUS_PER_TASK", "2").output().unwrap()
    };
    let told: serde_json::Value = serde_json::from_slice(&task("2").stdout).unwrap();
    assert_eq!(told["done"].as_u64(), Some(TRIALS as u64 / 4));
    let wrong = task("9");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("SLURM_ARRAY_TASK_ID 9 is not among 4 tasks"));
}

#[test]
fn two_processes_do_no_trial_twice() {
    let (base, file) = study(SMALL);
    let (whole, shared) = (base.path().join("whole"), base.path().join("shared"));
    run_into(&file, &whole, &[]);
    let children = [begin(&file, &shared, &["--threads", "2"]), begin(&file, &shared, &["--threads", "2"])];
    let mut done = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        done += told["done"].as_u64().unwrap();
    }
    assert_eq!(done, TRIALS as u64);
    assert_same_results(&whole, &shared);
    assert_eq!(fs::read_dir(shared.join("locks")).unwrap().count(), 0);
}

/// A trial that fails says why, and the others go on; it is done again only when asked for.
#[test]
fn a_failing_trial_is_recorded() {
    let failing = "title = 'failing'
base = 'yin-yang'
protocols = ['train']
seeds = [1, 2]
[config]
data.folder = '/no/such/folder'
training.epochs = 1
[[axes]]
name = 'data'
tables = [{ data = { kind = 'yin-yang', train_size = 100 } }, { data = { kind = 'mnist16', train_size = 100 } }]
names = ['yin-yang', 'mnist16']
";
    let (base, file) = study(failing);
    let folder = base.path().join("out");
    // What failed is no success of the command, though the rest has results.
    let failing_run = |more: &[&str]| -> serde_json::Value {
        let (file, folder): (&str, String) = (&file, text(&folder));
        let arguments = [&["study", "run", file, "--out", &folder, "--json"], more].concat();
        let output = bss2(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("2 trials have failed"));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let told = failing_run(&[]);
    assert_eq!((told["done"].as_u64(), told["failed"].as_u64()), (Some(4), Some(2)), "{told}");
    let table = fs::read_to_string(folder.join("results.csv")).unwrap();
    let rows: Vec<&str> = table.lines().skip(1).collect();
    assert!(rows[0].starts_with("yin-yang,train,1,,1,0,0."), "{}", rows[0]);
    assert!(rows[2].starts_with("mnist16,train,1,,1,0,,") && rows[2].contains("/no/such/folder"), "{}", rows[2]);
    assert!(fs::read_to_string(folder.join("report.html")).unwrap().contains("Failed trials"));
    let status = succeed(&["study", "status", &text(&folder)]);
    assert!(
        status.contains("4 of 4 trials have a result, 2 failed") && status.contains("failed: missing in"),
        "{status}"
    );
    assert_eq!(failing_run(&[])["done"].as_u64(), Some(0));
    assert_eq!(failing_run(&["--retry-failed"])["done"].as_u64(), Some(2));
}

/// All protocols on chips that are calibrated, with trainings that hardly train.
#[test]
fn every_protocol_runs() {
    let all = "title = 'all'
protocols = ['ideal', 'raw', 'calibrated', 'noise-aware', 'in-the-loop', 'transfer', 'fine-tune', 'drifted', 'recalibrated']
chips = [1, 2]
settings = { fine_tune_epochs = 1 }
[config]
engine = 'fast'
data = { train_size = 400, validation_size = 100, test_size = 200 }
training.epochs = 4
";
    let (base, file) = study(all);
    let folder = base.path().join("out");
    let told = run_into(&file, &folder, &[]);
    assert_eq!((told["failed"].as_u64(), told["missing"].as_u64()), (Some(0), Some(0)), "{told}");
    // The ideal network depends on no chip.
    assert_eq!(told["trials"].as_u64(), Some(1 + 8 * 2));
    let summary = fs::read_to_string(folder.join("summary.csv")).unwrap();
    assert_eq!(summary.lines().count(), 10, "{summary}");
    let mean = |protocol: &str| -> f64 {
        let row = summary.lines().find(|line| line.starts_with(&format!("{protocol},"))).unwrap();
        row.split(',').nth(4).unwrap().parse().unwrap()
    };
    // Four epochs of 400 samples: far from trained, and far from chance.
    for protocol in ["ideal", "in-the-loop", "fine-tune"] {
        assert!(mean(protocol) > 0.45, "{protocol}: {}\n{summary}", mean(protocol));
    }
    let stored = fs::read_dir(folder.join("store")).unwrap().map(|e| e.unwrap().path());
    let (networks, tables): (Vec<_>, Vec<_>) =
        stored.partition(|path| path.extension().is_some_and(|e| e == "bss2ckpt"));
    // Ideal and noise-aware are trained once, in the loop and fine-tuned once for each chip; two calibrations of each chip.
    assert_eq!((networks.len(), tables.len()), (6, 4));
}

#[test]
fn studies_that_make_no_sense_are_explained_and_leave_nothing_behind() {
    let refused = |text_of_study: &str, words: &[&str]| {
        let (base, file) = study(text_of_study);
        let out = text(&base.path().join("out"));
        for arguments in [vec!["study", "plan", &file], vec!["study", "run", &file, "--out", &out]] {
            let complaint = fail(&arguments);
            for word in words.iter().chain(&["small.toml"]) {
                assert!(complaint.contains(word), "`{word}` is missing in: {complaint}");
            }
        }
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
    };
    let with = |rest: &str| format!("title = 'x'\nprotocols = ['train']\n{rest}\n");
    refused(
        &with("[config.training]\nepochss = 3"),
        &["training.epochss: no such key; did you mean `training.epochs`?"],
    );
    refused(&with("[config.training]\nepochs = 0"), &["training", "epochs", "is 0", "1..=1000000"]);
    refused(
        &with("[[axes]]\nname = 'a'\nkeys = ['perturbation.weight_bits']\nvalues = [3]"),
        &["point \"a 3\"", "perturbation.weight_bits", "substrate = \"ideal\""],
    );
    refused(
        &with("[[axes]]\nname = 'a'\nkeys = ['training.epochs']\nvalues = [1, 'many']"),
        &["point \"a many\"", "\"many\" is not allowed", "axis a"],
    );
    refused(&with("base = 'yin-yan'").replace("\n\n", "\n"), &["yin-yan", "did you mean"]);
    refused(
        "title = 'x'\nprotocols = ['raw']\n[config]\nchip.preset = 'bss2-calibrated'",
        &["protocol raw", "chip.parameters", "\"direct\""],
    );
    refused("title = 'x'\nprotocols = ['in-the-loop']\n[config]\nsubstrate = 'ideal'", &["substrate", "\"chip\""]);
    let complaint = fail(&["study", "plan", "no-such-study"]);
    assert!(complaint.contains("neither a file nor a shipped study") && complaint.contains("fig5-tau-spread"));
    let (base, file) = study(SMALL);
    assert!(fail(&["study", "run", &file, "--shard", "4/3"]).contains("I/N"));
    fs::write(base.path().join("x"), "").unwrap();
    assert!(fail(&["study", "run", &file, "--out", &text(base.path())]).contains("not empty and no study"));
    assert!(fail(&["study", "status", &text(base.path())]).contains("no study.toml"));
    assert!(fail(&["study", "plan", &file, "--set", "repeats=no"]).contains("--set repeats"));
}

/// A folder belongs to one study: other values need another.
#[test]
fn another_study_is_refused() {
    let (base, file) = study(SMALL);
    let folder = base.path().join("out");
    run_into(&file, &folder, &["--shard", "1/16"]);
    let complaint = fail(&["study", "run", &file, "--out", &text(&folder), "--set", "training.epochs=3"]);
    assert!(complaint.contains("belongs to another study"), "{complaint}");
}

#[test]
fn every_shipped_study_can_be_planned() {
    for name in [
        "fig5-weight-clipping",
        "fig5-weight-resolution",
        "fig5-tau-spread",
        "fig5-tau-ratio",
        "protocols",
        "transfer",
        "estimators",
        "refractory",
        "serialisation",
    ] {
        let told = succeed(&["study", "plan", name, "--quick"]);
        assert!(told.contains("trials by protocol") && told.contains("what is set"), "{told}");
    }
    let told = succeed(&["study", "plan", "fig5-weight-resolution"]);
    assert!(told.contains("200 trials") && told.contains("d round(w/d)"), "{told}");
}

/// The published table (see the book): accuracies of the released network with one deviation at a time.
#[test]
fn the_published_network_without_retraining() {
    let Some(data) = data("the_published_network_without_retraining") else { return };
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("out");
    let output = bss2(&["study", "run", "deploy-without-retraining", "--out", &text(&folder)])
        .env("BSS2_DATA", &data)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = fs::read_to_string(folder.join("summary.csv")).unwrap();
    let header: Vec<&str> = summary.lines().next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|h| *h == name).unwrap();
    let published = published_table();
    assert_eq!(summary.lines().count() - 1, published.len());
    for (row, (what, value, accuracy, sd)) in summary.lines().skip(1).zip(published) {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells[at(what)], value);
        let found = 100.0 * cells[at("mean")].parse::<f64>().unwrap();
        let own = cells[at("sd")].parse::<f64>().map_or(0.0, |sd| 100.0 * sd);
        // Ten draws there, twenty here; the table has one decimal.
        let allowed = 2.5 * sd.unwrap_or(own) * (1.0_f64 / 10.0 + 1.0 / 20.0).sqrt() + 0.05;
        assert!(
            (found - accuracy).abs() <= allowed,
            "{what} {value}: {found:.2}, published {accuracy} +- {allowed:.2}"
        );
    }
}

/// Axis, value, accuracy in %, and its standard deviation over ten draws where the table has it.
fn published_table() -> Vec<(&'static str, &'static str, f64, Option<f64>)> {
    let spreads = ["0.01", "0.02", "0.03", "0.05", "0.08", "0.1", "0.15", "0.2"];
    let row = |what: &'static str, means: [f64; 8], sds: [Option<f64>; 8]| {
        spreads.into_iter().zip(means).zip(sds).map(move |((value, mean), sd)| (what, value, mean, sd))
    };
    let threshold = row(
        "threshold",
        [95.9, 95.2, 93.6, 91.2, 87.5, 86.0, 79.2, 77.0],
        [None, None, Some(1.5), Some(2.4), None, Some(3.1), Some(5.4), Some(6.4)],
    );
    let weight = row(
        "weight",
        [95.9, 95.7, 94.5, 93.4, 88.9, 86.3, 84.5, 78.1],
        [None, None, None, Some(1.5), None, Some(3.2), None, Some(5.0)],
    );
    let jitter = row("jitter", [95.5, 93.9, 92.4, 88.7, 83.2, 80.3, 73.0, 67.1], [None; 8]);
    let bits = ["3", "4", "5", "6", "7", "8"].into_iter().zip([78.1, 85.4, 91.8, 95.8, 96.3, 96.1]);
    let bits = bits.map(|(value, mean)| ("bits", value, mean, Some(0.0)));
    threshold.chain(weight).chain(jitter).chain(bits).collect()
}
