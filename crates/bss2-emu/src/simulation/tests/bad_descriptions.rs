//! Every problem is found, and says where it is.

use super::*;

fn good() -> Case {
    case(&[&[1.0, 2.0]], vec![population("out", 2, 1.0)], vec![connection("input", "out", 0.5, &[(0, 1, 0.2)])])
}

fn refuses(change: impl FnOnce(&mut Case), words: &[&str]) {
    let mut case = good();
    change(&mut case);
    let text = problems(&case);
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
}

#[test]
fn numbers_out_of_range() {
    refuses(|c| c.duration = f64::NAN, &["case \"test\": duration: NaN is not allowed; expected a number in 0..=1e9"]);
    refuses(|c| c.input_spikes[0][1] = -1.0, &["input_spikes[0][1]: -1"]);
    refuses(
        |c| c.populations[0].tau_mem[1] = 0.0,
        &["case \"test\": population \"out\": tau_mem[1]: 0 is not allowed; expected a number in 1e-6..=1e9"],
    );
    refuses(|c| c.populations[0].tau_syn_exc[0] = -3.0, &["tau_syn_exc[0]: -3"]);
    refuses(|c| c.populations[0].tau_syn_inh[0] = f64::INFINITY, &["tau_syn_inh[0]: inf"]);
    refuses(|c| c.populations[0].v_threshold[0] = 1e300, &["v_threshold[0]", "-1e9..=1e9"]);
    refuses(|c| c.populations[0].t_refractory[0] = -1.0, &["t_refractory[0]: -1"]);
    refuses(|c| c.connections[0].delay = -0.5, &["connections[0] (\"input\" to \"out\"): delay: -0.5"]);
    refuses(|c| c.connections[0].synapses[0].weight = f64::NAN, &["synapses[0].weight: NaN"]);
}

#[test]
fn lists_names_and_indices() {
    refuses(|c| c.populations[0].v_leak = vec![0.0; 3], &["\"out\": v_leak: 3 values for 2 neurons (size)"]);
    refuses(|c| c.populations[0].size = usize::MAX, &["tau_mem: 2 values"]);
    refuses(
        |c| c.populations.push(population("out", 1, 1.0)),
        &["populations[1].name: there are two populations \"out\""],
    );
    refuses(|c| c.populations[0].name = "input".into(), &["\"input\" is the name of the input channels"]);
    refuses(
        |c| c.connections[0].from = "inptu".into(),
        &["from: no population \"inptu\"; expected one of \"input\", \"out\""],
    );
    refuses(|c| c.connections[0].to = "outt".into(), &["to: no population \"outt\"; expected one of \"out\""]);
    refuses(|c| c.connections[0].to = "input".into(), &["to: the input receives no spikes"]);
    refuses(|c| c.connections[0].synapses[0].pre = 1, &["synapses[0].pre: there is no number 1 among 1"]);
    refuses(|c| c.connections[0].synapses[0].post = 2, &["synapses[0].post: there is no number 2 among 2"]);
}

#[test]
fn what_would_never_end() {
    refuses(
        |c| {
            c.populations[0].t_refractory[1] = 0.0;
            c.populations[0].v_reset[1] = 1.0;
        },
        &["t_refractory[1]: 0 is not allowed where v_reset (1) is not below v_threshold (1)"],
    );
}

#[test]
fn terms_that_are_given_in_part_or_make_no_sense() {
    refuses(|c| c.populations[0].delta_t = Some(vec![2.0; 2]), &["\"out\": v_exp: is missing beside delta_t"]);
    refuses(
        |c| c.populations[0].b_adapt = Some(vec![2.0; 3]),
        &[
            "tau_adapt: is missing beside b_adapt",
            "a_adapt: is missing beside b_adapt",
            "b_adapt: 3 values for 2 neurons",
        ],
    );
    refuses(|c| c.populations[0].i_offset = Some(vec![f64::INFINITY, 0.0]), &["i_offset[0]: inf is not allowed"]);
    refuses(
        |c| {
            c.populations[0].delta_t = Some(vec![2.0, 0.0]);
            c.populations[0].v_exp = Some(vec![0.5, 1.0]);
        },
        &["delta_t[1]: 0 is not allowed", "v_threshold[1]: 1 is not allowed; expected a number above v_exp (1)"],
    );
    refuses(
        |c| {
            c.populations[0].tau_adapt = Some(vec![-1.0, 9.0]);
            c.populations[0].a_adapt = Some(vec![0.1, -0.25]);
            c.populations[0].b_adapt = Some(vec![0.1, f64::NAN]);
        },
        &[
            "tau_adapt[0]: -1",
            "b_adapt[1]: NaN",
            "a_adapt[1]: -0.25 is not allowed; expected a number above -1 / tau_mem",
        ],
    );
}

#[test]
fn all_at_once_but_not_without_end() {
    refuses(
        |c| {
            c.duration = -1.0;
            c.populations[0].tau_mem = vec![-1.0; 2];
        },
        &["the description has problems:", "duration: -1", "tau_mem[0]: -1", "tau_mem[1]: -1"],
    );
    refuses(|c| c.input_spikes = vec![vec![-1.0; 50]], &["input_spikes[0][19]", "and 30 more"]);
}

#[test]
fn a_loop_is_named_by_the_layered_engine() {
    let mut looped = good();
    looped.populations.insert(0, population("after", 1, 1.0));
    looped.connections.push(connection("out", "after", 1.0, &[(0, 0, 0.2)]));
    looped.connections.push(connection("out", "out", 1.0, &[(0, 1, 0.2)]));
    let error = looped.check().unwrap().run(Engine::Layered).unwrap_err();
    assert_eq!(error, SimulationError::Recurrent { case: "test".into(), population: "out".into() });
}
