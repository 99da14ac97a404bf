"""Other people's formats."""

import importlib.util

import numpy as np
import pytest

import bss2_emu
from bss2_emu import convert
from conftest import ROOT


def test_spikes_become_a_block(chip, net):
    neo = pytest.importorskip("neo")
    codes, times = net
    times_us, indices = chip.run(codes, times, run=0)
    block = convert.to_neo(times_us, indices, n_neurons=19, duration_us=180.0)
    assert isinstance(block, neo.Block) and len(block.segments) == 20
    for sample, segment in enumerate(block.segments):
        assert len(segment.spiketrains) == 19
        for neuron, train in enumerate(segment.spiketrains):
            assert (train.rescale("us").magnitude == times_us[sample][indices[sample] == neuron]).all()
    assert sum(len(train) for segment in block.segments for train in segment.spiketrains) == (indices >= 0).sum() > 0


def small_network():
    generator = np.random.default_rng(1)
    weights = [generator.normal(mean, 0.3, shape) for mean, shape in [(0.8, (25, 6)), (2.5, (6, 3))]]
    return bss2_emu.Network.of_weights(weights, bss2_emu.Scaling(6.0, 30.0, 2.6))


@pytest.mark.parametrize(("unit", "in_us"), [("ms", 1e3), ("s", 1e6)])
def test_a_network_becomes_a_graph_with_the_same_spikes(tmp_path, unit, in_us):
    nir = pytest.importorskip("nir")
    network = small_network()
    nir.write(tmp_path / "net.nir", convert.to_nir(network, time_unit=unit))
    graph = nir.read(tmp_path / "net.nir")
    assert [list(edge) for edge in graph.edges][0] == ["input", "linear_0"]
    # The equations of NIR, by the simulator that knows nothing of time-to-first-spike networks.
    inputs = np.linspace(0.1, 1.5, 25)
    populations, connections, below = [], [], "input"
    for n in range(2):
        lif, weight = graph.nodes[f"lif_{n}"], graph.nodes[f"linear_{n}"].weight
        size = weight.shape[0]
        jump = lif.w_in / lif.tau_syn * lif.r / lif.tau_mem
        populations.append(
            {
                "name": f"lif_{n}",
                "size": size,
                "tau_mem": lif.tau_mem.tolist(),
                "tau_syn_exc": lif.tau_syn.tolist(),
                "tau_syn_inh": lif.tau_syn.tolist(),
                "v_leak": lif.v_leak.tolist(),
                "v_threshold": lif.v_threshold.tolist(),
                "v_reset": lif.v_reset.tolist(),
                "t_refractory": [1e6] * size,
            }
        )
        synapses = [[j, i, float(weight[i, j] * jump[i])] for i in range(size) for j in range(weight.shape[1])]
        connections.append({"from": below, "to": f"lif_{n}", "delay": 0.0, "synapses": synapses})
        below = f"lif_{n}"
    case = {
        "name": "nir",
        "duration": 1e3,
        "input_spikes": [[t * 6.0 / in_us] for t in inputs],
        "populations": populations,
        "connections": connections,
    }
    spikes = bss2_emu.simulate({"cases": [case]})["cases"][0]["spikes"]
    ours = bss2_emu.Ideal(network.scaling).first_spikes(network.weights, inputs[None])
    for n, layer in enumerate(ours):
        theirs = [times[0] * in_us / 6.0 if times else np.inf for times in spikes[f"lif_{n}"]]
        np.testing.assert_allclose(layer[0], theirs, rtol=1e-9)
        assert np.isfinite(layer).any()


def test_units_that_nobody_reads_are_refused():
    pytest.importorskip("nir")
    with pytest.raises(bss2_emu.ConfigError, match="time_unit: 'fortnight'"):
        convert.to_nir(small_network(), time_unit="fortnight")


def test_the_tensors_of_the_hardware_device_hold_the_times():
    """What can be tested of the example without the chip."""
    path = ROOT / "crates" / "bss2-py" / "examples" / "hardware_device.py"
    spec = importlib.util.spec_from_file_location("hardware_device", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    times = np.array([[1.0, np.inf, 12.3], [0.0, 4.0, 5.5]])
    tensor = example.dense(times, 200, 1e-7)
    assert tensor.shape == (201, 2, 3) and tensor.sum() == 5
    np.testing.assert_allclose(example.first(tensor, 1e-7), times, atol=1e-9)
