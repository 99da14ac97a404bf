//! `bss2 bench`: what it says, not how fast it is.

use crate::program::{bss2, succeed};

fn last(text: &str) -> serde_json::Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

const TINY: [&str; 7] = ["bench", "--only", "yin-yang", "--repeats", "2", "--samples", "100"];

#[test]
fn yin_yang_needs_no_files_and_is_verified() {
    let output = bss2(&[&TINY[..], &["--json", "--verify", "--threads", "2"]].concat())
        .env("BSS2_DATA", "/no/such/folder")
        .output()
        .unwrap();
    let (table, json) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{table}");
    assert_eq!(json.lines().count(), 1);
    let found = last(&json);
    assert_eq!(
        (&found["repeats"], &found["machine"]["threads"], &found["chip_seed"]),
        (&2.into(), &2.into(), &1.into())
    );
    let rows = found["workloads"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| (row["workload"].as_str().unwrap(), &row["substrate"])).collect();
    let (forward, epoch) = ("Yin-Yang 25-120-3, forward", "Yin-Yang 25-120-3, epoch, batch 40");
    assert_eq!(
        names,
        [(forward, &"chip".into()), (forward, &"ideal".into()), (epoch, &"chip".into()), (epoch, &"ideal".into())]
    );
    for row in rows {
        assert_eq!(row["samples"], 100);
        let speed = &row["samples_per_s"];
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        assert!(0.0 < number(&speed["min"]) && number(&speed["min"]) <= number(&speed["median"]), "{row}");
        assert!(number(&speed["median"]) <= number(&speed["max"]), "{row}");
        assert_eq!(row["times"]["wall_s"].as_array().unwrap().len(), 2);
        // At most all inputs to all hidden neurons, and all of these to all outputs.
        let events = number(&row["synaptic_events_per_sample"]);
        assert!((100.0..=25.0 * 120.0 + 120.0 * 3.0).contains(&events), "{row}");
        assert!(row["relative_to_chip"].is_null(), "the chip's speed is one on images");
    }
    let verified = &found["verified"]["Yin-Yang 25-120-3"];
    assert_eq!(verified["samples"], 100);
    assert!(verified["spikes"].as_u64().unwrap() > 5000, "{verified}");
    for words in [forward, "samples/s", "roofline", "against double precision"] {
        assert!(table.contains(words), "{words} is missing in {table}");
    }
}

#[test]
fn the_table_is_for_people() {
    let printed = succeed(&TINY);
    let line = |words: &str| printed.lines().find(|line| line.contains(words)).unwrap_or_default().to_owned();
    let columns = |line: &str| line.split("  ").filter(|cell| !cell.trim().is_empty()).count();
    assert_eq!(columns(&line("samples/s")), 11, "{printed}");
    assert_eq!(columns(&line("forward")), 11, "{printed}");
}

#[test]
fn missing_images_are_explained() {
    for arguments in
        [&["bench", "--data", "/no/such/folder"][..], &["bench", "--only", "mnist", "--data", "/no/such/folder"]]
    {
        let output = bss2(arguments).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        for words in ["/no/such/folder", "train-images-idx3-ubyte.gz", "--only yin-yang"] {
            assert!(complaint.contains(words), "{words} is missing in {complaint}");
        }
    }
}
