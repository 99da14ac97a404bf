//! Files of other tools: each is imported, or refused with its reasons. `fixtures/README.md` says where they come from.

use std::path::Path;

use nir::import::{Imported, Options, import};
use nir::{Error, Graph, Node, Spike, TimeUnit};
use ttfs::neuron::LifModel;

fn read(name: &str) -> Graph {
    Graph::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

fn options() -> Options {
    Options { time_unit: None, spike: None, tau_syn: None, tau_syn_us: 0.1..=100.0 }
}

fn refused(name: &str, options: &Options) -> String {
    match import(&read(name), options).and_then(|imported| imported.uniform()) {
        Err(Error::Refused(refusals)) => refusals.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}

fn spike_times(imported: &Imported) -> Vec<f64> {
    let uniform = imported.uniform().unwrap();
    let model = LifModel { tau_mem: uniform.tau_mem, tau_syn: 1.0, threshold: uniform.threshold };
    let mut times = ndarray::array![0.1, 0.3, 0.2, 0.5];
    for weights in &uniform.network.weights {
        times = model.layer_forward(times.view(), weights.view());
    }
    times.to_vec()
}

#[test]
fn norse_lif_needs_a_synapse() {
    let text = refused("lif_norse.nir", &options());
    assert!(text.contains("LIF \"1\": it has no synapse") && text.contains("--nir-tau-syn"), "{text}");
    // With one it runs: a spike of a time step of .1 ms moves the membrane by 1/25.
    let given =
        Options { tau_syn: Some(0.0025), spike: Some(Spike::Pulse(1e-4)), time_unit: Some(TimeUnit::S), ..options() };
    let imported = import(&read("lif_norse.nir"), &given).unwrap();
    assert!((imported.layers[0].weights[[0, 0]] - 0.04).abs() < 1e-9);
    assert_eq!(imported.speed_up, 1000.0);
    assert!((imported.layers[0].tau_mem_us[0] - 2.5).abs() < 1e-6);
}

#[test]
fn snntorch_braille_is_recurrent() {
    let text = refused("braille_snntorch.nir", &options());
    assert!(text.contains("CubaLIF \"lif1.lif\": it is part of a loop (on to \"lif1.w_rec\")"), "{text}");
    assert!(text.contains("Affine \"lif1.w_rec\": it is part of a loop"), "{text}");
    assert!(text.contains("without recurrence"), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn sinabs_network_of_convolutions_is_refused_node_by_node() {
    let text = refused("scnn_mnist_sinabs.nir", &options());
    for (kind, name) in [
        ("Conv2d", "0"),
        ("IF", "1"),
        ("Conv2d", "2"),
        ("IF", "3"),
        ("SumPool2d", "4"),
        ("Conv2d", "5"),
        ("IF", "6"),
        ("SumPool2d", "7"),
        ("Flatten", "8"),
        ("IF", "10"),
        ("IF", "12"),
    ] {
        assert!(text.contains(&format!("{kind} {name:?}: ")), "{kind} {name}: {text}");
    }
    assert!(text.contains("Input \"input\": shape [2, 34, 34]; flatten it"), "{text}");
}

#[test]
fn a_network_as_snntorch_writes_it() {
    let graph = read("made_snntorch.nir");
    let imported = import(&graph, &options()).unwrap();
    assert!(
        matches!(imported.spike.value, Spike::Pulse(dt) if (dt / 1e-4 - 1.0).abs() < 1e-3) && !imported.spike.uncertain
    );
    assert!(imported.time_unit.value == TimeUnit::S && !imported.time_unit.uncertain);
    // alpha = .98, beta = .99 at .1 ms: 5 ms and 10 ms, a thousand times faster on the chip.
    let uniform = imported.uniform().unwrap();
    assert!((uniform.tau_syn_us / 5.0 - 1.0).abs() < 1e-3 && (uniform.tau_mem / 2.0 - 1.0).abs() < 1e-3);
    // A spike of weight W adds W to the current of a step, and that W tau_syn/dt in all: charges are 50 W.
    let Node::Linear(weight) = &graph.nodes["0"] else { panic!() };
    assert!((imported.layers[0].weights[[1, 2]] / weight[[2, 1]] / 50.0 - 1.0).abs() < 1e-3);
    assert_eq!(imported.layers[0].weights.dim(), (4, 6));
    assert!(spike_times(&imported).iter().any(|t| t.is_finite()));
}

#[test]
fn a_recurrent_network_as_snntorch_writes_it() {
    let text = refused("made_snntorch_recurrent.nir", &options());
    assert!(text.contains("CubaLIF \"1.lif\": it is part of a loop (on to \"1.w_rec\")"), "{text}");
}

#[test]
fn a_graph_inside_of_a_graph_is_the_flat_one() {
    let (nested, flat) = (
        import(&read("made_nested.nir"), &options()).unwrap(),
        import(&read("made_snntorch.nir"), &options()).unwrap(),
    );
    assert_eq!(spike_times(&nested), spike_times(&flat));
    assert_eq!(nested.layers[0].name, "0.1");
}

#[test]
fn a_network_as_rockpool_writes_it() {
    let imported = import(&read("made_rockpool.nir"), &options()).unwrap();
    // Its own arithmetic: I += W at a spike, V += I at each step of 1 ms, so that the charge is about W tau_syn/dt.
    assert_eq!(imported.spike.value, Spike::Current);
    let Node::Linear(weight) = &read("made_rockpool.nir").nodes["0"] else { panic!() };
    let charge = weight[[2, 1]] * 10.0 * (-1.0_f64 / 20.0).exp();
    assert!((imported.layers[0].weights[[1, 2]] / charge - 1.0).abs() < 1e-5);
    assert!(imported.time_unit.uncertain && imported.time_unit.value == TimeUnit::S, "{:?}", imported.time_unit);
    assert!(spike_times(&imported).iter().any(|t| t.is_finite()));
}

#[test]
fn a_network_as_norse_writes_it() {
    let imported = import(&read("made_norse.nir"), &options()).unwrap();
    assert_eq!(imported.spike.value, Spike::Current);
    // Norse 1.1.0 multiplies by its step of 1 ms: 1e-5 s, which is what the chip has.
    assert!(imported.time_unit.value == TimeUnit::S && !imported.time_unit.uncertain);
    assert!((imported.layers[0].tau_mem_us[0] - 10.0).abs() < 1e-4 && imported.speed_up == 1.0);
    assert!(spike_times(&imported).iter().any(|t| t.is_finite()));
}

#[test]
fn a_network_as_sinabs_writes_it() {
    let text = refused("made_sinabs.nir", &options());
    assert!(text.contains("LIF \"1\": it has no synapse"), "{text}");
    let given = Options { tau_syn: Some(10.0), ..options() };
    let imported = import(&read("made_sinabs.nir"), &given).unwrap();
    assert_eq!((imported.time_unit.value, imported.speed_up), (TimeUnit::Ms, 1000.0));
    assert!(imported.notes.iter().any(|note| note.contains("were given synapses")));
    assert!(imported.spike.uncertain);
}

#[test]
fn every_form_of_text_number_and_shape() {
    let graph = read("made_forms.nir");
    let imported = import(&graph, &options()).unwrap();
    assert_eq!((imported.time_unit.value, imported.spike.value), (TimeUnit::Ms, Spike::Current));
    assert_eq!(imported.layers[0].threshold, [2.0; 3]);
    assert_eq!(imported.layers[0].tau_mem_us, [10.0; 3]);
    let Node::Linear(weight) = &graph.nodes["fc"] else { panic!() };
    assert_eq!(weight.dim(), (3, 4));
    assert!(weight.iter().all(|w| w.abs() < 4.0 && *w != 0.0), "{weight}");
}
