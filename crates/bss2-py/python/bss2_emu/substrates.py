"""What a network can be measured on, in units of the model: weights and times in, first spikes of all layers out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from . import _arrays, _core, _settings
from .chip import Device
from .errors import ArrayError
from .scaling import Scaling


class Substrate(Protocol):
    """Weights `(n_sources, n_neurons)` and input times `(n_samples, n_inputs)` in, first spikes of all layers out."""

    #: The units.
    scaling: Scaling
    #: Whether weights are rounded to codes of the chip.
    rounding: bool

    def first_spikes(
        self, weights: Sequence[NDArray[np.float64]], times: NDArray[np.float64]
    ) -> list[NDArray[np.float64]]:
        """Each `(n_samples, n_neurons)`, in units of the synaptic time constant, inf for silence."""
        ...


class Ideal:
    """The exact model: equal neurons, no noise. `rounding`: with weights on the chip's grid."""

    def __init__(self, scaling: Scaling | None = None, *, rounding: bool = False) -> None:
        default = {"substrate": "ideal"}
        self.scaling = scaling or Scaling._of(json.loads(_core.ideal_scaling(_settings.encode(default))))
        self.rounding = rounding

    def first_spikes(
        self, weights: Sequence[NDArray[np.float64]], times: NDArray[np.float64]
    ) -> list[NDArray[np.float64]]:
        """See :class:`Substrate`. Raises :class:`ArrayError`."""
        layers = _arrays.weights("weights", weights)
        inputs = _arrays.times("times", times)
        _arrays.width("times", inputs, layers[0].shape[0])
        return _core.ideal_first_spikes(layers, inputs, self.scaling._json(), self.rounding)


class OnDevice:
    """A device: an emulated chip, or any object with its method `first_spikes`, for example a real chip behind its driver.

    `scaling`: the units, for a :class:`Chip` those of :meth:`Chip.scaling`. Every sample is a trial of `duration_us`.
    """

    rounding = True

    def __init__(self, device: Device, scaling: Scaling, *, duration_us: float = 180.0) -> None:
        self.device = device
        self.scaling = scaling
        self.duration_us = duration_us

    def first_spikes(
        self, weights: Sequence[NDArray[np.float64]], times: NDArray[np.float64]
    ) -> list[NDArray[np.float64]]:
        """See :class:`Substrate`. Raises :class:`ArrayError`, also for what the device returned, and what the device raises."""
        layers = _arrays.weights("weights", weights)
        inputs = _arrays.times("times", times)
        codes = [_core.signed_codes(layer, self.scaling._json()) for layer in layers]
        us = self.scaling.us_per_time
        spikes = self.device.first_spikes(codes, inputs * us, duration_us=self.duration_us)
        if len(spikes) != len(layers):
            raise ArrayError(f"the device returned spikes of {len(spikes)} layers; the network has {len(layers)}")
        out = []
        for n, (measured, layer) in enumerate(zip(spikes, layers, strict=True)):
            measured = _arrays.times(f"spikes of layer {n}", measured, "(n_samples, n_neurons)")
            if measured.shape != (inputs.shape[0], layer.shape[1]):
                needed = (inputs.shape[0], layer.shape[1])
                raise ArrayError(f"the device returned spikes of shape {measured.shape}; layer {n} has {needed}")
            out.append(measured / us)
        return out
