//! Data that no run should produce, and some will: nothing at all, nothing finite, nothing but silence.

use ndarray::Array2;

use super::*;

#[test]
fn nothing_to_show_is_no_panic() {
    let empty_panel = RasterPanel {
        title: String::new(),
        inputs: Vec::new(),
        hidden: Vec::new(),
        outputs: Vec::new(),
        traces: vec![Trace { label: String::new(), time_us: Vec::new(), potential_lsb: Vec::new() }],
        threshold_lsb: f64::NAN,
    };
    let silent = PlanePoint { x: 0.5, y: f64::NAN, predicted: None, outcome: Outcome::Silent };
    let figures = [
        learning_curves(&[], ""),
        yin_yang_plane(&[], &[], ""),
        yin_yang_plane(&[silent], &CLASSES, "all silent"),
        raster(&[], &[], (0.0, 25.0)),
        raster(std::slice::from_ref(&empty_panel), &CLASSES, (0.0, 0.0)),
        raster(&[empty_panel], &CLASSES, (f64::NAN, f64::INFINITY)),
        confusion(&Array2::zeros((0, 0)), &[], ""),
        confusion(&Array2::zeros((0, 1)), &CLASSES, ""),
        confusion(&Array2::zeros((3, 4)), &[], "no counts, no names"),
        confusion(&Array2::from_elem((2, 2), u64::MAX), &CLASSES, "too few columns"),
        weight_codes(&[], ""),
        weight_codes(&[CodeHistogram { label: String::new(), codes: Vec::new() }], ""),
        weight_codes(&[CodeHistogram { label: String::new(), codes: (i8::MIN..=i8::MAX).collect() }], ""),
    ];
    let directory = tempfile::tempdir().unwrap();
    for (index, figure) in figures.iter().enumerate() {
        assert_well_formed(figure.svg());
        figure.save(directory.path(), &index.to_string()).unwrap();
    }
}

#[test]
fn learning_curves_bear_every_number() {
    let values = [0.0, -1.0, 1.0, 1e-12, 1e300, f64::MAX, f64::MIN, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for first in values {
        for second in values {
            let mut history = history(2);
            history[0].train_loss = first;
            history[1].train_loss = second;
            history[0].validation_error = first;
            history[1].validation_error = second;
            assert_well_formed(learning_curves(&history, "").svg());
            assert_well_formed(learning_curves(&history[..1], "").svg());
        }
    }
    let far = EpochPoint { epoch: usize::MAX, ..history(1)[0] };
    assert_well_formed(learning_curves(&[far], "").svg());
}

#[test]
fn an_error_of_zero_lies_below_the_break() {
    let mut history = history(30);
    for point in &mut history {
        point.validation_error = 0.0;
    }
    let figure = learning_curves(&history, "");
    // Zero on the epoch axes and on the loss axis is written "0" and "0.0"; the break adds one more "0".
    let mut without = history.clone();
    for point in &mut without {
        point.validation_error = 0.01;
    }
    let zeros = |figure: &Figure| figure.svg().matches(">0</text>").count();
    assert_eq!(zeros(&figure), zeros(&learning_curves(&without, "")) + 1);
}

#[test]
fn texts_are_shown_as_they_are_and_fit() {
    let title = format!("$a$ < b & \"c\" {}", "long ".repeat(60));
    for figure in [learning_curves(&history(5), &title), confusion(&Array2::zeros((2, 3)), &["p", "q"], &title)] {
        assert_well_formed(figure.svg());
        assert!(figure.svg().contains("$a$ &lt; b &amp; &quot;c&quot; long"));
        assert!(figure.svg().contains('\u{2026}'), "a title that does not fit is cut short");
    }
}
