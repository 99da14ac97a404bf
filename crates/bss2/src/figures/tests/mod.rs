//! What every figure promises: its labels, the same bytes for the same data, whole files or none.

mod degenerate;

use std::fs;

use super::*;

const CLASSES: [&str; 3] = ["yin", "yang", "dot"];

fn history(epochs: usize) -> Vec<EpochPoint> {
    (1..=epochs)
        .map(|epoch| {
            let decay = (-(epoch as f64) / 20.0).exp();
            EpochPoint {
                epoch,
                train_loss: 0.1 + decay,
                validation_loss: 0.12 + decay,
                train_error: 0.03 + 0.6 * decay,
                validation_error: 0.05 + 0.6 * decay,
            }
        })
        .collect()
}

fn plane() -> Vec<PlanePoint> {
    let outcomes = [Outcome::Correct, Outcome::Correct, Outcome::Wrong, Outcome::Silent];
    (0..200)
        .map(|index| {
            let angle = f64::from(index) * 2.4;
            let radius = 0.48 * (f64::from(index) / 200.0).sqrt();
            let outcome = outcomes[index as usize % 4];
            PlanePoint {
                x: 0.5 + radius * angle.cos(),
                y: 0.5 + radius * angle.sin(),
                predicted: (outcome != Outcome::Silent).then_some(index as usize % 3),
                outcome,
            }
        })
        .collect()
}

fn panel() -> RasterPanel {
    let time_us: Vec<f64> = (0..250).map(|step| f64::from(step) * 0.1).collect();
    let trace = |slope: f64| Trace {
        label: "yin".to_owned(),
        potential_lsb: time_us.iter().map(|time| 80.0 + slope * time).collect(),
        time_us: time_us.clone(),
    };
    RasterPanel {
        title: "a yin sample".to_owned(),
        inputs: (0..25).map(|channel| (channel as f64 * 0.5, channel)).collect(),
        hidden: (0..120).map(|neuron| (5.0 + neuron as f64 * 0.1, neuron)).collect(),
        outputs: vec![(12.0, 0), (15.0, 2)],
        traces: [0.5, 1.0, 1.5].map(trace).to_vec(),
        threshold_lsb: 110.0,
    }
}

/// Every figure on ordinary data, with the texts that it must show.
fn figures() -> Vec<(&'static str, Figure, Vec<&'static str>)> {
    let counts = ndarray::array![[31, 2, 0, 1], [4, 29, 1, 0], [0, 0, 34, 0]];
    let layers = [
        CodeHistogram { label: "input to hidden".to_owned(), codes: (-63..=63).collect() },
        CodeHistogram { label: "hidden to output".to_owned(), codes: vec![0, 1, 2, 63, 63] },
    ];
    vec![
        (
            "learning_curves",
            learning_curves(&history(300), "how it learned"),
            vec!["how it learned", "training", "validation", ">loss<", "error rate (%)", ">epoch<", ">100<"],
        ),
        (
            "yin_yang_plane",
            yin_yang_plane(&plane(), &CLASSES, "the plane"),
            vec!["the plane", "yin", "yang", "dot", "wrong (50)", "silent (50)", "100 of 200 correct"],
        ),
        (
            "raster",
            raster(&[panel(), panel(), panel()], &CLASSES, (0.0, 25.0)),
            vec!["a yin sample", "input", "hidden", "output", "time (µs)", "(CADC LSB)", "threshold", "neuron index"],
        ),
        (
            "confusion",
            confusion(&counts, &CLASSES, "who is taken for whom"),
            vec!["who is taken for whom", "true class", "predicted class", "silent", ">34<", ">100.0 %<"],
        ),
        (
            "weight_codes",
            weight_codes(&layers, "weights"),
            vec![
                "weights",
                "input to hidden",
                "weight code (signed 6 bit, LSB)",
                ">synapses<",
                ">\u{2212}63<",
                "n = 5, 40.0 % at a limit",
            ],
        ),
    ]
}

fn assert_well_formed(svg: &str) {
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    for nonsense in ["NaN", "inf\"", "\"-inf"] {
        assert!(!svg.contains(nonsense), "{nonsense} in a coordinate");
    }
}

#[test]
fn figures_show_their_labels() {
    for (name, figure, texts) in figures() {
        assert_well_formed(figure.svg());
        for text in texts {
            assert!(figure.svg().contains(text), "{name} lacks {text:?}");
        }
    }
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for directory in &directories {
        for (name, figure, _) in figures() {
            figure.save(directory.path(), name).unwrap();
        }
    }
    for (name, figure, _) in figures() {
        for extension in ["svg", "png"] {
            let read = |index: usize| fs::read(directories[index].path().join(format!("{name}.{extension}"))).unwrap();
            assert_eq!(read(0), read(1), "{name}.{extension}");
        }
        let written = fs::read_to_string(directories[0].path().join(format!("{name}.svg"))).unwrap();
        assert_eq!(written, figure.svg());
    }
}

#[test]
fn files_are_whole_and_alone() {
    let directory = tempfile::tempdir().unwrap();
    learning_curves(&history(3), "three epochs").save(directory.path(), "curves").unwrap();
    let png = fs::read(directory.path().join("curves.png")).unwrap();
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    let width = u32::from_be_bytes([png[16], png[17], png[18], png[19]]);
    assert_eq!(width, 1440, "twice the width of the SVG");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "no temporary file stays");
}

#[test]
fn what_cannot_be_written_is_named_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let figure = weight_codes(&[], "nothing");
    let error = figure.save(&missing, "weights").unwrap_err();
    assert!(error.to_string().contains("weights.svg"), "{error}");
    assert!(error.to_string().contains("missing"), "{error}");
    assert!(!missing.exists());

    let occupied = directory.path().join("weights.svg");
    fs::create_dir(&occupied).unwrap();
    let error = figure.save(directory.path(), "weights").unwrap_err();
    assert!(error.to_string().contains("weights.svg"), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "only what was there before");
}
