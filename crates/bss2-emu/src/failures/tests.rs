use super::*;
use crate::codes::NEURONS;
use crate::spec::{ChipSpec, Preset};
use crate::variation::Deviations;
use crate::{Chip, Device, NeuronParameters, NeuronSetting};

fn chip_with(failures: Failures) -> ChipSpec {
    ChipSpec { failures, ..ChipSpec::new(Preset::Ideal, 1) }
}

#[test]
fn more_failures_include_fewer() {
    let failed = |probability| {
        let failures =
            Failures { dead_synapse_probability: probability, dead_neuron_probability: probability, ..Failures::NONE };
        let neurons: Vec<bool> = NeuronId::all().map(|n| failures.draw_neuron(3, n).dead).collect();
        (neurons, failures.draw_synapses(3, Hemisphere::Bottom, Kind::Dead))
    };
    let ((few_neurons, few), (many_neurons, many)) = (failed(0.01), failed(0.1));
    assert!(few.iter().all(|synapse| many.contains(synapse)));
    assert!(few_neurons.iter().zip(&many_neurons).all(|(few, many)| !few || *many));
    // 65536 synapses: standard errors of 25 and 77; bounds four times that.
    assert!(few.len().abs_diff(655) < 102 && many.len().abs_diff(6554) < 307, "{} {}", few.len(), many.len());
}

#[test]
fn synapses_conduct_as_they_failed() {
    let all = Failures {
        dead_synapse_probability: 0.1,
        stuck_synapse_probability: 0.2,
        weak_synapse_probability: 0.3,
        weak_factor: 0.25,
        ..Failures::NONE
    };
    let synapses = Deviations::draw(&chip_with(all)).synapses;
    let mut counts = [0; 5];
    for synapse in 0..ROWS * COLUMNS {
        let strength = synapses.strength(0, synapse, 40);
        // Sound, dead, stuck, weak, weak and stuck.
        let kind = [40.0, 0.0, 63.0, 10.0, 15.75].iter().position(|s| *s == strength).unwrap();
        counts[kind] += 1;
        assert_eq!(synapses.strength(0, synapse, 0) > 0.0, kind == 2 || kind == 4);
    }
    let expected = [0.9 * 0.8 * 0.7, 0.1, 0.9 * 0.2 * 0.7, 0.9 * 0.8 * 0.3, 0.9 * 0.2 * 0.3];
    for (count, share) in counts.iter().zip(expected) {
        // Standard error at most .002.
        assert!((f64::from(*count) / 65536.0 - share).abs() < 0.008, "{counts:?}");
    }
}

#[test]
fn neurons_fail_as_told_and_the_failures_belong_to_the_chip() {
    let failures = Failures {
        dead_neuron_probability: 0.2,
        stuck_neuron_probability: 0.2,
        weak_neuron_probability: 0.2,
        ..Failures::NONE
    };
    let spec = chip_with(failures);
    assert_ne!(spec.identity(), ChipSpec::new(Preset::Ideal, 1).identity());
    let mut chip = Chip::draw(&spec);
    let set = NeuronParameters { v_reset_lsb: 60.0, ..NeuronParameters::default() };
    chip.configure(&NeuronSetting::Direct(vec![set; NEURONS])).unwrap();
    let truth = chip.reveal();
    let mut counts = [0; 3];
    for (neuron, p) in NeuronId::all().zip(&truth.neurons) {
        let failure = failures.draw_neuron(1, neuron);
        counts[0] += usize::from(failure.dead);
        counts[1] += usize::from(failure.stuck);
        counts[2] += usize::from(failure.input_factor == 0.5);
        if failure.stuck {
            assert_eq!((p.v_leak_lsb, p.gain_exc, p.gain_inh), (60.0, 0.0, 0.0));
        } else {
            assert_eq!((p.v_leak_lsb, p.gain_exc), (80.0, set.gain_exc * failure.input_factor));
        }
    }
    // 102 of 512 expected, standard error 9.
    assert!(counts.iter().all(|count| count.abs_diff(102) < 37), "{counts:?}");
}

/// Every neuron would fire by itself; the dead and the stuck do not.
#[test]
fn dead_and_stuck_neurons_are_silent() {
    let failures = Failures { dead_neuron_probability: 0.3, stuck_neuron_probability: 0.3, ..Failures::NONE };
    let mut chip = Chip::draw(&chip_with(failures));
    let set = NeuronParameters { v_leak_lsb: 200.0, ..NeuronParameters::default() };
    chip.configure(&NeuronSetting::Direct(vec![set; NEURONS])).unwrap();
    let experiment = crate::Experiment {
        run: crate::RunId { session: 1, index: 0 },
        duration_us: 50.0,
        trials: vec![crate::Trial { resets_us: vec![1.0], ..crate::Trial::default() }],
        record: crate::Record::default(),
    };
    let trial = chip.run(&experiment).unwrap().trials.remove(0);
    let sound = |n: &NeuronId| {
        let failure = failures.draw_neuron(1, *n);
        !(failure.dead || failure.stuck)
    };
    let fired = |n: &NeuronId| trial.spikes.iter().any(|s| s.neuron == *n);
    assert!(NeuronId::all().all(|n| fired(&n) == sound(&n)));
}
