//! Networks written and read again: bit for bit the same spike times.

use bss2_emu::RunId;
use ndarray::{Array2, array};
use nir::export::export;
use nir::import::{Options, import};
use nir::{Error, Graph, Node};
use ttfs::biased::Biased;
use ttfs::network::{DelayKind, DelaySettings, Network};
use ttfs::neuron::LifModel;
use ttfs::scaling::{Latency, Scaling};
use ttfs::substrate::{Ideal, Substrate as _};

const OPTIONS: Options = Options { time_unit: None, spike: None, tau_syn: None, tau_syn_us: 0.1..=100.0 };

fn scaling(us_per_time: f64, tau_mem: f64) -> Scaling {
    Scaling { us_per_time, lsb_per_weight: 30.0, threshold: 2.786_123_456_789, tau_mem, latency: Latency::default() }
}

/// Numbers without a pattern.
fn noise(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut state = seed;
    Array2::from_shape_simple_fn((rows, columns), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 * 5.0 - 1.0
    })
}

fn through_a_file(graph: &Graph) -> Graph {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.nir");
    std::fs::write(&path, graph.encode().unwrap()).unwrap();
    Graph::read(&path).unwrap()
}

#[test]
fn spike_times_are_the_same_to_the_last_bit() {
    for (us_per_time, tau_mem) in [(6.0, 1.0), (6.0, 1.003), (7.3, 2.0), (10.0, 1.637), (0.37, 4.1)] {
        let scaling = scaling(us_per_time, tau_mem);
        let network = Network::new(vec![noise(7, 9, 1), noise(9, 5, 2), noise(5, 3, 3)]);
        let graph = through_a_file(&export(&network, &scaling, &[]).unwrap());
        let imported = import(&graph, &OPTIONS).unwrap();
        assert!(!imported.time_unit.uncertain && !imported.spike.uncertain && imported.notes.is_empty());
        let uniform = imported.uniform().unwrap();
        assert!((uniform.tau_syn_us / us_per_time - 1.0).abs() < 1e-15);
        let model = LifModel { tau_mem: uniform.tau_mem, tau_syn: 1.0, threshold: uniform.threshold };
        assert!((model.tau_mem / scaling.model().tau_mem - 1.0).abs() < 1e-15);
        assert_eq!(uniform.network.weights, network.weights);
        // The ratio of the time constants, which the program keeps beside the graph, is that of the model.
        let run = RunId { session: 0, index: 0 };
        let inputs = noise(20, 7, 4).mapv(|t| t + 1.0);
        let times = |network: &Network| {
            Ideal { model: scaling.model(), grid: None }.forward(network, inputs.view(), run).unwrap().layers
        };
        let expected = times(&network);
        assert!(expected.iter().flatten().filter(|t| t.is_finite()).count() > 50);
        assert_eq!(times(&uniform.network), expected);
    }
}

#[test]
fn bias_spikes_come_back() {
    let scaling = scaling(6.0, 1.0);
    let network = Network::new(vec![noise(4, 6, 5), noise(7, 5, 6), noise(5, 4, 7), noise(5, 2, 8)]);
    let biases = vec![Some(0.9), None, Some(1.25)];
    let graph = through_a_file(&export(&network, &scaling, &biases).unwrap());
    assert!(matches!(&graph.nodes["input"], Node::Input(shape) if shape == &[6]));
    let imported = import(&graph, &OPTIONS).unwrap();
    assert_eq!(imported.n_inputs, 6);
    let (back, times) = imported.uniform().unwrap().with_biases(&imported, &graph).unwrap();
    assert_eq!((&back, &times), (&network, &biases));
    let inputs = noise(20, 4, 9).mapv(|t| t + 1.0);
    let spikes = |network: &Network, biases: &[Option<f64>]| {
        let ideal = Ideal { model: scaling.model(), grid: None };
        let run = RunId { session: 0, index: 0 };
        Biased { ideal, biases: biases.to_vec() }.forward(network, inputs.view(), run).unwrap().layers
    };
    assert_eq!(spikes(&back, &times), spikes(&network, &biases));
    // Without the times the input reaches later layers in a way that nothing here can run.
    let mut silent = graph.clone();
    silent.metadata.remove("bias_times");
    let refused = imported.uniform().unwrap().with_biases(&imported, &silent).unwrap_err().to_string();
    assert!(refused.contains("CubaLIF \"lif2\": the input reaches it beside the layer before"), "{refused}");
}

#[test]
fn the_same_network_gives_the_same_bytes() {
    let graph = export(&Network::new(vec![noise(3, 2, 1)]), &scaling(6.0, 1.0), &[]).unwrap();
    assert_eq!(graph.encode().unwrap(), graph.encode().unwrap());
}

#[test]
fn delays_have_no_place() {
    let mut network = Network::new(vec![array![[1.0]]]);
    network.set_delays(&DelaySettings { kind: DelayKind::Axonal, ..DelaySettings::SIMULATION }, 1, |_| 0.0);
    let error = export(&network, &scaling(6.0, 1.0), &[]).unwrap_err();
    assert!(matches!(error, Error::NoPlace { .. }) && error.to_string().contains("train without delays"));
}

#[test]
fn thresholds_and_rests_of_single_neurons_go_into_their_weights() {
    let mut graph = export(&Network::new(vec![array![[2.0, 2.0], [1.0, 1.0]]]), &scaling(6.0, 1.0), &[]).unwrap();
    let Some(Node::CubaLif(neurons)) = graph.nodes.get_mut("lif1") else { panic!() };
    neurons.v_threshold = vec![1.0, 3.0];
    neurons.v_leak = vec![0.0, -1.0];
    let uniform = import(&graph, &OPTIONS).unwrap().uniform().unwrap();
    assert_eq!(uniform.threshold, 1.0);
    assert_eq!(uniform.network.weights[0], array![[2.0, 0.5], [1.0, 0.25]]);
    // A constant current of 1 lifts the rest by 1, through w_in = tau_syn and r = 1.
    graph
        .nodes
        .insert("fc1".into(), Node::Affine { weight: array![[2.0, 1.0], [2.0, 1.0]], bias: vec![0.0, 1.0 / 0.006] });
    let imported = import(&graph, &OPTIONS).unwrap();
    assert!((imported.layers[0].threshold[1] - 3.0).abs() < 1e-12, "{:?}", imported.layers[0].threshold);
    assert!(imported.notes[0].contains("bias of \"fc1\""));
    graph.nodes.insert("fc1".into(), Node::Affine { weight: array![[2.0, 1.0], [2.0, 1.0]], bias: vec![1000.0, 0.0] });
    let refused = import(&graph, &OPTIONS).unwrap_err().to_string();
    assert!(refused.contains("Affine \"fc1\": its bias 1000 lifts the rest of neuron 0"), "{refused}");
}
