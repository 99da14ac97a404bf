//! Rehearsals of a deployment: published networks checked, mapped, run on chips, and exported.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use ndarray::{Array2, Array3};
use ndarray_npy::{NpzReader, NpzWriter};
use serde_json::Value;

use crate::program::{assert_same, bss2, data, fail, succeed, text};

/// A mapping that suits Yin-Yang: strong synapses, five rows for each input.
const MAPPED: [&str; 14] = [
    "--scale",
    "us_per_time=10.0",
    "--scale",
    "input_copies=5",
    "--scale",
    "twins=7",
    "--scale",
    "i_synin_gm=750",
    "--scale",
    "synapse_dac_bias=1000",
    "--scale",
    "membrane_capacitance=29",
    "--scale",
    "refractory_time_us=26.0",
];

/// A small network in the published form: 2 features and a bias, five hidden neurons with a bias behind them, three outputs.
fn small_network(path: &Path) {
    let mut npz = NpzWriter::new(fs::File::create(path).unwrap());
    let hidden = Array2::from_shape_fn((5, 8), |(i, k)| 0.4 + 0.37 * ((3 * i + 5 * k) % 11) as f64);
    let output = Array2::from_shape_fn((9, 3), |(i, k)| 1.6 - 0.41 * ((2 * i + 3 * k) % 7) as f64);
    npz.add_array("weights_0", &hidden).unwrap();
    npz.add_array("weights_1", &output).unwrap();
    let architecture = serde_json::json!({
        "format": 2,
        "task": "yin-yang",
        "encoding": { "t_early": 0.15, "t_late": 2.0, "bias": 0.9, "copies": 1, "background": "late" },
        "sizes": [5, 8, 3],
        "scaling": { "us_per_time": 6.0, "lsb_per_weight": 83.6, "threshold": 1.0, "tau_mem": 1.0, "latency": { "external_us": 0.0, "internal_us": 0.0 } },
        "biases": [0.9],
        "grid": false,
    });
    npz.add_array("architecture", &ndarray::Array1::from(serde_json::to_vec(&architecture).unwrap())).unwrap();
    npz.finish().unwrap();
}

fn json(printed: &str) -> Value {
    serde_json::from_str(printed.lines().last().unwrap()).unwrap()
}

#[test]
fn the_published_yin_yang_network_keeps_its_accuracy_on_an_ideal_chip() {
    let Some(data) = data("the_published_yin_yang_network_keeps_its_accuracy_on_an_ideal_chip") else { return };
    let network = text(&data.join("networks/fast_and_deep_yinyang.npz"));
    let folder = tempfile::tempdir().unwrap();
    let out = text(&folder.path().join("mapping.toml"));
    let mut arguments = vec!["deploy", "scale", &network, "-o", &out, "--json"];
    arguments.extend(MAPPED);
    let found = json(&succeed(&arguments));
    let [trained, mapped] = ["as_trained", "mapped"].map(|key| found["validation"][key].as_f64().unwrap());
    assert!((trained - 0.96).abs() < 0.015, "{trained}");
    assert!(mapped >= 0.93, "{mapped}");
    // Without a mapping most weights are cut off.
    let plain = json(&succeed(&["deploy", "check", &network, "--json"]));
    for layer in plain["weights"].as_array().unwrap() {
        assert!((0.5..0.8).contains(&layer["clipped"].as_f64().unwrap()), "{layer}");
    }
    // The file that was written is a mapping.
    let again = json(&succeed(&["deploy", "check", &network, "--scale", &out, "--json"]));
    assert_eq!(again["mapping"], found["mapping"]);
}

#[test]
fn all_published_networks_are_checked() {
    let Some(data) = data("all_published_networks_are_checked") else { return };
    for (name, passes, circuits) in [("yinyang", 1, 1), ("mnist16", 1, 2), ("mnist28", 6, 7)] {
        let network = text(&data.join(format!("networks/fast_and_deep_{name}.npz")));
        let found = json(&succeed(&["deploy", "check", &network, "--json"]));
        assert_eq!((found["passes"].as_u64(), found["circuits_per_neuron"].as_u64()), (Some(passes), Some(circuits)));
        let resources = found["resources"].as_array().unwrap();
        assert!(resources.iter().all(|r| r["used"].as_f64() <= r["available"].as_f64()), "{resources:?}");
    }
}

#[test]
fn a_rehearsal_is_the_same_for_any_threads_and_goes_on_where_it_was_stopped() {
    let base = tempfile::tempdir().unwrap();
    let network = base.path().join("small.npz");
    small_network(&network);
    let network = text(&network);
    let run = |name: &str, threads: &str| {
        let out = base.path().join(name);
        let path = text(&out);
        let mut arguments =
            vec!["deploy", "run", &network, "--out", &path, "--chips", "2", "--repeats", "2", "--threads", threads];
        arguments.extend(["--fine-tune", "2", "--fine-tune-chips", "1", "--sensitivity-chips", "1", "--json"]);
        arguments.extend([
            "--set",
            "data.train_size=80",
            "--set",
            "data.validation_size=40",
            "--set",
            "data.test_size=50",
        ]);
        arguments.extend(MAPPED);
        let printed = succeed(&arguments);
        (out, json(&printed))
    };
    let (one, found) = run("one", "1");
    let results = &found["results"];
    assert_eq!((results["raw"]["trials"].as_u64(), results["calibrated"]["trials"].as_u64()), (Some(4), Some(4)));
    assert_eq!(found["fine_tuning"].as_array().unwrap().len(), 3);
    assert_eq!(found["sensitivity"].as_array().unwrap().len(), 11);
    let agree = results["calibrated"]["means"]["layer1_agree"].as_f64().unwrap();
    assert!((0.5..=1.0).contains(&agree), "{agree}");
    for file in ["summary.json", "report.html", "mapping.toml", "figures/accuracy.png", "figures/fine-tuning.svg"] {
        assert!(one.join(file).is_file(), "{file}");
    }
    assert!(fs::read_to_string(one.join("report.html")).unwrap().contains("<svg"));
    // Two results are gone, as if the program had been killed.
    let (two, _) = run("two", "3");
    let trials: Vec<_> = fs::read_dir(two.join("chips/trials")).unwrap().map(|e| e.unwrap().path()).collect();
    let written = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let before: BTreeMap<_, _> = trials[2..].iter().map(|path| (path.clone(), written(path))).collect();
    fs::remove_file(&trials[0]).unwrap();
    fs::remove_file(&trials[1]).unwrap();
    run("two", "2");
    for (path, time) in before {
        assert_eq!(written(&path), time, "{} was done again", path.display());
    }
    for folder in [&one, &two] {
        for part in ["chips", "fine-tune", "sensitivity"] {
            // What trials took differs.
            fs::remove_dir_all(folder.join(part).join("timings")).unwrap();
        }
    }
    assert_same(&one, &two);
    // The folder of another mapping is not mixed with this one.
    let complaint = fail(&["deploy", "run", &network, "--out", &text(&one), "--chips", "2"]);
    assert!(complaint.contains("another study"), "{complaint}");
}

#[test]
fn an_export_has_every_weight_and_a_script_that_reads_it() {
    let base = tempfile::tempdir().unwrap();
    let network = base.path().join("small.npz");
    small_network(&network);
    let out = base.path().join("export");
    let path = text(&out);
    let network = text(&network);
    let mut arguments = vec!["deploy", "export", &network, "--out", &path];
    arguments.extend(MAPPED);
    succeed(&arguments);
    let open = |name: &str| NpzReader::new(fs::File::open(out.join(name)).unwrap()).unwrap();
    let mut codes = open("weights.npz");
    let hidden: Array2<i8> = codes.by_name("codes_0").unwrap();
    let output: Array2<i8> = codes.by_name("codes_1").unwrap();
    let mut chip = open("chip-1.npz");
    let weights: Array3<u8> = chip.by_name("weights").unwrap();
    let labels: Array3<u8> = chip.by_name("labels").unwrap();
    let signs: Array2<i8> = chip.by_name("signs").unwrap();
    // What the arrays hold is what the layers are, sign by sign.
    let sums = |layers: [&Array2<i8>; 2], sign: i8| -> u64 {
        layers.iter().flat_map(|l| l.iter()).filter(|c| c.signum() == sign).map(|c| u64::from(c.unsigned_abs())).sum()
    };
    for sign in [1, -1] {
        let on_chip: u64 = weights
            .indexed_iter()
            .filter(|((h, row, _), _)| signs[[*h, *row]] == sign)
            .map(|(_, weight)| u64::from(*weight))
            .sum();
        assert_eq!(on_chip, sums([&hidden, &output], sign), "sign {sign}");
    }
    assert!(weights.indexed_iter().all(|(at, weight)| *weight == 0 || labels[at] != 0));
    let targets: Value = serde_json::from_slice(&fs::read(out.join("targets.json")).unwrap()).unwrap();
    assert!((targets["tau_syn"][511][1].as_f64().unwrap() - 1e-5).abs() < 1e-15);
    assert_eq!(targets["leak"].as_array().unwrap().len(), 512);
    let neurons = fs::read_to_string(out.join("neurons.csv")).unwrap();
    assert_eq!(neurons.lines().filter(|line| line.starts_with("1,") && line.contains(",bias,")).count(), 1);
    assert_eq!(fs::read_to_string(out.join("inputs.csv")).unwrap().lines().count(), 1 + hidden.nrows());
    // Not over what is there.
    let complaint = fail(&["deploy", "export", &network, "--out", &path]);
    assert!(complaint.contains("not empty"), "{complaint}");

    let script = text(&out.join("run_on_hardware.py"));
    let source = fs::read_to_string(&script).unwrap();
    for name in [
        "pynn_brainscales.brainscales2",
        "pynn.setup(initial_config=",
        "pynn.cells.HXNeuron()",
        "pynn.cells.SpikeSourceArray(",
        "pynn.AllToAllConnector()",
        "standardmodels.synapses.StaticSynapse",
        "pynn.run(",
        "get_data(\"spikes\").segments[0].spiketrains",
        "pynn.end()",
    ] {
        assert!(source.contains(name), "{name}");
    }
    assert!(source.contains("it has never built this network on a chip"));
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("SKIPPED: the script is not checked: there is no python3");
        return;
    }
    assert!(Command::new("python3").args(["-m", "py_compile", &script]).status().unwrap().success());
    if !Command::new("python3").args(["-c", "import numpy"]).output().unwrap().status.success() {
        eprintln!("SKIPPED: the script is not run: python3 has no numpy");
        return;
    }
    let shown = Command::new("python3").args([&script, "--show"]).output().unwrap();
    let printed = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    assert!(printed.contains(&format!("{} inputs", hidden.nrows())), "{printed}");
}

/// Whatever is wrong is said before anything is written.
#[test]
fn what_cannot_be_deployed_is_refused_with_the_reason() {
    let base = tempfile::tempdir().unwrap();
    let network = base.path().join("small.npz");
    small_network(&network);
    let network = text(&network);
    let out = text(&base.path().join("out"));
    let refused = |more: &[&str]| {
        let mut arguments = vec!["deploy", "export", &network, "--out", &out];
        arguments.extend(more);
        let complaint = fail(&arguments);
        assert!(!Path::new(&out).exists(), "{more:?}");
        complaint
    };
    for (more, words) in [
        (["--scale", "us_per_time=600"], &["us_per_time: 600 is not allowed", "0.3..=30"][..]),
        (["--scale", "speed=3"], &["unknown key \"speed\"", "us_per_time"]),
        (["--scale", "autoo"], &["neither auto, nor a file"]),
        (["--scale", "threshold_lsb=60"], &["threshold_lsb", "leak_lsb"]),
        (["--scale", "i_synin_gm=\"much\""], &["--scale", "invalid type"]),
        (["--scale", "input_copies=0"], &["input_copies: 0", "1..=128"]),
        (["--scale", "slot=1.0"], &["slot: 1 is not allowed"]),
        (["--set", "encoding.copies=2"], &["encoding", "belongs to the network"]),
        (["--set", "calibration.leak_lsb=90"], &["is set by --scale"]),
        (["--data", "yinyang2"], &["--data yinyang2"]),
    ] {
        let complaint = refused(&more);
        for word in words {
            assert!(complaint.contains(word), "{more:?}: {complaint} lacks {word}");
        }
    }
    let rehearsal =
        ["deploy", "run", &network, "--out", &out, "--chips", "1", "--fine-tune", "2", "--fine-tune-chips", "3"];
    let complaint = fail(&rehearsal);
    assert!(complaint.contains("--fine-tune-chips 3") && complaint.contains("--chips"), "{complaint}");
    let complaint = fail(&["deploy", "scale", &network, "-o", &text(&base.path().join("none/mapping.toml"))]);
    assert!(complaint.contains("a folder that exists"), "{complaint}");
    if let Some(data) = data("deployment::what_cannot_be_deployed_is_refused_with_the_reason") {
        let folder = format!("data.folder={}", text(&data));
        let complaint = fail(&["deploy", "run", &network, "--data", "mnist16", "--out", &out, "--set", &folder]);
        assert!(complaint.contains("inputs, but samples of mnist16"), "{complaint}");
        assert!(!Path::new(&out).exists());
    }
    let complaint = fail(&["deploy", "check", &text(&base.path().join("none.npz"))]);
    assert!(complaint.contains("cannot read"), "{complaint}");
    let complaint =
        bss2(&["deploy", "run", &network, "--data", "mnist", "--out", &out, "--set", "data.folder=/no/such"])
            .output()
            .unwrap();
    assert!(!complaint.status.success());
    assert!(!Path::new(&out).exists());
}
