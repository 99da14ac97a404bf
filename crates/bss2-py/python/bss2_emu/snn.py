"""Feed-forward networks in the manner of hxtorch: a script switches between chip and emulator by its import.

    import bss2_emu.snn as hxsnn          # instead of: import hxtorch.spiking as hxsnn

    experiment = hxsnn.Experiment(mock=False)
    synapse = hxsnn.Synapse(5, 10, experiment, transform=partial(hxsnn.linear_saturating, scale=30.0))
    neuron = hxsnn.LIF(10, experiment, tau_mem=6e-6, tau_syn=6e-6)
    spikes = neuron(synapse(hxsnn.LIFObservables(spikes=inputs)))
    hxsnn.run(experiment, 100)
    spikes.spikes                         # (time, batch, neuron), filled by run

What is there: one chain of `Synapse` and `LIF`, the whole of which runs on the chip, its spikes, and the first spike of every neuron
with our analytic gradient (:attr:`LIFObservables.first_spikes`). What is not: recurrence, readout neurons, CADC and MADC
observables, surrogate gradients. Parameters are in the units of hxtorch: seconds, CADC values, CapMem codes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .chip import Calibration, Chip
from .errors import ArrayError, ConfigError
from .substrates import OnDevice
from .torch import measured

__all__ = [
    "LIF",
    "Experiment",
    "HXParameter",
    "LIFObservables",
    "MixedHXModelParameter",
    "Synapse",
    "SynapseHandle",
    "init_hardware",
    "linear_saturating",
    "release_hardware",
    "run",
]


def linear_saturating(
    weight: torch.Tensor, scale: float, min_weight: float = -63.0, max_weight: float = 63.0
) -> torch.Tensor:
    """Weight codes of weights: scaled, clipped, rounded; the gradient goes straight through the rounding and is zero beyond the limits."""
    codes = torch.clamp(scale * weight, min_weight, max_weight)
    return codes + (codes.round() - codes).detach()


@dataclass(frozen=True)
class HXParameter:
    """A parameter of the hardware."""

    hardware_value: float


@dataclass(frozen=True)
class MixedHXModelParameter:
    """A parameter with one value for a model and one for the hardware; the emulator is hardware."""

    model_value: float
    hardware_value: float


@dataclass
class LIFObservables:
    """What neurons did, or what is sent to the chip. Outputs are empty until :func:`run`."""

    #: Dense spikes `(time, batch, neuron)`, steps of `dt`.
    spikes: torch.Tensor | None = None
    #: First-spike times in seconds `(batch, neuron)`, inf for silence, with gradients by the weights of all synapses. Exact only if
    #: every input spikes once at most; None otherwise.
    first_spikes: torch.Tensor | None = None
    _layer: LIF | None = field(default=None, repr=False)


@dataclass
class SynapseHandle:
    """What goes from a synapse to its neurons."""

    source: LIFObservables
    synapse: Synapse


class _ExecutionInstance:
    def __init__(self) -> None:
        self.calibration: Calibration | None = None

    def load_calib(self, path: str | os.PathLike[str]) -> None:
        """Reads a table of calibration: .bss2cal, .json, .csv or .npz."""
        self.calibration = Calibration.load(path)


class Experiment:
    """A network and the chip that it runs on.

    `mock`: an ideal chip instead of one with mismatch and noise. `dt`: seconds of a step of the dense tensors. `chip`: the
    emulated chip (default: seed 1 as a calibration leaves it).
    """

    def __init__(self, mock: bool = False, dt: float = 1e-6, *, chip: Chip | None = None) -> None:
        if not dt > 0:
            raise ConfigError(f"dt: {dt} is not allowed; expected a positive number of seconds")
        self.mock = mock
        self.dt = dt
        self.chip = chip if chip is not None else Chip(1, preset="ideal" if mock else "bss2-calibrated")
        self.default_execution_instance = _ExecutionInstance()
        self._connections: list[tuple[SynapseHandle, LIFObservables]] = []

    def _chain(self) -> tuple[LIFObservables, list[tuple[SynapseHandle, LIFObservables]]]:
        """The input and the layers in order, if they are one chain."""
        if not self._connections:
            raise ConfigError("the experiment has no layers: apply a Synapse and a LIF to an input")
        source = self._connections[0][0].source
        end = source
        for synapse, neurons in self._connections:
            if synapse.source is not end:
                raise ConfigError("the experiment is more than one chain of Synapse and LIF")
            end = neurons
        return source, self._connections


class Synapse(torch.nn.Module):
    """Weights `(out_features, in_features)`, which `transform` makes codes of, -63..=63."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        experiment: Experiment,
        *,
        transform: Callable[[torch.Tensor], torch.Tensor] = lambda weight: linear_saturating(weight, 1.0),
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.experiment = experiment
        self.weight_transform = transform
        self.weight = torch.nn.Parameter(torch.empty(out_features, in_features, dtype=dtype))
        self.reset_parameters(1e-3, in_features**-0.5)

    def reset_parameters(self, mean: float, std: float) -> None:
        """Draws the weights."""
        torch.nn.init.normal_(self.weight, mean=mean, std=std)

    def forward(self, source: LIFObservables) -> SynapseHandle:
        """Connects."""
        return SynapseHandle(source, self)

    def _codes(self) -> NDArray[np.int8]:
        codes = self.weight_transform(self.weight.detach()).round().cpu().numpy().T
        if np.abs(codes).max(initial=0) > 63:
            raise ArrayError(f"transform: a weight code is {np.abs(codes).max():g}, but codes are -63..=63")
        return np.ascontiguousarray(codes, dtype=np.int8)


class LIF(torch.nn.Module):
    """Neurons with the calibration targets `leak`, `reset`, `threshold` (CADC values), `tau_mem`, `tau_syn`, `refractory_time`
    (seconds), `i_synin_gm`, `membrane_capacitance`, `synapse_dac_bias` (codes). All layers have the same, as one chip is calibrated
    once.
    """

    #: Names of hxtorch, those of our targets, and how many of our units one of theirs is.
    _TARGETS = {
        "leak": (["leak_lsb"], 1.0),
        "reset": (["reset_lsb"], 1.0),
        "threshold": (["threshold_lsb"], 1.0),
        "tau_mem": (["tau_mem_us"], 1e6),
        "tau_syn": (["tau_syn_exc_us", "tau_syn_inh_us"], 1e6),
        "refractory_time": (["refractory_time_us"], 1e6),
        "i_synin_gm": (["i_synin_gm"], 1.0),
        "membrane_capacitance": (["membrane_capacitance"], 1.0),
        "synapse_dac_bias": (["synapse_dac_bias"], 1.0),
    }
    _CODES = ("i_synin_gm", "membrane_capacitance", "synapse_dac_bias")

    def __init__(self, size: int, experiment: Experiment, **parameters: Any) -> None:
        super().__init__()
        self.size = size
        self.experiment = experiment
        self.targets: dict[str, float] = {}
        for name, value in parameters.items():
            if name not in self._TARGETS:
                raise ConfigError(f"{name}: no parameter of a LIF; there are {', '.join(self._TARGETS)}")
            if isinstance(value, (HXParameter, MixedHXModelParameter)):
                value = value.hardware_value
            keys, factor = self._TARGETS[name]
            number = int(value) if name in self._CODES else float(value) * factor
            self.targets.update(dict.fromkeys(keys, number))

    def forward(self, synapse: SynapseHandle) -> LIFObservables:
        """Adds the layer to the experiment; the handle is filled by :func:`run`."""
        if synapse.synapse.out_features != self.size:
            raise ArrayError(f"size: {self.size}, but the synapse has {synapse.synapse.out_features} outputs")
        handle = LIFObservables(_layer=self)
        self.experiment._connections.append((synapse, handle))
        return handle


class _Once:
    """The chip in one run."""

    def __init__(self, chip: Chip, run: int) -> None:
        self.chip = chip
        self.run = run

    def first_spikes(
        self, weights: Any, times_us: NDArray[np.float64], *, duration_us: float = 180.0
    ) -> list[NDArray[np.float64]]:
        return self.chip.first_spikes(weights, times_us, duration_us=duration_us, run=self.run)


def run(experiment: Experiment, runtime: int) -> None:
    """Runs the network for `runtime` steps of `experiment.dt` and fills the handles of all its layers.

    Dense tensors have `runtime + 1` steps; spikes that are closer than a step are one. The network is taken down afterwards, so
    that the next batch builds it anew, as with hxtorch.
    """
    source, chain = experiment._chain()
    experiment._connections = []
    if source.spikes is None:
        raise ConfigError("the input has no spikes")
    _set(experiment, [neurons._layer for _, neurons in chain])
    inputs = source.spikes.detach().cpu().numpy()
    if inputs.ndim != 3 or inputs.shape[2] != chain[0][0].synapse.in_features:
        needed = (runtime + 1, "batch", chain[0][0].synapse.in_features)
        raise ArrayError(f"spikes: shape {inputs.shape}, but (time, batch, neuron) {needed} is needed")
    dt_us = experiment.dt * 1e6
    times, indices = _events(inputs[: runtime + 1], dt_us)
    codes = [synapse.synapse._codes() for synapse, _ in chain]
    number = experiment.chip._runs
    experiment.chip._runs += 1
    duration_us = runtime * dt_us
    spikes, neurons = experiment.chip.run(codes, times, indices, duration_us=duration_us, run=number)
    first = 0
    for (_, handle), layer in zip(chain, codes, strict=True):
        size = layer.shape[1]
        handle.spikes = _dense(spikes, neurons - first, size, runtime, dt_us)
        first += size
    if (inputs.sum(axis=0) <= 1).all():
        _add_first_spikes(experiment, chain, inputs, number, duration_us)


def _set(experiment: Experiment, layers: list[LIF | None]) -> None:
    """Calibrates the chip if the layers ask for it."""
    given = experiment.default_execution_instance.calibration
    if given is not None:
        if experiment.chip.calibration is None or experiment.chip.calibration.facts != given.facts:
            experiment.chip.apply(given)
        return
    targets = [layer.targets for layer in layers if layer is not None]
    if any(other != targets[0] for other in targets):
        raise ConfigError("the layers have different parameters; the chip is calibrated once for all neurons")
    present = experiment.chip.calibration
    wanted = targets[0]
    if present is None or any(present.facts["targets"][key] != value for key, value in wanted.items()):
        experiment.chip.calibrate(wanted)


def _events(dense: NDArray[Any], dt_us: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    found = [np.argwhere(dense[:, sample] > 0) for sample in range(dense.shape[1])]
    width = max((len(events) for events in found), default=0)
    times = np.full((len(found), width), np.inf)
    indices = np.full((len(found), width), -1, dtype=np.int64)
    for sample, events in enumerate(found):
        times[sample, : len(events)] = events[:, 0] * dt_us
        indices[sample, : len(events)] = events[:, 1]
    return times, indices


def _dense(
    times: NDArray[np.float64], numbers: NDArray[np.int64], size: int, runtime: int, dt_us: float
) -> torch.Tensor:
    dense = torch.zeros(runtime + 1, times.shape[0], size, dtype=torch.float64)
    sample, event = np.nonzero((numbers >= 0) & (numbers < size) & np.isfinite(times))
    step = np.minimum((times[sample, event] / dt_us).astype(np.int64), runtime)
    dense[step, sample, numbers[sample, event]] = 1.0
    return dense


def _add_first_spikes(
    experiment: Experiment,
    chain: list[tuple[SynapseHandle, LIFObservables]],
    inputs: NDArray[Any],
    number: int,
    duration_us: float,
) -> None:
    dt_us = experiment.dt * 1e6
    sizes = [synapse.synapse.out_features for synapse, _ in chain]
    # Weights are in codes here: `transform` has scaled them already, and the gradient goes on through it.
    scaling = experiment.chip.scaling(inputs.shape[2], sizes, lsb_per_weight=1.0)
    step = inputs.argmax(axis=0).astype(np.float64)
    times = np.where(inputs.max(axis=0) > 0, step * dt_us / scaling.us_per_time, np.inf)
    weights = [synapse.synapse.weight_transform(synapse.synapse.weight.double()).T for synapse, _ in chain]
    substrate = OnDevice(_Once(experiment.chip, number), scaling, duration_us=duration_us)
    layers = measured(substrate, torch.from_numpy(times), weights, max_gradient=0.0)
    for (_, handle), layer in zip(chain, layers, strict=True):
        handle.first_spikes = layer * scaling.us_per_time * 1e-6


def init_hardware() -> None:
    """Nothing to do: for scripts that call it."""


def release_hardware() -> None:
    """Nothing to do: for scripts that call it."""
