//! What `twin fit` draws.

use twin::score::{robust, spikes};
use twin::silence::silence;
use twin::{Profile, Recording, Twin};

use crate::figures::{ChartPanel, Figure, Mark, Series, chart};

/// Points of a cloud: more would hide each other.
const MOST_POINTS: usize = 400;

/// Measured against modelled times, residuals and gains by neuron, silence against peak.
pub(super) fn fit(recording: &Recording, twin: &Twin) -> Figure {
    let ideal = Profile::ideal(recording.sizes());
    let weights = recording.weights();
    let inputs = recording.test.inputs.view();
    let [of_ideal, of_twin] = [&ideal, &twin.profile].map(|profile| spikes(recording, &weights, profile, inputs));
    let panels = [
        times("Outputs: the ideal network", recording, &of_ideal[1]),
        times("Outputs: the twin", recording, &of_twin[1]),
        residuals(recording, &of_ideal, &of_twin),
        gains(twin),
        silent(recording, twin),
    ];
    chart("A chip and its twin", &panels)
}

fn times(caption: &str, recording: &Recording, model: &ndarray::Array2<f64>) -> ChartPanel {
    let measured = &recording.test.outputs;
    let step = measured.nrows().div_ceil(MOST_POINTS).max(1);
    let mut series: Vec<Series> = (0..measured.ncols())
        .map(|k| {
            let rows = (0..measured.nrows()).step_by(step);
            let points = rows.map(|row| (model[[row, k]], measured[[row, k]])).collect();
            Series::new(format!("output {k}"), Mark::Points, k, points)
        })
        .collect();
    let all = measured.iter().copied().filter(|t| t.is_finite());
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| (a.min(t), b.max(t)));
    series.push(Series::new("", Mark::Faint, 0, vec![(low, low), (high, high)]));
    ChartPanel {
        caption: caption.to_owned(),
        x_label: "emulated time (\u{3c4})".to_owned(),
        y_label: "measured time (\u{3c4})".to_owned(),
        series,
        ..ChartPanel::default()
    }
}

fn residuals(recording: &Recording, ideal: &[ndarray::Array2<f64>; 2], twin: &[ndarray::Array2<f64>; 2]) -> ChartPanel {
    let mut series = Vec::new();
    for (name, colour, model) in [("ideal network", 3, ideal), ("twin", 4, twin)] {
        let mut points = Vec::new();
        let mut add = |measured: &ndarray::Array2<f64>, model: &ndarray::Array2<f64>| {
            for (a, b) in model.columns().into_iter().zip(measured.columns()) {
                let errors: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).filter(|e| e.is_finite()).collect();
                points.push((points.len() as f64, robust(&errors)));
            }
        };
        if let Some(hidden) = &recording.test.hidden {
            add(&hidden.times, &model[0]);
        }
        add(&recording.test.outputs, &model[1]);
        series.push(Series::new(name, Mark::Points, colour, points));
    }
    ChartPanel {
        caption: "Error by neuron, outputs last".to_owned(),
        x_label: "neuron".to_owned(),
        y_label: "robust error (\u{3c4})".to_owned(),
        series,
        ..ChartPanel::default()
    }
}

fn gains(twin: &Twin) -> ChartPanel {
    let neurons = twin.profile.neurons.iter().flatten();
    let points = neurons.enumerate().map(|(k, n)| (k as f64, n.log_gain)).collect();
    ChartPanel {
        caption: "Gain by neuron, outputs last".to_owned(),
        x_label: "neuron".to_owned(),
        y_label: "log gain".to_owned(),
        series: vec![Series::new("twin", Mark::Points, 4, points)],
        ..ChartPanel::default()
    }
}

fn silent(recording: &Recording, twin: &Twin) -> ChartPanel {
    let bins = silence(recording, &twin.profile);
    let mut series = Vec::new();
    for (name, colour, bins) in [("hidden neurons", 5, &bins[0]), ("outputs", 1, &bins[1])] {
        let known = bins.iter().filter(|bin| bin.n > 0);
        let points: Vec<(f64, f64)> =
            known.map(|bin| (0.5 * (bin.from + bin.to), bin.silent as f64 / bin.n as f64)).collect();
        series.push(Series::new(name, Mark::Line, colour, points.clone()));
        series.push(Series::new("", Mark::Points, colour, points));
    }
    ChartPanel {
        caption: "Silence on the chip".to_owned(),
        x_label: "emulated peak / threshold".to_owned(),
        y_label: "share of silent samples".to_owned(),
        series,
        ..ChartPanel::default()
    }
}
