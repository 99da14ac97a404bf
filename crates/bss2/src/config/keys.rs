//! What every key means, for `--help`. A test keeps this list and the configuration in step.

use std::fmt::Write as _;

use toml::Table;

use super::kinds::{find, variants};

/// Key and meaning, in the order in which they are shown.
const KEYS: &[(&str, &str)] = &[
    ("residual_table", "CSV or npz with the residuals of each neuron of a chip that is set directly; empty: drawn"),
    ("substrate", "\"chip\", \"ideal\" or \"noise-aware\": a fresh chip for every batch (--substrate)"),
    ("from", "run folder, network or checkpoint to begin with the weights of; empty: drawn (--from)"),
    (
        "engine",
        "how spikes and gradients are computed: \"exact\" (double precision), \"fast\" (single: at most 1 spike in 1000 a tick off), or \
         \"auto\": fast for neurons of two circuits, and for 10,000 weights on the ideal substrate",
    ),
    (
        "data.kind",
        "\"yin-yang\", \"mnist\", \"mnist16\", \"fashion-mnist\", \"fashion-mnist16\" or \"file\"; setting it sets the sizes below to \
         the published ones",
    ),
    ("data.folder", "folder with mnist/ and fashion-mnist/; empty: the environment variable BSS2_DATA, or else ./data"),
    ("data.file", "CSV or npz with training and validation samples, for the kind \"file\""),
    ("data.test_file", "CSV or npz with test samples, for the kind \"file\""),
    ("data.label_column", "column of a CSV that holds the labels, 0, 1, 2, ..."),
    ("data.feature_min", "value in a CSV or npz that is the feature 0"),
    ("data.feature_max", "value in a CSV or npz that is the feature 1"),
    ("data.train_size", "training samples, the first ones (0, for files: all that validation leaves)"),
    ("data.train_seed", "seed of their generator (Yin-Yang)"),
    ("data.validation_size", "validation samples, those that follow (0, for files: the last sixth)"),
    ("data.validation_seed", "seed of their generator (Yin-Yang)"),
    ("data.test_size", "test samples, the first ones (0, for files: all)"),
    ("data.test_seed", "seed of their generator (Yin-Yang)"),
    ("encoding.t_early", "spike time of feature value 0, in tau_syn"),
    ("encoding.t_late", "spike time of feature value 1, in tau_syn"),
    ("encoding.bias", "time of the bias spike in tau_syn, or \"none\""),
    ("encoding.copies", "channels per feature and bias (one synapse is weaker than the threshold)"),
    ("encoding.background", "what the feature 1 does: \"late\" (a spike at t_late) or \"silent\" (none)"),
    ("network.hidden", "sizes of the hidden layers"),
    ("network.delays", "delays of spikes: \"none\", or \"axonal\"; \"dendritic\" and \"synaptic\" are not on the chip"),
    ("network.delay_shift", "shortest delay in tau_syn (delay pairs of hidden neurons: 8.25 to 33.25 us)"),
    ("network.delay_scale", "longest minus shortest delay in tau_syn: delay = shift + scale / (1 + exp(-parameter))"),
    ("network.delay_initial_std", "spread of the initial parameters of the delays"),
    ("training.seed", "seed of initial weights, sample order and noise addresses (--seed)"),
    ("training.epochs", "passes over the training samples (--epochs)"),
    ("training.batch_size", "samples per weight update: one run of the chip"),
    ("training.evaluation_batch_size", "samples per run when nothing is learned"),
    ("training.max_gradient", "gradient guard: largest |dL/dw| per sample and neuron; 0 for none"),
    (
        "training.estimator",
        "slope at a measured spike time: \"measured\", \"model\" (published), or \"calibrated\" (each neuron's own constants)",
    ),
    ("training.input_noise_std", "noise on training inputs in tau_syn"),
    ("training.optimiser.kind", "\"adam\" or \"sgd\" (gradient descent with momentum); each has its own keys"),
    ("training.optimiser.learning_rate", "learning rate of the first epochs"),
    ("training.optimiser.beta1", "adam: memory of the gradient's mean"),
    ("training.optimiser.beta2", "adam: memory of the gradient's square"),
    ("training.optimiser.eps", "adam: added to the root of the square"),
    ("training.optimiser.momentum", "sgd: share of the last step that goes on"),
    ("training.learning_rate_factors", "factors on the learning rate per layer; the last serves all after it"),
    ("training.delay_learning_rate", "learning rate of the delays' parameters in the first epochs"),
    ("training.schedule.kind", "course of the learning rate: \"step\", \"constant\" or \"cosine\""),
    ("training.schedule.step_epochs", "step: epochs between steps of the learning rate"),
    ("training.schedule.gamma", "step: factor of the learning rate at each step"),
    ("training.schedule.final_factor", "cosine: factor that the learning rate falls to over all epochs"),
    (
        "training.loss.kind",
        "\"ttfs\" (published), \"shift-invariant-mse\", \"mse\" or \"cross-entropy\"; each has its own keys",
    ),
    ("training.loss.xi", "ttfs, cross-entropy: time scale of the competition between outputs, in tau_syn"),
    ("training.loss.alpha", "ttfs, shift-invariant-mse: weight of the term that rewards early answers"),
    ("training.loss.beta", "ttfs, shift-invariant-mse: time scale of that term, in tau_syn"),
    (
        "training.loss.delta_t",
        "shift-invariant-mse: how much later than the true class others are to spike, in tau_syn; negative: earlier",
    ),
    ("training.loss.t_correct", "mse: when the true class is to spike, in tau_syn; the closest to it is chosen"),
    ("training.loss.t_wrong", "mse: when the others are to spike, in tau_syn"),
    ("training.loss.t_silent", "cross-entropy: time that silence counts as, in tau_syn"),
    ("training.l2_weights", "price of large weights: times the mean of their squares"),
    ("training.weight_decay", "weights shrink by this times the learning rate at every step, beside the optimiser"),
    ("training.bump.value", "how much weights of silent neurons are raised"),
    ("training.bump.max_missing", "share of missing spikes that is tolerated, per layer; the last serves all after it"),
    ("training.bump.scope", "\"layer\" (published) or \"neuron\""),
    ("training.initial_weights", "mean and std of the initial weights, per layer"),
    ("training.weight_clip", "weights are kept within +- this; 0: within what a synapse holds, which bounds it anyway"),
    (
        "training.rounding",
        "weights on the chip's grid, straight-through; false on the ideal substrate only: any weights",
    ),
    ("training.keep", "weights a training ends with: \"last\", or \"best\" on validation"),
    ("training.early_stopping_epochs", "stop after so many epochs without a better validation; 0: never"),
    ("noise_aware.validation_chips", "noise-aware training: chips of the validation, from seed chip.seed on"),
    ("noise_aware.test_chips", "noise-aware training: chips of the test, with the seeds after those"),
    ("perturbation.threshold_rel_std", "ideal substrate: spread of thresholds by neuron (chip.seed draws it)"),
    ("perturbation.weight_rel_std", "the same of weights by synapse, multiplicative"),
    ("perturbation.gain_rel_std", "the same of all weights of a neuron together"),
    ("perturbation.tau_mem_rel_std", "the same of membrane time constants; the backward pass does not know"),
    ("perturbation.tau_syn_rel_std", "the same of synaptic time constants"),
    ("perturbation.tau_mem_factor", "factor on all membrane time constants that the backward pass does not know"),
    ("perturbation.input_jitter_std", "fresh jitter of the input spikes, the bias left out, in tau_syn"),
    (
        "perturbation.weight_bits",
        "bits of a weight beside its sign, straight-through (training: up to 6); 0: any weight",
    ),
    ("perturbation.weight_range", "weight of the largest code; 0: the largest of the layer (not in a training)"),
    ("scaling.us_per_time", "us of hardware per unit of model time (nominal tau_syn)"),
    ("scaling.lsb_per_weight", "weight codes per unit of weight"),
    ("scaling.slot_us", "length of a sample on the chip in us"),
    ("scaling.threshold", "ideal substrate: threshold in units of weight (a chip's is measured)"),
    (
        "scaling.tau_mem",
        "ideal substrate: membrane time constant in tau_syn; within 10 % of 1 or 2 it is taken as that",
    ),
    (
        "scaling.latency.external_us",
        "from a spike sent from outside to its synapses, as the backward pass of a chip assumes",
    ),
    ("scaling.latency.internal_us", "from a neuron's spike to synapses on chip, as the backward pass assumes"),
    ("calibration.leak_lsb", "resting potential in CADC LSB"),
    ("calibration.reset_lsb", "reset potential in CADC LSB"),
    ("calibration.threshold_lsb", "threshold in CADC LSB"),
    ("calibration.tau_mem_us", "membrane time constant in us"),
    ("calibration.tau_syn_exc_us", "time constant of excitatory inputs in us"),
    ("calibration.tau_syn_inh_us", "time constant of inhibitory inputs in us"),
    ("calibration.i_synin_gm", "code of the synaptic strength; neurons are matched to its median amplitude"),
    ("calibration.synapse_dac_bias", "code of the synapses' bias"),
    ("calibration.membrane_capacitance", "membrane capacitor switches, 0..=63"),
    ("calibration.refractory_time_us", "refractory time in us"),
    ("chip.seed", "which chip of the family (--chip, --chip-seed)"),
    (
        "chip.preset",
        "\"bss2\" (as on silicon), \"bss2-calibrated\" (the same without the calibration), \"fast-and-deep\" (its authors' \
         noise model), \"ideal\" (everything below off)",
    ),
    ("chip.parameters", "neurons set by \"codes\" or, without transfer functions, \"direct\""),
    ("chip.events.latency_external_us", "from a spike sent from outside to its synapses"),
    ("chip.events.latency_internal_us", "from a neuron's spike to synapses on chip"),
    ("chip.events.time_grid", "events on the 8 ns grid"),
    ("chip.events.serialisation", "one event per 8 ns and event interface"),
    ("chip.events.loss_probability", "probability that a spike is lost"),
    ("chip.circuits.operating_limits", "membranes are held at the limits of their circuits"),
    ("chip.circuits.lower_limit_lsb", "lower limit in CADC LSB"),
    ("chip.circuits.upper_limit_lsb", "upper limit in CADC LSB"),
    ("chip.circuits.refiring", "neurons can fire again within a sample"),
    ("chip.circuits.synaptic_saturation_codes", "weight code at which a synaptic current saturates; 0: not at all"),
    ("chip.noise.threshold_trial_rel_std", "threshold noise per sample, relative to threshold - leak"),
    ("chip.noise.threshold_spike_rel_std", "membrane noise: threshold noise per spike, relative to threshold - leak"),
    ("chip.noise.leak_trial_rel_std", "noise of the resting potential per sample, relative to threshold - leak"),
    ("chip.noise.threshold_run_rel_std", "threshold noise per run"),
    ("chip.noise.threshold_run_correlation", "correlation of that noise between neighbouring runs"),
    ("chip.noise.spike_jitter_us_std", "jitter of a spike in us"),
    ("chip.noise.cadc_lsb_std", "noise of a CADC sample"),
    ("chip.noise.madc_lsb_std", "noise of an MADC sample"),
    ("chip.variation.v_leak_chip_codes_std", "offset of leak and reset by chip, in codes"),
    ("chip.variation.v_leak_neuron_codes_std", "the same by neuron, each its own"),
    ("chip.variation.v_leak_reset_correlation", "correlation of the neuron's own offsets of leak and reset"),
    ("chip.variation.v_threshold_chip_codes_std", "offset of the threshold by chip, in codes"),
    ("chip.variation.v_threshold_neuron_codes_std", "the same by neuron"),
    ("chip.variation.v_quadrant_lsb_std", "offset of all potentials of a quadrant, in CADC LSB"),
    ("chip.variation.v_neuron_lsb_std", "offset of all potentials of a neuron, in CADC LSB"),
    ("chip.variation.v_slope_rel_std", "slope of the voltage cells by neuron"),
    ("chip.variation.bias_quadrant_rel_std", "all bias currents of a quadrant: leak, synaptic rates, strength"),
    ("chip.variation.bias_voltage_correlation", "correlation of that with the quadrant's offset of potentials"),
    ("chip.variation.tau_mem_chip_rel_std", "leak conductance by chip"),
    ("chip.variation.tau_mem_neuron_rel_std", "leak conductance by neuron"),
    ("chip.variation.tau_mem_leak_correlation", "correlation of that with the neuron's offset of the leak"),
    ("chip.variation.tau_syn_chip_rel_std", "synaptic time constants by chip"),
    ("chip.variation.tau_syn_neuron_rel_std", "synaptic time constants by neuron"),
    ("chip.variation.tau_syn_correlation", "correlation of the two time constants of a neuron"),
    ("chip.variation.gain_chip_rel_std", "synaptic strength by chip"),
    ("chip.variation.gain_quadrant_rel_std", "synaptic strength by quadrant, beyond the bias currents"),
    ("chip.variation.gain_neuron_rel_std", "synaptic strength by neuron"),
    ("chip.variation.gain_sign_rel_std", "synaptic strength by neuron and sign"),
    ("chip.variation.shift_codes_std", "offset of the synaptic inputs, in codes"),
    ("chip.variation.synapse_weight_rel_std", "strength of a single synapse"),
    ("chip.variation.cadc_offset_lsb_std", "offset of the CADC channels"),
    ("chip.variation.cadc_ramp_offset_lsb_std", "offset of the CADC reads of a quadrant"),
    ("chip.variation.cadc_ramp_slope_rel_std", "slope of the CADC reads of a quadrant"),
    (
        "chip.variation.extension_codes_std",
        "voltage cells of adaptation, exponential term, reversal potentials, in codes",
    ),
    (
        "chip.variation.extension_bias_rel_std",
        "bias currents of adaptation, exponential term, conductance-based inputs",
    ),
    ("chip.variation.capmem_write_codes_std", "error of a written analog cell, in codes"),
    ("chip.residual.leak_rel_std", "chips set directly: offset of the leak, relative to threshold - leak"),
    ("chip.residual.reset_rel_std", "offset of the reset"),
    ("chip.residual.threshold_mean_rel", "offset of the threshold common to all neurons"),
    ("chip.residual.threshold_rel_std", "offset of the threshold by neuron"),
    ("chip.residual.tau_mem_rel_std", "membrane time constant by neuron"),
    ("chip.residual.tau_syn_rel_std", "synaptic time constants by neuron, each on its own"),
    ("chip.residual.gain_mean_rel", "synaptic strength common to all chips: 0.08 is 8 % more than set"),
    ("chip.residual.gain_chip_rel_std", "synaptic strength by chip"),
    ("chip.residual.gain_neuron_rel_std", "synaptic strength by neuron"),
    ("chip.residual.gain_sign_rel_std", "synaptic strength by neuron and sign"),
    ("chip.residual.cadc_offset_lsb_std", "offset of the CADC channels"),
    ("chip.residual.delay_pair_us_std", "error of an on-chip delay in us"),
    ("chip.failures.dead_neuron_probability", "neurons that never fire"),
    ("chip.failures.stuck_neuron_probability", "neurons whose membrane is held at the reset"),
    ("chip.failures.weak_neuron_probability", "neurons with two weak synaptic inputs"),
    ("chip.failures.dead_synapse_probability", "synapses that conduct nothing"),
    ("chip.failures.stuck_synapse_probability", "synapses that conduct as with weight 63"),
    ("chip.failures.weak_synapse_probability", "weak synapses"),
    ("chip.failures.weak_factor", "strength of what is weak, relative to what is not"),
    ("chip.drift.hours", "hours since the calibration"),
    ("chip.drift.potential_lsb_per_sqrt_hour", "drift of leak, reset and threshold in CADC LSB (a guess)"),
    ("chip.drift.tau_rel_per_sqrt_hour", "drift of the time constants (a guess)"),
    ("chip.drift.gain_rel_per_sqrt_hour", "drift of the synaptic strengths (a guess)"),
];

/// What a key means.
pub fn meaning(key: &str) -> Option<&'static str> {
    KEYS.iter().find(|(name, _)| *name == key).map(|(_, meaning)| *meaning)
}

/// All keys with default and meaning, for the end of `--help`.
pub fn help() -> String {
    let tables: Vec<Table> = variants().iter().filter_map(|config| Table::try_from(config).ok()).collect();
    let mut text = String::from(
        "Configuration keys (default, meaning); set them with --set KEY=VALUE or in a file with --config:\n",
    );
    for (key, meaning) in KEYS {
        let value = tables.iter().find_map(|table| find(table, key)).map(ToString::to_string).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {key} = {value}\n      {meaning}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve::leaves;

    #[test]
    fn every_key_is_explained_and_every_explanation_has_a_key() {
        let mut known: Vec<String> =
            variants().iter().flat_map(|config| leaves(&Table::try_from(config).unwrap())).collect();
        let mut explained: Vec<String> = KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
        known.sort();
        known.dedup();
        explained.sort();
        assert_eq!(known, explained);
        assert!(help().contains("training.epochs = 100"));
        assert!(help().contains("training.loss.delta_t = 0.2"), "keys of other kinds have defaults, too");
    }
}
