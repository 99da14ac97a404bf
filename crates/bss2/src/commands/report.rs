//! The figures of a finished training.

use std::path::Path;

use ::calib::Calibration;
use anyhow::Context as _;
use bss2_emu::device::MADC_INTERVAL_US;
use bss2_emu::transfer::MADC_PER_CADC;
use bss2_emu::{Chip, MadcRequest, ReadoutSource, RunId, TrialRecording};
use ndarray::Array2;
use ttfs::on_device::OnDevice;

use super::summary::{Finished, Summary};
use ttfs::network::DelayKind;

use crate::config::DataKind;
use crate::data_sets::class_names;
use crate::figures::{
    CodeHistogram, EpochPoint, Outcome, PlanePoint, RasterPanel, Trace, confusion, learning_curves, raster,
    weight_codes, yin_yang_plane,
};
use crate::site::OnChip;
use crate::stage::Stage;

/// Input spikes of the raster come this long after the start of the trial, beyond the invalid start of an MADC trace.
const LEAD_US: f64 = 12.0;
/// Samples in the raster.
const PANELS: usize = 3;
/// Part of the lead over which a trace is taken to be at rest.
const REST_US: (f64, f64) = (8.5, 11.5);
/// Time shown before and after the first input spike, without delays.
const SHOWN_US: (f64, f64) = (-1.0, 24.0);

/// Draws all figures of a run into its folder.
pub(super) fn figures(
    finished: &Finished<'_>,
    summary: &Summary,
    stage: &mut Stage,
    folder: &Path,
) -> anyhow::Result<()> {
    let chip = summary.place();
    let history: Vec<EpochPoint> = finished
        .course
        .history
        .iter()
        .map(|record| EpochPoint {
            epoch: record.epoch as usize,
            train_loss: record.train.loss,
            validation_loss: record.validation.loss,
            train_error: 1.0 - record.train.accuracy,
            validation_error: 1.0 - record.validation.accuracy,
        })
        .collect();
    learning_curves(&history, &format!("Training on {chip}")).save(folder, "learning_curves")?;

    let accuracy = 100.0 * summary.test.accuracy;
    let kind = finished.config.data.kind;
    let names = class_names(kind, finished.test.n_classes);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if kind == DataKind::YinYang {
        let title = format!("Test samples on {chip}: {accuracy:.1} % correct");
        yin_yang_plane(&plane(finished, summary), &names, &title).save(folder, "yin_yang_plane")?;
    }

    let n = names.len();
    let counts = Array2::from_shape_fn((n, n + 1), |(row, column)| summary.confusion[row][column]);
    confusion(&counts, &names, &format!("Test samples on {chip}: {accuracy:.1} % correct"))
        .save(folder, "confusion")?;

    let layers = finished.network.weights.len();
    let codes: Vec<CodeHistogram> = finished
        .network
        .weights
        .iter()
        .enumerate()
        .map(|(layer, weights)| CodeHistogram {
            label: layer_name(layer, layers),
            codes: weights.iter().map(|w| finished.scaling.signed_code(*w)).collect(),
        })
        .collect();
    weight_codes(&codes, &format!("Synapses after training on {chip}")).save(folder, "weight_codes")?;

    // Traces of membranes need one chip to look at, with all of the network on it.
    if let (Some(chip), Some((_, calibration))) = (stage.chip().and_then(OnChip::whole), finished.calibrated) {
        let panels = panels(finished, summary, calibration, chip, &names)?;
        raster(&panels, &names, shown_us(finished)).save(folder, "raster")?;
    }
    Ok(())
}

/// Time shown around the first input spike: longer by the longest delay of each layer.
fn shown_us(finished: &Finished<'_>) -> (f64, f64) {
    let with_delay = finished.network.delays.iter().filter(|range| range.kind != DelayKind::None);
    let longest: f64 = with_delay.map(|range| range.shift + range.scale).sum();
    (SHOWN_US.0, SHOWN_US.1 + finished.scaling.to_us(longest))
}

fn layer_name(layer: usize, layers: usize) -> String {
    let name = |index: usize| match index {
        0 => "input".to_owned(),
        i if i == layers => "output".to_owned(),
        1 if layers == 2 => "hidden".to_owned(),
        i => format!("hidden {i}"),
    };
    format!("{} to {}", name(layer), name(layer + 1))
}

fn plane(finished: &Finished<'_>, summary: &Summary) -> Vec<PlanePoint> {
    let encoding = &finished.config.encoding;
    // The first two channels carry x and y; undoing the encoding keeps one copy of the data.
    let feature = |time: f64| (time - encoding.t_early) / (encoding.t_late - encoding.t_early);
    finished
        .test
        .times(0..finished.test.n_samples())
        .rows()
        .into_iter()
        .zip(&finished.test.labels)
        .zip(&summary.classes)
        .map(|((times, &label), &predicted)| PlanePoint {
            x: feature(times[0]),
            y: feature(times[1]),
            predicted,
            outcome: match predicted {
                None => Outcome::Silent,
                Some(class) if class == label => Outcome::Correct,
                Some(_) => Outcome::Wrong,
            },
        })
        .collect()
}

/// Test samples of the first classes, each run once per output neuron so that the MADC can look at one after the other.
fn panels(
    finished: &Finished<'_>,
    summary: &Summary,
    calibration: &Calibration,
    substrate: &mut OnDevice<Chip>,
    names: &[&str],
) -> anyhow::Result<Vec<RasterPanel>> {
    let chosen: Vec<usize> = (0..names.len().min(PANELS))
        .filter_map(|class| {
            let of_class = |s: &usize| finished.test.labels[*s] == class;
            let correct = (0..summary.classes.len()).filter(of_class).find(|&s| summary.classes[s] == Some(class));
            correct.or_else(|| (0..summary.classes.len()).find(of_class))
        })
        .collect();
    let outputs = substrate.placement().neurons.last().context("the network has no layers")?.clone();
    let repeated: Vec<usize> = chosen.iter().flat_map(|&s| std::iter::repeat_n(s, outputs.len())).collect();
    let inputs = finished.test.times_of(&repeated);
    let run = RunId { session: u32::MAX, index: 0 };
    let recordings = substrate.record(finished.network, inputs.view(), run, LEAD_US, |trials| {
        for (k, trial) in trials.iter_mut().enumerate() {
            trial.madc = Some(MadcRequest { neuron: outputs[k % outputs.len()], source: ReadoutSource::Membrane });
        }
    })?;
    let first = |sample: usize| {
        finished.test.times_of(&[sample]).iter().map(|t| finished.scaling.to_us(*t)).fold(f64::INFINITY, f64::min)
    };
    Ok(chosen
        .iter()
        .zip(recordings.chunks(outputs.len()))
        .map(|(&sample, recordings)| {
            panel(finished, calibration, substrate, sample, LEAD_US + first(sample), recordings, names)
        })
        .collect())
}

fn panel(
    finished: &Finished<'_>,
    calibration: &Calibration,
    substrate: &OnDevice<Chip>,
    sample: usize,
    zero_us: f64,
    recordings: &[TrialRecording],
    names: &[&str],
) -> RasterPanel {
    let layers = &substrate.placement().neurons;
    let (outputs, hidden) =
        (layers.last().map_or(&[][..], Vec::as_slice), layers.first().map_or(&[][..], Vec::as_slice));
    let spikes_of = |neurons: &[bss2_emu::NeuronId]| -> Vec<(f64, usize)> {
        recordings[0]
            .spikes
            .iter()
            .filter_map(|s| neurons.iter().position(|n| *n == s.neuron).map(|k| (s.time_us - zero_us, k)))
            .collect()
    };
    let inputs = finished
        .test
        .times_of(&[sample])
        .iter()
        .enumerate()
        .filter(|(_, t)| t.is_finite())
        .map(|(channel, t)| (finished.scaling.to_us(*t) + LEAD_US - zero_us, channel))
        .collect();
    let measured = |k: usize| &calibration.measured[outputs[k].index()];
    let traces = recordings
        .iter()
        .enumerate()
        .map(|(k, recording)| trace(recording, (zero_us, shown_us(finished)), names[k], measured(k).v_leak_lsb))
        .collect();
    let thresholds: f64 = (0..outputs.len()).map(|k| measured(k).v_threshold_lsb).sum();
    RasterPanel {
        title: format!("a sample of {}", names[finished.test.labels[sample]]),
        inputs,
        hidden: spikes_of(hidden),
        outputs: spikes_of(outputs),
        traces,
        threshold_lsb: thresholds / outputs.len() as f64,
    }
}

/// An MADC trace in CADC LSB: its resting level is the leak that calibration measured, its scale the converters' ratio.
fn trace(recording: &TrialRecording, (zero_us, shown_us): (f64, (f64, f64)), label: &str, leak_lsb: f64) -> Trace {
    let time = |k: usize| k as f64 * MADC_INTERVAL_US;
    let at_rest: Vec<f64> = recording
        .madc
        .iter()
        .enumerate()
        .filter(|(k, _)| (REST_US.0..REST_US.1).contains(&time(*k)))
        .map(|(_, v)| f64::from(*v))
        .collect();
    let rest = at_rest.iter().sum::<f64>() / at_rest.len().max(1) as f64;
    let shown = recording.madc.iter().enumerate().map(|(k, v)| (time(k) - zero_us, *v));
    let (time_us, potential_lsb) = shown
        .filter(|(t, _)| (shown_us.0..=shown_us.1).contains(t))
        .map(|(t, v)| (t, leak_lsb + (f64::from(v) - rest) / MADC_PER_CADC))
        .unzip();
    Trace { label: label.to_owned(), time_us, potential_lsb }
}
