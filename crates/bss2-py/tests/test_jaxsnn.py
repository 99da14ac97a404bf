"""The population for jaxsnn: given a network's own spikes it is that network, given others it follows them."""

import numpy as np
import pytest

pytest.importorskip("jaxsnn")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jaxsnn.event.modules.lif.lif import LIF  # noqa: E402
from jaxsnn.event.modules.lif.parameters import LIFParameters  # noqa: E402
from jaxsnn.event.modules.linear import Linear  # noqa: E402
from jaxsnn.event.modules.source import Source  # noqa: E402
from jaxsnn.event.topology import Topology  # noqa: E402
from jaxsnn.event.types import Spike  # noqa: E402

import bss2_emu  # noqa: E402
from bss2_emu.jaxsnn import MeasuredLIF, external_events  # noqa: E402

# Times of jaxsnn are in seconds of biology: 6 us of hardware are 5 ms.
TAU, T_MAX, STEPS, SIZES = 5e-3, 2.5e-2, 40, {"hidden": 6, "out": 3}
PER_US = TAU / 6.0
PARAMETERS = {"tau_syn": TAU, "tau_mem": 2 * TAU, "v_th": 1.0}


def network(population, measured):
    topology = Topology(t_max=T_MAX, backprop_method="eventprop", has_external_events=measured)
    parameters = LIFParameters(**PARAMETERS)
    topology.add(
        {
            "in": Source(5),
            **{name: population(size, STEPS, parameters) for name, size in SIZES.items()},
            "first": Linear(mean=1.8, std=0.3),
            "second": Linear(mean=1.6, std=0.3),
        }
    )
    topology.connect([("in", "first"), ("first", "hidden"), ("hidden", "second"), ("second", "out")])
    init, apply = topology.done()
    return topology, init, apply


def inputs(topology):
    times = jnp.sort(jax.random.uniform(jax.random.PRNGKey(3), (2, 5)), axis=1) * 1.5 * TAU
    shape = times.shape
    layer = jnp.full(shape, topology.node_index_mapping["in"])
    idx = jnp.broadcast_to(jnp.arange(5), shape)
    return {"in": Spike(times, idx, jnp.zeros(shape), layer, jnp.ones(shape, dtype=bool))}


def recorded(events):
    """All spikes of all populations in us, as a chip would return them; `internal` tells a layer's own from those that came in."""
    rows, first = [[], []], 0
    for name, size in SIZES.items():
        spikes = events[name]
        own = np.asarray(spikes.internal) & (np.asarray(spikes.idx) >= 0)
        for sample, n in np.argwhere(own):
            rows[sample].append((float(spikes.time[sample, n]) / PER_US, first + int(spikes.idx[sample, n])))
        first += size
    width = max(map(len, rows))
    times, indices = np.full((2, width), np.inf), np.full((2, width), -1)
    for sample, row in enumerate(rows):
        for n, (time, index) in enumerate(sorted(row)):
            times[sample, n], indices[sample, n] = time, index
    return times, indices


def test_its_own_spikes_make_the_network():
    topology, init, apply = network(LIF, False)
    weights = init(jax.random.PRNGKey(1))
    given = inputs(topology)
    plain = apply(given, weights)
    times_us, indices = recorded(plain)
    assert set(indices[indices >= 0]) == set(range(9)), "all neurons fire"

    def cost(events):
        own = events["out"].internal & (events["out"].idx >= 0)
        return jnp.sum(jnp.where(own, events["out"].time / TAU * (1.0 + events["out"].idx), 0.0))

    followed, _, apply_measured = network(MeasuredLIF, True)

    def measured(weights, times_us):
        external = external_events(times_us, indices, SIZES, followed, seconds_per_us=PER_US, n_steps=STEPS)
        return cost(apply_measured(given, weights, external))

    expected, gradient = jax.value_and_grad(lambda w: cost(apply(given, w)))(weights)
    value, same = jax.value_and_grad(measured)(weights, times_us)
    assert value == pytest.approx(float(expected), rel=1e-5)
    for name in ("first", "second"):
        assert np.abs(gradient[name]).max() > 0
        np.testing.assert_allclose(same[name], gradient[name], rtol=1e-3, atol=1e-4 * np.abs(gradient[name]).max())
    # Earlier by one percent: the cost follows the events, and the gradient is another.
    value, other = jax.value_and_grad(measured)(weights, 0.99 * times_us)
    assert value == pytest.approx(0.99 * float(expected), rel=1e-5)
    assert np.abs(other["second"] - gradient["second"]).max() > 1e-3 * np.abs(gradient["second"]).max()
    with pytest.raises(bss2_emu.ArrayError, match="n_steps is 1"):
        external_events(times_us, indices, SIZES, followed, seconds_per_us=PER_US, n_steps=1)
