//! A chip whose parameters are known: emulated, recorded, fitted.

use bss2_emu::noise::Noise;
use bss2_emu::rng::{Purpose, Stream};
use ndarray::{Array1, Array2};
use ttfs::data::yin_yang::YinYang;
use ttfs::encoding::TimeEncoding;
use twin::fit::{Rows, fit};
use twin::population::Population;
use twin::profile::NeuronProfile;
use twin::recording::{Hidden, Part, Units};
use twin::trials::emulate;
use twin::{Profile, Recording, Twin};

const HIDDEN: usize = 12;
const OUTPUTS: usize = 3;

fn normals(which: u32) -> impl FnMut() -> f64 {
    let mut stream = Stream::new(7, Purpose::Residual, [100, which, 0]);
    move || stream.normal()
}

fn codes(n_sources: usize, n_neurons: usize, (mean, std): (f64, f64), which: u32) -> Array2<i8> {
    let mut normal = normals(which);
    Array2::from_shape_simple_fn((n_sources, n_neurons), || (30.0 * (mean + std * normal())).clamp(-63.0, 63.0) as i8)
}

fn part(seed: u32, n: usize, encoding: &TimeEncoding) -> Part {
    let data = YinYang::new(seed, n).generate().unwrap();
    let inputs = encoding.encode(&data);
    let outputs = Array2::from_elem((n, OUTPUTS), f64::INFINITY);
    Part { inputs, outputs, labels: Some(data.labels), hidden: None }
}

/// A chip as the population draws it.
fn truth(sizes: [usize; 3], has_delays: bool) -> Profile {
    let p = Population::default();
    let mut profile = Profile::ideal(sizes);
    profile.latency = if has_delays { [0.06, 0.10] } else { [0.06, 0.05] };
    let mut normal = normals(3);
    for neuron in profile.neurons.iter_mut().flatten() {
        *neuron = NeuronProfile {
            log_gain: 0.05 + p.gain_std * normal(),
            log_ratio: p.ratio_std * normal(),
            log_tau_mem: p.tau_std * normal(),
            log_tau_syn: p.tau_std * normal(),
        };
    }
    for layer in 0..2 {
        profile.synapses[layer].mapv_inplace(|_| 1.0 + p.synapse_std[layer] * normal());
    }
    if has_delays {
        profile.delay_errors[1].mapv_inplace(|_| p.delay_std[1] * normal());
    }
    profile
}

fn recorded(has_delays: bool) -> (Profile, Recording) {
    let encoding = TimeEncoding { bias: None, ..TimeEncoding::default() };
    let n_inputs = encoding.n_inputs(4);
    let codes = [codes(n_inputs, HIDDEN, (0.5, 0.3), 1), codes(HIDDEN, OUTPUTS, (0.95, 0.45), 2)];
    let delays = has_delays.then(|| {
        // On the grid of delay pairs: 125 ns.
        [Array1::zeros(n_inputs), (0..HIDDEN).map(|k| (96 + 4 * k) as f64 * 0.125 / 6.0).collect()]
    });
    let mut recording = Recording {
        units: Units::PUBLISHED,
        codes: codes.clone(),
        delays,
        train: part(42, 700, &encoding),
        test: part(40, 500, &encoding),
        trajectory: None,
        rows_per_run: Some(200),
        meta: serde_json::json!({ "units": Units::PUBLISHED, "rows_per_run": 200 }).to_string(),
    };
    let profile = truth([n_inputs, HIDDEN, OUTPUTS], has_delays);
    let twin = Twin {
        units: recording.units,
        profile: profile.clone(),
        codes,
        has_delays,
        noise: Noise::BSS2,
        seed: 3,
        report: serde_json::Value::Null,
    };
    let run = |inputs: &Array2<f64>, first| emulate(&twin, &recording, inputs, Noise::BSS2, first).unwrap().layers;
    let (train, test) = (run(&recording.train.inputs, 0), run(&recording.test.inputs, 10));
    recording.train.outputs.clone_from(&train[1]);
    recording.test.outputs.clone_from(&test[1]);
    recording.test.hidden = Some(Hidden { times: test[0].clone() });
    (profile, recording)
}

/// Root mean squared difference of the parameters of all neurons of a layer.
fn off(a: &Profile, b: &Profile, layer: usize, value: fn(&NeuronProfile) -> f64) -> f64 {
    let pairs = a.neurons[layer].iter().zip(&b.neurons[layer]);
    let errors: Vec<f64> = pairs.map(|(a, b)| value(a) - value(b)).collect();
    twin::score::rms(&errors)
}

/// What is identifiable comes back: the gains of hidden neurons, the latency of the inputs, the errors of the delays.
#[test]
fn the_parameters_of_an_emulated_chip_come_back() {
    for has_delays in [false, true] {
        let (truth, recording) = recorded(has_delays);
        let rows = Rows { outputs: 0..500, hidden: 7 };
        let (found, stages) = fit(&recording, Population::default(), &rows, |_| ()).unwrap();
        let scores = [stages.first().unwrap(), stages.last().unwrap()].map(|s| s.scores.held_out.unwrap());
        // Trial noise alone is .02 to .03 tau.
        assert!(scores[1].robust < 0.035 && scores[1].rmse < 0.5 * scores[0].rmse, "{scores:?}");
        let ideal = Profile::ideal(truth.sizes());
        let error = off(&found, &truth, 0, |n| n.log_gain);
        let before = off(&ideal, &truth, 0, |n| n.log_gain);
        assert!(error < 0.45 * before, "delays {has_delays}: gains off by {error}, {before} before");
        assert!((found.latency[0] - truth.latency[0]).abs() < 0.02, "{:?}", found.latency);
        // What moves an output as a whole is known, whatever it is made of: gain, latency and time constants trade places.
        println!(
            "delays {has_delays}: off by {error:.4} (hidden gains), {:.4} (output gains), {:.4} (latency), {:.4} (time constants, true spread .03)",
            off(&found, &truth, 1, |n| n.log_gain),
            (found.latency[1] - truth.latency[1]).abs(),
            off(&found, &truth, 0, |n| n.log_tau_mem)
        );
        if has_delays {
            // All delays together are the latency of the second hop: what single pairs are off is left.
            let without_mean = |values: Vec<f64>| {
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                twin::score::rms(&values.iter().map(|v| v - mean).collect::<Vec<_>>())
            };
            let error = without_mean((&found.delay_errors[1] - &truth.delay_errors[1]).to_vec());
            let before = without_mean(truth.delay_errors[1].to_vec());
            println!("delays off by {error:.4} tau, {before:.4} before");
            // Pairs whose spikes come after those of most outputs show nothing.
            assert!(error < 0.85 * before, "delays off by {error}, {before} before");
        }
    }
}

#[test]
fn files_keep_what_they_are_given() {
    let (profile, recording) = recorded(true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.npz");
    std::fs::write(&path, recording.to_bytes().unwrap()).unwrap();
    assert_eq!(Recording::load(&path).unwrap(), recording);
    let twin = Twin {
        units: recording.units,
        profile,
        codes: recording.codes.clone(),
        has_delays: true,
        noise: Noise::BSS2,
        seed: 3,
        report: serde_json::json!({ "stages": [] }),
    };
    let path = folder.path().join("twin.npz");
    std::fs::write(&path, twin.to_bytes().unwrap()).unwrap();
    assert_eq!(Twin::load(&path).unwrap(), twin);
    assert!(Twin::is_one(&path) && !Twin::is_one(&folder.path().join("recording.npz")));
}
