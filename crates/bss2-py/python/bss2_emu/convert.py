"""Other people's formats: neo for recordings, NIR for networks. Each needs its package (`pip install bss2-emu[neo]`, `[nir]`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _arrays
from .errors import ConfigError
from .network import Network

if TYPE_CHECKING:
    import neo
    import nir

__all__ = ["to_neo", "to_nir"]

#: Units of time that NIR files are written in: microseconds of hardware in each.
_US = {"s": 1e6, "ms": 1e3, "us": 1.0}


def to_neo(
    times_us: NDArray[np.float64],
    indices: NDArray[np.int64],
    *,
    n_neurons: int,
    duration_us: float,
    name: str = "bss2_emu",
) -> neo.Block:
    """Spikes as :meth:`Chip.run` returns them, as a neo Block: a Segment for each sample, a SpikeTrain in us for each neuron.

    Raises :class:`ArrayError`.
    """
    import neo
    import quantities

    times = _arrays.times("times_us", times_us, "(n_samples, n_events)")
    numbers = _arrays.indices("indices", indices, times.shape, n_neurons)
    block = neo.Block(name=name)
    for sample, (row, neurons) in enumerate(zip(times, numbers, strict=True)):
        segment = neo.Segment(index=sample)
        for neuron in range(n_neurons):
            own = np.sort(row[neurons == neuron])
            train = neo.SpikeTrain(own, units=quantities.us, t_stop=max(duration_us, own.max(initial=0.0)))
            train.annotate(neuron=neuron)
            segment.spiketrains.append(train)
        block.segments.append(segment)
    return block


def to_nir(network: Network, *, time_unit: str = "ms") -> nir.NIRGraph:
    """A network without delays as a NIR graph: Input, then Linear and CubaLIF for each layer, Output.

    Times are those of the hardware (6 us is .006 ms). NIR does not say in which unit files are: hxtorch and jaxsnn read "ms", Norse
    and snnTorch "s". Neurons are the nominal ones, with the threshold that the training assumed; `metadata` has the scaling.
    With `tau_syn I' = -I + w_in S` and `tau_mem v' = -v + r I`, a spike raises I by its weight. Raises :class:`ConfigError`.
    """
    import nir

    if time_unit not in _US:
        raise ConfigError(f"time_unit: {time_unit!r} is not allowed; expected one of {', '.join(_US)}")
    if any(parameters.size for parameters in network.delay_parameters):
        raise ConfigError("the network has delays, which NIR has no synapses for")
    if any(bias is not None for bias in network.architecture.get("biases", [])):
        raise ConfigError("the network has bias spikes behind its first layer, which NIR has no place for")
    scaling = network.scaling
    tau_syn = scaling.us_per_time / _US[time_unit]
    tau_mem = scaling.tau_mem * tau_syn
    weights = network.weights
    nodes: dict[str, Any] = {"input": nir.Input(input_type={"input": np.array([weights[0].shape[0]])})}
    for n, layer in enumerate(weights):
        size = layer.shape[1]

        def full(value: float, size: int = size) -> NDArray[np.float64]:
            return np.full(size, value)

        nodes[f"linear_{n}"] = nir.Linear(weight=np.ascontiguousarray(layer.T))
        nodes[f"lif_{n}"] = nir.CubaLIF(
            tau_syn=full(tau_syn),
            tau_mem=full(tau_mem),
            r=full(scaling.tau_mem),
            v_leak=full(0.0),
            v_reset=full(0.0),
            v_threshold=full(scaling.threshold),
            w_in=full(tau_syn),
        )
    nodes["output"] = nir.Output(output_type={"output": np.array([weights[-1].shape[1]])})
    names = list(nodes)
    metadata = {"time_unit": time_unit, "us_per_time": scaling.us_per_time, "lsb_per_weight": scaling.lsb_per_weight}
    return nir.NIRGraph(nodes=nodes, edges=list(zip(names, names[1:], strict=False)), metadata=metadata)
