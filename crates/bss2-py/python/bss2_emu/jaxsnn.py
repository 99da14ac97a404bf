"""A population for jaxsnn 0.3 whose spikes are measured: jaxsnn has the gradient, the chip has the events.

    topology = Topology(t_max=t_max, backprop_method="eventprop", has_external_events=True)
    topology.add({"in": Source(5), "hidden": MeasuredLIF(30, n_steps, parameters), "out": MeasuredLIF(3, n_steps, parameters), ...})
    init, apply = topology.done()
    times_us, indices = chip.run(codes, inputs_us)
    events = external_events(times_us, indices, {"hidden": 30, "out": 3}, topology, seconds_per_us=1e-6, n_steps=n_steps)
    apply(inputs, weights, events)

It is made of parts that jaxsnn installs with pip (`pip install bss2-emu[jaxsnn]`); its own `HXLIF` needs the software of the chip. The
step of the plain population, which solves for spikes, is replaced by the one that takes those that it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxsnn.event.functional.lif.dynamics import lif_exponential_flow
from jaxsnn.event.functional.lif.transition import transition
from jaxsnn.event.modules.lif.lif import LIF
from jaxsnn.event.stepping.step_existing_events import step_existing
from jaxsnn.event.types import Population, Spike
from numpy.typing import NDArray

from . import _arrays
from .errors import ArrayError

__all__ = ["MeasuredLIF", "external_events"]


def MeasuredLIF(size: int, n_steps: int, params: Any) -> Any:  # noqa: N802 - the populations of jaxsnn are named so
    """A LIF population that takes its spikes from outside; `params` are jaxsnn's `LIFParameters`.

    `n_steps`: events that are followed, those that come in and its own. For `Topology(backprop_method="eventprop",
    has_external_events=True)`.
    """
    plain = LIF(size, n_steps, params)

    def generator(
        pre_populations: list[str],
        pre_projections: list[str],
        delays: dict[str, float],
        numbers: dict[str, int],
        t_max: float,
        node: str,
        *rest: Any,
    ) -> Any:
        functions = plain.generator(pre_populations, pre_projections, delays, numbers, t_max, node, *rest)
        # What an event does, by the number of the layer that it comes from; nothing, where no synapse leads here.
        effects: list[Any] = [lambda state, *_: state] * (1 + max(numbers[name] for name in (*pre_populations, node)))
        effects[numbers[node]] = partial(transition, params.v_reset, pre_projections[0])
        for population, projection in zip(pre_populations, pre_projections, strict=True):
            effects[numbers[population]] = partial(transition, params.v_reset, projection)
        flow = jax.vmap(lif_exponential_flow(jnp.asarray(params.tau_syn), jnp.asarray(params.tau_mem)), in_axes=(0, None))
        return replace(functions, step=partial(step_existing, pre_populations, flow, effects, node, t_max))

    return Population(generator, plain.parameters, size, n_steps)


def external_events(
    times_us: NDArray[np.float64],
    indices: NDArray[np.int64],
    populations: Mapping[str, int],
    topology: Any,
    *,
    seconds_per_us: float,
    n_steps: int,
) -> dict[str, Any]:
    """Measured spikes, as :meth:`Chip.run` returns them, as the events that `apply` takes.

    `populations`: names and sizes of the populations in the order of the layers, whose neurons are counted through all of them.
    `seconds_per_us`: units of jaxsnn's time in a microsecond. Spikes after the end of the topology's time are left out. Returns by
    name a `Spike` `(n_samples, n_steps)` in the order of time. Raises :class:`ArrayError`.
    """
    times = _arrays.times("times_us", times_us, "(n_samples, n_events)") * seconds_per_us
    numbers = _arrays.indices("indices", indices, times.shape, sum(populations.values()))
    t_max = float(topology.t_max)
    out, first = {}, 0
    for name, size in populations.items():
        own = (numbers >= first) & (numbers < first + size) & (times < t_max)
        most = int(own.sum(axis=1).max(initial=0))
        if most > n_steps:
            raise ArrayError(f"{name}: {most} spikes in a sample, but n_steps is {n_steps}")
        order = np.argsort(np.where(own, times, np.inf), axis=1, kind="stable")[:, :most]
        seen = np.take_along_axis(own, order, axis=1)
        shape = (times.shape[0], n_steps)
        time, idx = np.full(shape, t_max), np.full(shape, -1)
        time[:, :most] = np.where(seen, np.take_along_axis(times, order, axis=1), t_max)
        idx[:, :most] = np.where(seen, np.take_along_axis(numbers, order, axis=1) - first, -1)
        out[name] = Spike(
            time=jnp.asarray(time),
            idx=jnp.asarray(idx),
            current=jnp.zeros(shape),
            layer_idx=jnp.asarray(np.where(idx >= 0, topology.node_index_mapping[name], -1)),
            internal=jnp.asarray(idx >= 0),
        )
        first += size
    return out
