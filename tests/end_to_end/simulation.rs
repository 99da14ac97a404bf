//! `bss2 simulate`: spikes against an independent simulator, both engines, and input that cannot be used.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{bss2, data, fail, succeed, text};

/// Largest difference to the reference that is accepted, in its unit of time.
const TOLERANCE: f64 = 1e-6;

/// The same for adaptive exponential neurons, which the reference steps on a grid.
const ADEX_TOLERANCE: f64 = 2e-5;

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn example() -> Value {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/simulate_example.json"))
}

/// Largest difference of spike times; fails where a spike is missing or too many.
fn compare(found: &Value, expected: &Value) -> f64 {
    let mut largest = 0.0f64;
    assert_eq!(found["name"], expected["name"]);
    assert_eq!(found["spikes"].as_object().unwrap().len(), expected["spikes"].as_object().unwrap().len());
    for (population, neurons) in expected["spikes"].as_object().unwrap() {
        let place = format!("{} {population}", expected["name"]);
        let found = found["spikes"][population].as_array().unwrap();
        assert_eq!(found.len(), neurons.as_array().unwrap().len(), "{place}");
        for (n, (found, times)) in found.iter().zip(neurons.as_array().unwrap()).enumerate() {
            let (found, times) = (found.as_array().unwrap(), times.as_array().unwrap());
            assert_eq!(found.len(), times.len(), "{place} neuron {n}: {found:?} against {times:?}");
            for (a, b) in found.iter().zip(times) {
                largest = largest.max((a.as_f64().unwrap() - b.as_f64().unwrap()).abs());
            }
        }
    }
    largest
}

#[test]
fn an_independent_simulator_finds_the_same_spikes() {
    let Some(folder) = data("an_independent_simulator_finds_the_same_spikes") else { return };
    let file = folder.join("oracles/nest_lif.json");
    let reference = read(&file);
    let reference = reference["cases"].as_array().unwrap();
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("spikes.json");
    let said = succeed(&["simulate", &text(&file), "-o", &text(&out)]);
    assert!(said.contains("6 cases"), "{said}");
    let event = read(&out);
    assert_eq!(event["cases"].as_array().unwrap().len(), reference.len());
    for (found, expected) in event["cases"].as_array().unwrap().iter().zip(reference) {
        let largest = compare(found, expected);
        println!("{}: largest difference {largest:.1e}", expected["name"]);
        assert!(largest < TOLERANCE, "{}: {largest}", expected["name"]);
    }

    // The layered engine takes all but the recurrent case, and finds the same.
    let complaint = fail(&["simulate", &text(&file), "--engine", "layered"]);
    for word in ["nest_lif.json", "case \"recurrent\"", "population \"net\"", "event engine"] {
        assert!(complaint.contains(word), "{complaint}");
    }
    let is_recurrent = |case: &&Value| case["name"] == "recurrent";
    let feed_forward: Vec<&Value> = reference.iter().filter(|c| !is_recurrent(c)).collect();
    assert_eq!(feed_forward.len(), 5);
    let input = base.path().join("feed_forward.json");
    fs::write(&input, json!({ "cases": feed_forward }).to_string()).unwrap();
    let layered: Value = serde_json::from_str(&succeed(&["simulate", &text(&input), "--engine", "layered"])).unwrap();
    let event: Vec<&Value> = event["cases"].as_array().unwrap().iter().filter(|c| !is_recurrent(c)).collect();
    assert_eq!(layered, json!({ "cases": event }));
}

/// Adaptive exponential neurons under constant and synaptic currents, computed by NEST; how, and how well, is in
/// `record_adex.py` and `adex_convergence.json` beside the file.
#[test]
fn an_independent_simulator_finds_the_same_spikes_of_adex_neurons() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracles/adex.json");
    let reference = read(&file);
    let found: Value = serde_json::from_str(&succeed(&["simulate", &text(&file)])).unwrap();
    let (found, reference) = (found["cases"].as_array().unwrap(), reference["cases"].as_array().unwrap());
    assert_eq!(found.len(), reference.len());
    for (found, expected) in found.iter().zip(reference) {
        let largest = compare(found, expected);
        println!("{}: largest difference {largest:.1e}", expected["name"]);
        assert!(largest < ADEX_TOLERANCE, "{}: {largest}", expected["name"]);
    }
    // Both engines integrate by the same steps.
    let layered: Value = serde_json::from_str(&succeed(&["simulate", &text(&file), "--engine", "layered"])).unwrap();
    assert_eq!(layered["cases"].as_array().unwrap(), found);
}

#[test]
fn the_example_of_the_book_runs_and_says_the_same_everywhere() {
    let base = tempfile::tempdir().unwrap();
    let (input, out) = (base.path().join("in.json"), base.path().join("out.json"));
    fs::write(&input, example().to_string()).unwrap();
    let printed = succeed(&["simulate", &text(&input)]);
    succeed(&["simulate", &text(&input), "--engine", "event", "-o", &text(&out)]);
    assert_eq!(printed, fs::read_to_string(&out).unwrap());
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let names: Vec<&Value> = printed["cases"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["chain", "loop"]);
    for (case, populations) in printed["cases"].as_array().unwrap().iter().zip([2, 1]) {
        let spikes = case["spikes"].as_object().unwrap();
        assert_eq!(spikes.len(), populations);
        assert!(spikes.values().flat_map(|p| p.as_array().unwrap()).any(|n| !n.as_array().unwrap().is_empty()));
    }
}

/// The example with a change must fail with all of these words, and leave nothing.
fn refuses(change: impl FnOnce(&mut Value), words: &[&str]) {
    let mut experiment = example();
    change(&mut experiment);
    refuses_text(&experiment.to_string(), words);
}

fn refuses_text(content: &str, words: &[&str]) {
    let base = tempfile::tempdir().unwrap();
    let (input, out) = (base.path().join("in.json"), base.path().join("out.json"));
    fs::write(&input, content).unwrap();
    let complaint = fail(&["simulate", &text(&input), "-o", &text(&out)]);
    for word in words.iter().chain(&["in.json"]) {
        assert!(complaint.contains(word), "`{word}` is missing in: {complaint}");
    }
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1, "something was left behind");
}

#[test]
fn files_that_are_not_experiments() {
    refuses_text("{\n  \"cases\": [}\n", &["line 2 column 13"]);
    refuses_text("{}", &["missing field `cases`", "line 1"]);
    refuses_text("", &["line 1 column 0"]);
    refuses_text("{\"cases\": [], \"csaes\": 1}", &["unknown field `csaes`", "`cases`"]);
    refuses_text("{\"cases\": [{\"name\": \"a\", \"duration\": 1e999}]}", &["number out of range", "line 1"]);
    assert!(fail(&["simulate", "no-such.json"]).contains("cannot read no-such.json"));
    let base = tempfile::tempdir().unwrap();
    assert!(fail(&["simulate", &text(base.path())]).contains("cannot read"));
    assert_eq!(bss2(&["simulate"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn cases_that_make_no_sense() {
    let key = |c: &mut Value| c["cases"][0]["populations"][0]["tau_men"] = json!([1.0]);
    refuses(key, &["unknown field `tau_men`", "`tau_mem`", "line 1 column"]);
    refuses(|c| c["cases"][0]["delay"] = json!(1.0), &["unknown field `delay`", "`duration`"]);
    refuses(|c| c["cases"][0]["connections"][0]["synapses"][0] = json!([-1, 0, 0.5]), &["-1", "line 1 column"]);
    let value = |c: &mut Value| c["cases"][1]["populations"][0]["tau_mem"][1] = json!(-6.0);
    refuses(
        value,
        &["case \"loop\"", "population \"pair\"", "tau_mem[1]: -6 is not allowed; expected a number in 1e-6"],
    );
    let onset = |c: &mut Value| c["cases"][1]["populations"][0]["delta_t"] = json!([0.1, 0.1]);
    refuses(onset, &["case \"loop\"", "population \"pair\": v_exp: is missing beside delta_t"]);
    // The problems of all cases at once.
    refuses(
        |c| {
            c["cases"][0]["duration"] = json!(-1.0);
            c["cases"][1]["connections"][0]["to"] = json!("pears");
        },
        &["case \"chain\": duration: -1", "case \"loop\": connections[0]", "no population \"pears\""],
    );
}

#[test]
fn a_result_that_cannot_be_written() {
    let base = tempfile::tempdir().unwrap();
    let input = base.path().join("in.json");
    fs::write(&input, example().to_string()).unwrap();
    let below = text(&input.join("out.json"));
    assert!(fail(&["simulate", &text(&input), "-o", &below]).contains("cannot write"));
}
