//! `bss2 calib targets`.

use std::process::ExitCode;

use bss2_emu::codes::NEURONS;
use ttfs::placement::Placement;

use super::check_place;
use super::parameters::Tolerance;
use crate::cli::{ChipArgs, TargetsArgs};
use crate::commands::configure;
use crate::config::{Layer, table_from_file};
use crate::console::Console;
use crate::files::calix_targets::{CalixTargets, FORMAT, UNITS};
use crate::files::network::SavedNetwork;
use crate::files::run_folder::RunFolder;

/// Says and writes what a real chip must be calibrated to for a network.
///
/// The time constants are those that the network was trained with. The potentials, strength and bias are those of the run
/// (its `config.toml`), of `--config`, or the defaults: the network knows their ratio alone.
///
/// # Errors
/// If the network or configuration is wrong, the network does not fit on a chip, or a file cannot be written.
pub fn run(args: &TargetsArgs) -> anyhow::Result<ExitCode> {
    let console = Console::new(args.json);
    if let Some(path) = &args.out {
        CalixTargets::check_name(path)?;
        check_place(path)?;
    }
    let (network, base) = if args.network.is_dir() {
        let folder = RunFolder::open(&args.network)?;
        let origin = folder.config().display().to_string();
        let config = Layer { origin, table: table_from_file(&folder.config())? };
        (SavedNetwork::load(&folder.network())?, Some(config))
    } else {
        (SavedNetwork::load(&args.network)?, None)
    };
    let (config, _) = configure(base, &args.config, &ChipArgs::default(), Vec::new())?;
    let scaling = network.architecture.scaling;
    let mut targets = config.calibration;
    targets.tau_syn_exc_us = scaling.us_per_time;
    targets.tau_syn_inh_us = scaling.us_per_time;
    // The network has the median that the emulated chip came to; what it aimed at is the better target for another chip.
    let trained_us = scaling.us_per_time * scaling.tau_mem;
    if !Tolerance::Relative(0.05).allows(targets.tau_mem_us, trained_us) {
        targets.tau_mem_us = trained_us;
    }
    if let Some(problem) = targets.check().first() {
        anyhow::bail!("{}: no chip can be calibrated to this network: {problem}", args.network.display());
    }
    let n_inputs = network.architecture.sizes.first().copied().unwrap_or(0);
    let placement = Placement::with_delays(n_inputs, &network.layers(), network.delay_kind())?;
    let (mut layer, mut index) = (vec![0_i16; NEURONS], vec![-1_i16; NEURONS]);
    for (number, neurons) in placement.neurons.iter().enumerate() {
        for (k, neuron) in neurons.iter().enumerate() {
            // All circuits of a neuron.
            let joined = placement.routing.logical_neurons.iter().find(|circuits| circuits.contains(neuron));
            for circuit in joined.map_or(std::slice::from_ref(neuron), |circuits| circuits.as_slice()) {
                layer[circuit.index()] = number as i16 + 1;
                index[circuit.index()] = k as i16;
            }
        }
    }
    let used = layer.iter().filter(|l| **l > 0).count();
    // CADC reads are whole numbers.
    let potential = |lsb: f64| vec![lsb.round() as i16; NEURONS];
    let seconds = |us: f64| us * 1e-6;
    let result = CalixTargets {
        format: FORMAT,
        network: args.network.display().to_string(),
        units: UNITS,
        layer,
        index,
        leak: potential(targets.leak_lsb),
        reset: potential(targets.reset_lsb),
        threshold: potential(targets.threshold_lsb),
        tau_mem: vec![seconds(targets.tau_mem_us); NEURONS],
        tau_syn: vec![[seconds(targets.tau_syn_exc_us), seconds(targets.tau_syn_inh_us)]; NEURONS],
        refractory_time: vec![seconds(targets.refractory_time_us); NEURONS],
        membrane_capacitance: vec![i16::from(targets.membrane_capacitance); NEURONS],
        i_synin_gm: targets.i_synin_gm as i16,
        synapse_dac_bias: targets.synapse_dac_bias as i16,
    };
    console.say(format_args!("targets of calix for {} ({used} of {NEURONS} neurons used)", args.network.display()));
    console.say(format_args!(
        "  leak {}, reset {}, threshold {} CADC LSB",
        result.leak[0], result.reset[0], result.threshold[0]
    ));
    console.say(format_args!(
        "  tau_mem {:e} s, tau_syn {:e} s and {:e} s, refractory_time {:e} s",
        result.tau_mem[0], result.tau_syn[0][0], result.tau_syn[0][1], result.refractory_time[0]
    ));
    console.say(format_args!(
        "  i_synin_gm {}, synapse_dac_bias {}, membrane_capacitance {}",
        result.i_synin_gm, result.synapse_dac_bias, result.membrane_capacitance[0]
    ));
    console.say(format_args!(
        "  the network was trained for a threshold of {:.3} in units of {} weight codes: measure it on the real chip, and scale the \
         weights if it differs",
        scaling.threshold, scaling.lsb_per_weight
    ));
    if let Some(path) = &args.out {
        let script = result.save(path)?;
        console.say(format_args!("written to {} and {}", path.display(), script.display()));
    }
    console.result(&serde_json::to_value(&result)?)?;
    Ok(ExitCode::SUCCESS)
}
