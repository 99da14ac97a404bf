"""Scripts in the manner of hxtorch."""

from functools import partial

import numpy as np
import pytest

import bss2_emu

torch = pytest.importorskip("torch")

import bss2_emu.snn as hxsnn  # noqa: E402


def build(experiment, inputs, **parameters):
    torch.manual_seed(1)
    scaled = partial(hxsnn.linear_saturating, scale=30.0)
    first = hxsnn.Synapse(inputs.shape[2], 8, experiment, transform=scaled)
    second = hxsnn.Synapse(8, 3, experiment, transform=scaled)
    for synapse in (first, second):
        synapse.reset_parameters(1.6, 0.2)
    hidden = hxsnn.LIF(8, experiment, **parameters)(first(hxsnn.LIFObservables(spikes=inputs)))
    return [first, second], [hidden, hxsnn.LIF(3, experiment, **parameters)(second(hidden))]


def spikes_in(n_steps=101, n_samples=4, n_inputs=10):
    dense = torch.zeros(n_steps, n_samples, n_inputs)
    for sample in range(n_samples):
        for channel in range(n_inputs):
            dense[5 + sample + channel, sample, channel] = 1.0
    return dense


def test_a_network_runs_on_the_chip():
    experiment = hxsnn.Experiment()
    hxsnn.init_hardware()
    synapses, (hidden, outputs) = build(experiment, spikes_in())
    assert hidden.spikes is None
    hxsnn.run(experiment, 100)
    hxsnn.release_hardware()
    assert hidden.spikes.shape == (101, 4, 8) and outputs.spikes.shape == (101, 4, 3)
    assert outputs.spikes.sum() > 0
    # The first step with a spike is that of the first spike.
    fired = outputs.spikes.bool()
    steps = torch.where(fired.any(0), fired.int().argmax(0).double() * 1e-6, torch.inf)
    times = outputs.first_spikes.detach()
    assert (torch.isinf(times) == torch.isinf(steps)).all()
    seen = torch.isfinite(times)
    assert ((times - steps)[seen] >= 0).all() and ((times - steps)[seen] < 1e-6 + 1e-12).all()
    outputs.first_spikes[seen].sum().backward()
    assert (synapses[0].weight.grad != 0).any() and synapses[0].weight.grad.shape == (8, 10)


def test_mock_is_an_ideal_chip_and_parameters_are_targets():
    experiment = hxsnn.Experiment(mock=True)
    parameters = {"tau_mem": 10e-6, "tau_syn": hxsnn.HXParameter(5e-6), "threshold": hxsnn.MixedHXModelParameter(1.0, 140)}
    build(experiment, spikes_in(), **parameters)
    hxsnn.run(experiment, 100)
    targets = experiment.chip.calibration.facts["targets"]
    assert (targets["tau_mem_us"], targets["tau_syn_inh_us"], targets["threshold_lsb"]) == (10.0, 5.0, 140.0)


def test_a_table_sets_the_chip(tmp_path):
    chip = bss2_emu.Chip(1, preset="bss2-calibrated")
    chip.calibrate({"threshold_lsb": 130.0}).save(tmp_path / "table.json")
    experiment = hxsnn.Experiment()
    experiment.default_execution_instance.load_calib(tmp_path / "table.json")
    build(experiment, spikes_in())
    hxsnn.run(experiment, 100)
    assert experiment.chip.calibration.facts["targets"]["threshold_lsb"] == 130.0


def test_rounding_is_straight_through():
    weight = torch.tensor([0.51, 3.0, -3.0], dtype=torch.float64, requires_grad=True)
    codes = hxsnn.linear_saturating(weight, 30.0)
    assert codes.tolist() == [15.0, 63.0, -63.0]
    codes.sum().backward()
    assert weight.grad.tolist() == [30.0, 0.0, 0.0]


def test_what_cannot_be_built_is_refused():
    experiment = hxsnn.Experiment(mock=True)
    with pytest.raises(bss2_emu.ConfigError, match="no layers"):
        hxsnn.run(experiment, 10)
    with pytest.raises(bss2_emu.ConfigError, match="tau_men: no parameter of a LIF"):
        hxsnn.LIF(3, experiment, tau_men=1e-5)
    synapse = hxsnn.Synapse(10, 8, experiment)
    with pytest.raises(bss2_emu.ArrayError, match="8 outputs"):
        hxsnn.LIF(3, experiment)(synapse(hxsnn.LIFObservables(spikes=spikes_in())))
    neurons = hxsnn.LIF(8, experiment)
    for _ in range(2):
        neurons(synapse(hxsnn.LIFObservables(spikes=spikes_in())))
    with pytest.raises(bss2_emu.ConfigError, match="more than one chain"):
        hxsnn.run(experiment, 10)
    experiment = hxsnn.Experiment(mock=True)
    first, second = hxsnn.Synapse(10, 8, experiment), hxsnn.Synapse(8, 3, experiment)
    hidden = hxsnn.LIF(8, experiment, tau_mem=1e-5)(first(hxsnn.LIFObservables(spikes=spikes_in())))
    hxsnn.LIF(3, experiment)(second(hidden))
    with pytest.raises(bss2_emu.ConfigError, match="different parameters"):
        hxsnn.run(experiment, 10)
    with pytest.raises(bss2_emu.ConfigError, match="dt"):
        hxsnn.Experiment(dt=0.0)
