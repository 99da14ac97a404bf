//! The forward pass against output spike times recorded from published trained networks.

use std::path::Path;

use bss2_emu::RunId;
use ndarray::{Array2, Axis, Ix2, concatenate, s};
use ttfs::data::images::{ImageSet, Part, Pipeline};
use ttfs::data::yin_yang::YinYang;
use ttfs::encoding::{Background, TimeEncoding};
use ttfs::loss::classify;
use ttfs::network::Network;
use ttfs::neuron::LifModel;
use ttfs::samples::Samples;
use ttfs::substrate::{Ideal, Substrate as _};

use crate::data;

/// Samples that are run at once.
const BATCH: usize = 500;

/// Difference of spike times, in `tau_syn`, that the regularisers of the recordings explain where a membrane does not graze.
const CLOSE: f64 = 2e-5;

/// How a network compares with its recording.
#[derive(Debug, Default)]
struct Comparison {
    correct: usize,
    /// Outputs that spike in one and not in the other.
    silence_differs: usize,
    /// Spike times in both.
    spikes: usize,
    /// Spike times that differ by more than [`CLOSE`].
    apart: usize,
    /// Largest difference of a spike time, in `tau_syn`.
    worst: f64,
}

/// Runs a published network of two layers; `bias` is the time of a bias spike in its second layer.
fn compare(file: &Path, samples: &Samples, bias: Option<f64>) -> Comparison {
    let weights = ["weights_0", "weights_1"].map(|name| data::array::<f64, Ix2>(file, name));
    let recorded: Array2<f64> = data::array(file, "test_spike_times");
    assert_eq!(recorded.nrows(), samples.n_samples());
    let mut ideal = Ideal { model: LifModel::default(), grid: None };
    let mut layer = |weights: &Array2<f64>, inputs: Array2<f64>| {
        let network = Network::new(vec![weights.clone()]);
        ideal.forward(&network, inputs.view(), RunId { session: 0, index: 0 }).unwrap().layers.remove(0)
    };
    let mut comparison = Comparison::default();
    for start in (0..samples.n_samples()).step_by(BATCH) {
        let end = (start + BATCH).min(samples.n_samples());
        let mut hidden = layer(&weights[0], samples.times(start..end));
        if let Some(bias) = bias {
            let column = Array2::from_elem((end - start, 1), bias);
            hidden = concatenate(Axis(1), &[hidden.view(), column.view()]).unwrap();
        }
        let outputs = layer(&weights[1], hidden);
        for ((ours, theirs), &label) in
            outputs.outer_iter().zip(recorded.slice(s![start..end, ..]).outer_iter()).zip(&samples.labels[start..end])
        {
            for (ours, theirs) in ours.iter().zip(theirs) {
                if ours.is_finite() != theirs.is_finite() {
                    comparison.silence_differs += 1;
                } else if ours.is_finite() {
                    let difference = (ours - theirs).abs();
                    comparison.spikes += 1;
                    comparison.apart += usize::from(difference > CLOSE);
                    comparison.worst = comparison.worst.max(difference);
                }
            }
            comparison.correct += usize::from(classify(ours) == Some(label));
        }
    }
    eprintln!("{}: {comparison:?}", file.display());
    comparison
}

/// Every silent output, and spike times to the 1e-6 that the recordings carry as regularisers.
#[test]
fn yin_yang() {
    let Some(folder) = data::folder("published_network::yin_yang") else { return };
    let encoding = TimeEncoding { copies: 1, bias: Some(0.9), ..TimeEncoding::default() };
    let test = Samples::new(&YinYang::new(40, 1000).generate().unwrap(), &encoding);
    let found = compare(&folder.join("networks/fast_and_deep_yinyang.npz"), &test, Some(0.9));
    assert_eq!((found.correct, found.silence_differs, found.apart), (960, 0, 0));
}

fn digits(folder: &Path, pipeline: Pipeline, background: Background) -> Samples {
    let images = ImageSet::Mnist.load(folder, Part::Test, pipeline).unwrap();
    Samples::of_images(images, &TimeEncoding { copies: 1, bias: None, background, ..TimeEncoding::default() })
}

/// All 10,000 digits: every silent output, and all but a few of 51,232 spike times to 2e-5. (The regulariser, 1e-6 of a
/// membrane's weight, moves a grazing crossing further.)
#[test]
fn mnist_16x16() {
    let Some(folder) = data::folder("published_network::mnist_16x16") else { return };
    let test = digits(&folder, Pipeline::Small, Background::Silent);
    let found = compare(&folder.join("networks/fast_and_deep_mnist16.npz"), &test, None);
    assert_eq!((found.correct, found.silence_differs), (9681, 0));
    assert!(found.apart <= 5 && found.worst < 1e-4, "{found:?}");
}

/// All 10,000 digits. The recording has time steps of .01 and ends at 3.5, so the accuracy agrees and single times do not.
#[test]
fn mnist_28x28() {
    let Some(folder) = data::folder("published_network::mnist_28x28") else { return };
    let test = digits(&folder, Pipeline::Full, Background::Late);
    let found = compare(&folder.join("networks/fast_and_deep_mnist28.npz"), &test, None);
    assert!((9690..=9710).contains(&found.correct), "{found:?}");
}
