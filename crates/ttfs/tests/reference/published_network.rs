//! The forward pass against output spike times recorded from published trained networks.

use ndarray::{Array1, Array2, Axis, concatenate};
use ttfs::{data::yin_yang::YinYang, encoding::TimeEncoding, loss::classify, neuron::LifModel};

use crate::data;

/// Bias spikes of the published network, at the same time in both layers.
const BIAS: f64 = 0.9;

#[test]
fn yin_yang_spike_times_and_accuracy() {
    let Some(folder) = data::folder("published_network::yin_yang_spike_times_and_accuracy") else { return };
    let file = folder.join("networks/fast_and_deep_yinyang.npz");
    let [hidden, output] = ["weights_0", "weights_1"].map(|name| data::array::<f64, ndarray::Ix2>(&file, name));
    let recorded: Array2<f64> = data::array(&file, "test_spike_times");

    let test = YinYang::new(40, 1000).generate().unwrap();
    let inputs = TimeEncoding { copies: 1, bias: Some(BIAS), ..TimeEncoding::default() }.encode(&test);
    let model = LifModel::default();
    let bias = Array1::from_elem(1, BIAS);
    let (mut correct, mut worst) = (0, 0_f64);
    for ((times, recorded), &label) in inputs.outer_iter().zip(recorded.outer_iter()).zip(&test.labels) {
        let hidden_times = model.layer_forward(times, hidden.view());
        let hidden_times = concatenate(Axis(0), &[hidden_times.view(), bias.view()]).unwrap();
        let spikes = model.layer_forward(hidden_times.view(), output.view());
        for (ours, theirs) in spikes.iter().zip(recorded) {
            assert_eq!(ours.is_finite(), theirs.is_finite());
            if ours.is_finite() {
                worst = worst.max((ours - theirs).abs());
            }
        }
        correct += usize::from(classify(spikes.view()) == Some(label));
    }
    // The recorded times carry regularisers of 1e-6.
    assert!(worst < 1e-5, "{worst}");
    assert_eq!(correct, 960);
    eprintln!("worst difference {worst:e}");
}
