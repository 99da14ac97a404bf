//! Joined circuits, delay pairs, bypass, background generators, counters.

use super::*;
use crate::parameters::{Adaptation, Exponential};
use crate::routing::{Background, BackgroundKind, DelayPair};
use crate::simulation::{self, Case, Population};

fn id(n: i64) -> NeuronId {
    NeuronId::new(n).unwrap()
}

/// An ideal chip whose neurons can fire again, with these changes to neurons and routing of [`two_layers`].
fn chip(columns: usize, change: impl Fn(usize, &mut NeuronParameters), wire: impl FnOnce(&mut Routing)) -> Chip {
    let mut spec = ChipSpec::new(Preset::Ideal, 1);
    spec.circuits.refiring = true;
    let mut chip = Chip::draw(&spec);
    let mut parameters =
        vec![NeuronParameters { v_threshold_lsb: 95.0, refractory_us: 2.0, ..NeuronParameters::default() }; NEURONS];
    for (n, p) in parameters.iter_mut().enumerate() {
        change(n, p);
    }
    chip.configure(&NeuronSetting::Direct(parameters)).unwrap();
    let mut routing = two_layers(columns);
    wire(&mut routing);
    chip.connect(&routing).unwrap();
    chip
}

fn times(chip: &mut Chip, inputs: &[f64], neuron: u16) -> Vec<f64> {
    let trial = chip.run(&experiment(inputs, 1)).unwrap().trials.remove(0);
    trial.spikes.iter().filter(|s| s.neuron.get() == neuron).map(|s| s.time_us).collect()
}

/// Two equal circuits have twice the capacitance and twice the inputs: together they are as one with the mean of the weights.
#[test]
fn joined_circuits_share_the_work() {
    let mut one = chip(4, |_, _| (), |_| ());
    one.write_weights(&[row(Hemisphere::Top, 0, &[40])]).unwrap();
    let mut two = chip(4, |_, _| (), |routing| routing.logical_neurons = vec![vec![id(0), id(1)]]);
    two.write_weights(&[row(Hemisphere::Top, 0, &[60, 20])]).unwrap();
    let (one, two) = (times(&mut one, &[1.0, 2.0], 0), times(&mut two, &[1.0, 2.0], 0));
    assert!(!one.is_empty() && one.len() == two.len(), "{one:?} {two:?}");
    for (a, b) in one.iter().zip(&two) {
        assert_relative_eq!(a, b, max_relative = 1e-12);
    }
}

/// Leak potentials and constant currents of joined circuits meet in the middle, by conductance and capacitance.
#[test]
fn joined_circuits_rest_together_and_show_on_all_their_channels() {
    let change = |n: usize, p: &mut NeuronParameters| {
        p.v_threshold_lsb = 200.0;
        (p.v_leak_lsb, p.tau_mem_us) = if n == 0 { (60.0, 3.0) } else { (90.0, 6.0) };
        p.terms.offset_current = if n == 1 { 4.0 } else { 0.0 };
    };
    let mut chip = chip(4, change, |routing| routing.logical_neurons = vec![vec![id(0), id(1)]]);
    let mut run = experiment(&[], 1);
    run.record.cadc_times_us = vec![50.0];
    let cadc = chip.run(&run).unwrap().trials.remove(0).cadc.remove(0);
    // (60/3 + 90/6 + 4) / (1/3 + 1/6) = 78
    assert_eq!((cadc[0], cadc[1], cadc[2]), (78, 78, 90));
}

#[test]
fn a_delay_pair_hands_on_once_per_delay() {
    let pair = DelayPair { neuron: id(0), code: 66 };
    let mut chip = chip(4, |_, _| (), |routing| routing.delay_pairs = vec![pair]);
    chip.write_weights(&[row(Hemisphere::Top, 0, &[0, 1]), row(Hemisphere::Bottom, 0, &[63, 63])]).unwrap();
    // 2 + 66/8 = 10.25 us; the event at 5 comes while the delay runs.
    assert_eq!(times(&mut chip, &[1.0, 5.0, 20.0], 0), [11.25, 30.25]);
    let second_hop = times(&mut chip, &[1.0], 256);
    assert!(second_hop[0] > 11.25, "{second_hop:?}");
    let inhibition = [row(Hemisphere::Top, 0, &[0, 0]), row(Hemisphere::Top, 1, &[63, 63])];
    chip.write_weights(&inhibition).unwrap();
    assert!(times(&mut chip, &[1.0], 0).is_empty());
}

/// A pair needs the comparators of both circuits.
#[test]
fn a_delay_pair_with_a_dead_circuit_sends_nothing() {
    let mut spec = ChipSpec::new(Preset::Ideal, 1);
    spec.failures.dead_neuron_probability = 1.0;
    let mut chip = Chip::draw(&spec);
    chip.configure(&NeuronSetting::Direct(vec![NeuronParameters::default(); NEURONS])).unwrap();
    let mut routing = two_layers(4);
    routing.delay_pairs = vec![DelayPair { neuron: id(0), code: 66 }];
    chip.connect(&routing).unwrap();
    chip.write_weights(&[row(Hemisphere::Top, 0, &[63, 63])]).unwrap();
    assert!(times(&mut chip, &[1.0], 0).is_empty());
}

#[test]
fn what_joined_circuits_cannot_do_is_refused() {
    let refused = |change: fn(usize, &mut NeuronParameters)| {
        let mut chip = chip(4, change, |routing| routing.logical_neurons = vec![vec![id(0), id(1)]]);
        chip.run(&experiment(&[1.0], 1)).unwrap_err().to_string()
    };
    assert!(refused(|_, p| p.terms.bypass = true).contains("cannot be bypassed"));
    assert!(refused(|_, p| p.terms.reversal_exc_lsb = Some(200.0)).contains("joined circuits with adaptation"));
}

#[test]
fn times_outside_the_trial_are_refused() {
    let mut chip = chip(1, |_, _| (), |_| ());
    let mut run = experiment(&[], 1);
    run.record.cadc_times_us = vec![f64::NAN];
    assert!(chip.run(&run).unwrap_err().to_string().starts_with("cadc_times_us: NaN us is not allowed"));
    run.record.cadc_times_us.clear();
    run.trials[0].resets_us = vec![101.0];
    assert!(chip.run(&run).unwrap_err().to_string().starts_with("resets_us: 101 us"));
    run.duration_us = f64::INFINITY;
    assert!(chip.run(&run).unwrap_err().to_string().starts_with("duration_us: inf us"));
}

#[test]
fn a_bypassed_neuron_passes_events_at_once() {
    let mut chip = chip(4, |_, p| p.terms.bypass = true, |_| ());
    chip.write_weights(&[row(Hemisphere::Top, 0, &[1])]).unwrap();
    assert_eq!(times(&mut chip, &[1.0, 1.5, 7.0], 0), [1.0, 1.5, 7.0]);
}

/// F14 of the silicon bands: a Poisson generator counts as it should, and all its targets count the same.
#[test]
fn background_events_reach_their_synapses_and_the_counters() {
    let kind = BackgroundKind::Poisson;
    let (label, mask) = (Label::new(1).unwrap(), Label::default());
    // 51/255 per 50 ticks of 8 ns: 0.5 MHz.
    let source = Background { kind, period: 50, rate: 51, seed: 11, row_select: 0, label, mask };
    let mut chip = chip(2, |_, p| p.terms.bypass = true, |routing| routing.background[0] = Some(source));
    chip.write_weights(&[row(Hemisphere::Top, 0, &[1, 1])]).unwrap();
    let mut run = experiment(&[], 200);
    run.record.spike_counters = true;
    let recording = chip.run(&run).unwrap();
    let of = |n: usize| recording.trials.iter().map(|t| u32::from(t.counters[n].count)).sum::<u32>();
    let expected: f64 = 0.5 * 100.0 * 200.0;
    assert!((f64::from(of(0)) - expected).abs() < 5.0 * expected.sqrt(), "{}", of(0));
    assert_eq!(of(0), of(1));
    assert_eq!(of(2), 0);
    assert_ne!(recording.trials[0].spikes, recording.trials[1].spikes);
}

#[test]
fn counters_count_to_255() {
    let change = |n: usize, p: &mut NeuronParameters| {
        p.refractory_us = if n == 0 { 0.3 } else { 0.6 };
        p.v_leak_lsb = 1000.0;
        p.v_reset_lsb = 94.0;
    };
    let mut chip = chip(1, change, |_| ());
    let mut run = experiment(&[], 1);
    run.record.spike_counters = true;
    let trial = chip.run(&run).unwrap().trials.remove(0);
    let spikes = trial.spikes.iter().filter(|s| s.neuron.get() == 0).count();
    assert!(trial.counters[0].overflow && spikes > 255, "{spikes}");
    assert_eq!(usize::from(trial.counters[0].count), spikes % 256);
    assert!(!trial.counters[1].overflow);
}

/// A chip's neuron with all terms of the adaptive exponential neuron is that of `simulate`.
#[test]
fn an_adaptive_exponential_neuron_is_the_same_with_and_without_a_chip() {
    let change = |_: usize, p: &mut NeuronParameters| {
        (p.v_leak_lsb, p.v_reset_lsb, p.v_threshold_lsb) = (80.0, 70.0, 180.0);
        p.terms.offset_current = 12.0;
        p.terms.exponential = Some(Exponential { slope_lsb: 5.0, v_exp_lsb: 140.0 });
        p.terms.adaptation =
            Some(Adaptation { tau_us: 60.0, a_per_us: 0.02, b_lsb_per_us: 1.5, v_ref_lsb: p.v_leak_lsb });
    };
    let run = Experiment { duration_us: 400.0, ..experiment(&[], 1) };
    let trial = chip(1, change, |_| ()).run(&run).unwrap().trials.remove(0);
    let on_chip: Vec<f64> = trial.spikes.iter().filter(|s| s.neuron.get() == 7).map(|s| s.time_us).collect();
    let one = |value: f64| vec![value];
    let neuron = Population {
        name: "neuron".into(),
        size: 1,
        tau_mem: one(6.0),
        tau_syn_exc: one(6.0),
        tau_syn_inh: one(6.0),
        v_leak: one(80.0),
        v_threshold: one(180.0),
        v_reset: one(70.0),
        t_refractory: one(2.0),
        // A trial on the chip begins where the membrane rests under its constant current.
        i_offset: Some(one(12.0)),
        delta_t: Some(one(5.0)),
        v_exp: Some(one(140.0)),
        tau_adapt: Some(one(60.0)),
        a_adapt: Some(one(0.02)),
        b_adapt: Some(one(1.5)),
    };
    let case = Case {
        name: "one neuron".into(),
        duration: 400.0,
        input_spikes: Vec::new(),
        populations: vec![neuron],
        connections: Vec::new(),
    };
    let free = case.check().unwrap().run(simulation::Engine::Event).unwrap().populations.remove(0).remove(0);
    let intervals = |times: &[f64]| times.windows(2).map(|w| w[1] - w[0]).collect::<Vec<_>>();
    let (on_chip, free) = (intervals(&on_chip), intervals(&free));
    assert!(on_chip.len() > 4 && on_chip.is_sorted(), "adapts: {on_chip:?}");
    // They start at different potentials, which the adaptation forgets.
    assert!((on_chip.last().unwrap() - free.last().unwrap()).abs() < 0.05, "{on_chip:?} {free:?}");
}

/// An inhibitory input cannot pull the membrane below its reversal potential, and a saturated one no further.
#[test]
fn conductances_and_saturation_bound_the_membrane() {
    let lowest = |reversal: Option<f64>, saturation: f64| {
        let mut spec = ChipSpec::new(Preset::Ideal, 1);
        spec.circuits.synaptic_saturation_codes = saturation;
        let mut chip = Chip::draw(&spec);
        let mut p = NeuronParameters::default();
        p.terms.reversal_inh_lsb = reversal;
        chip.configure(&NeuronSetting::Direct(vec![p; NEURONS])).unwrap();
        chip.connect(&two_layers(1)).unwrap();
        chip.write_weights(&[row(Hemisphere::Top, 1, &[63])]).unwrap();
        let mut run = experiment(&[1.0; 20], 1);
        run.record.cadc_times_us = (1..40).map(|k| f64::from(k) * 0.5).collect();
        let cadc = chip.run(&run).unwrap().trials.remove(0).cadc;
        cadc.iter().map(|sample| sample[0]).min().unwrap()
    };
    assert_eq!(lowest(None, 0.0), 0);
    assert!((60..=64).contains(&lowest(Some(60.0), 0.0)), "{}", lowest(Some(60.0), 0.0));
    // Twenty events of weight 63 saturate the input for about three time constants: the current of weight 60 times 6 us.
    assert!((26..=36).contains(&lowest(None, 60.0)), "{}", lowest(None, 60.0));
}
