"""PyTorch: layers whose spikes are measured on a substrate, with the analytic gradient of what was measured.

The forward pass runs on the chip; the backward pass is the derivative of the model's spike times at the measured ones, with the
same noise because it uses the same spikes. Rounding is straight-through: the gradient is that of the weights before it, at the
weights after it; where a weight is clipped it is zero. Silent neurons have no gradient; :class:`Bumping` brings them back.

Everything is computed in float64, whatever the type of the tensors, on the CPU.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from . import _core, _settings
from .network import Network
from .substrates import Substrate

__all__ = ["Bumping", "TtfsNetwork", "classify", "measured", "spike_loss"]


def _numpy(tensor: torch.Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = tensor.detach().to("cpu", torch.float64).contiguous().numpy()
    return array


class _Measured(torch.autograd.Function):
    """All layers of a network at once: a chip runs them in one go."""

    @staticmethod
    def forward(ctx: Any, options: dict[str, Any], inputs: torch.Tensor, *weights: torch.Tensor) -> Any:
        substrate: Substrate = options["substrate"]
        layers = substrate.first_spikes([_numpy(layer) for layer in weights], _numpy(inputs))
        exact = [torch.from_numpy(layer) for layer in layers]
        ctx.options = options
        ctx.n_layers = len(weights)
        # The times before they become tensors of another type: those are what was measured.
        ctx.save_for_backward(inputs, *weights, *exact)
        return tuple(layer.to(weights[0]) for layer in exact)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *errors: torch.Tensor | None) -> Any:
        n = ctx.n_layers
        inputs, weights, spikes = ctx.saved_tensors[0], ctx.saved_tensors[1 : 1 + n], ctx.saved_tensors[1 + n :]
        options = ctx.options
        substrate: Substrate = options["substrate"]
        given = [
            np.zeros(times.shape) if error is None else np.nan_to_num(_numpy(error), nan=0.0, posinf=0.0, neginf=0.0)
            for error, times in zip(errors, spikes, strict=True)
        ]
        by_weights, by_inputs = _core.backward(
            [_numpy(layer) for layer in weights],
            _numpy(inputs),
            [times.numpy() for times in spikes],
            given,
            substrate.scaling._json(),
            options["estimator"],
            options["max_gradient"],
            substrate.rounding,
        )
        gradients = []
        for layer, gradient in zip(weights, by_weights, strict=True):
            out = torch.from_numpy(gradient).to(layer)
            if substrate.rounding:
                out = out.masked_fill(layer.abs() > substrate.scaling.largest_weight, 0.0)
            gradients.append(out)
        return (None, torch.from_numpy(by_inputs).to(inputs), *gradients)


def measured(
    substrate: Substrate,
    inputs: torch.Tensor,
    weights: Sequence[torch.Tensor],
    *,
    estimator: str = "measured",
    max_gradient: float = 0.2,
) -> tuple[torch.Tensor, ...]:
    """First-spike times of all layers, measured, with gradients by weights and input times.

    `inputs`: `(n_samples, n_inputs)` in units of the synaptic time constant, inf for none; `weights`: `(n_sources, n_neurons)` of
    every layer. Returns a tensor `(n_samples, n_neurons)` for each layer, inf for silence. `estimator`: the slope of the membrane at
    a measured time, "measured" or "model"; `max_gradient`: largest derivative of the loss by a weight that one sample may cause (0:
    no limit), both as in the section `[training]`. Raises :class:`ArrayError` and what the substrate raises.
    """
    options = {"substrate": substrate, "estimator": estimator, "max_gradient": max_gradient}
    spikes: tuple[torch.Tensor, ...] = _Measured.apply(options, inputs, *weights)
    return spikes


class TtfsNetwork(torch.nn.Module):
    """A feed-forward network that is measured on a substrate.

    `sizes`: inputs, then the neurons of each layer. `initial`: mean and standard deviation of the weights of each layer, the last
    for all after it, drawn by torch's generator.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        substrate: Substrate,
        *,
        initial: Sequence[tuple[float, float]] = ((0.8, 1.0), (0.5, 1.0)),
        estimator: str = "measured",
        max_gradient: float = 0.2,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        self.substrate = substrate
        self.estimator = estimator
        self.max_gradient = max_gradient
        layers = []
        for n, shape in enumerate(zip(sizes, sizes[1:], strict=False)):
            mean, std = initial[min(n, len(initial) - 1)]
            layers.append(torch.nn.Parameter(mean + std * torch.randn(*shape, dtype=dtype)))
        self.weights = torch.nn.ParameterList(layers)
        self.clip_()

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """First-spike times of all layers; see :func:`measured`."""
        return measured(
            self.substrate,
            inputs,
            list(self.weights),
            estimator=self.estimator,
            max_gradient=self.max_gradient,
        )

    @torch.no_grad()
    def clip_(self) -> None:
        """Keeps the weights within what a synapse can hold. After every step of an optimiser; without, clipped weights stay."""
        if self.substrate.rounding:
            for layer in self.weights:
                layer.clamp_(-self.substrate.scaling.largest_weight, self.substrate.scaling.largest_weight)

    @torch.no_grad()
    def load_(self, weights: Sequence[NDArray[np.float64]]) -> None:
        """Takes weights over, `(n_sources, n_neurons)` each."""
        for layer, given in zip(self.weights, weights, strict=True):
            layer.copy_(torch.from_numpy(np.asarray(given)))

    def network(self, *, task: str = "yin-yang", **encoding: Any) -> Network:
        """The network for files and `infer`; see :meth:`Network.of_weights`."""
        layers = [_numpy(layer) for layer in self.weights]
        scaling, grid = self.substrate.scaling, self.substrate.rounding
        return Network.of_weights(layers, scaling, task=task, encoding=encoding, grid=grid)


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, outputs: torch.Tensor, labels: torch.Tensor, settings: str) -> torch.Tensor:
        losses, by_times, _ = _core.loss(_numpy(outputs), labels.cpu().to(torch.int64).contiguous().numpy(), settings)
        ctx.save_for_backward(torch.from_numpy(by_times).to(outputs))
        return torch.from_numpy(losses).to(outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, errors: torch.Tensor) -> Any:
        (by_times,) = ctx.saved_tensors
        return by_times * errors[:, None], None, None


def _loss_settings(kind: str, settings: dict[str, Any]) -> str:
    config = json.loads(_core.configuration(_settings.encode({"training": {"loss": {"kind": kind, **settings}}})))
    return _settings.encode(config["training"]["loss"])


def spike_loss(outputs: torch.Tensor, labels: torch.Tensor, kind: str = "ttfs", **settings: float) -> torch.Tensor:
    """Loss of each sample on the first-spike times of the outputs `(n_samples, n_classes)`, with silence as it should be.

    `kind` and `settings` are those of the section `[training.loss]`: "ttfs", "cross-entropy", "mse", "shift-invariant-mse". Returns
    `(n_samples,)`; `.mean()` is the loss that `bss2 train` follows. Raises :class:`ArrayError`, :class:`ConfigError`.
    """
    losses: torch.Tensor = _Loss.apply(outputs, labels, _loss_settings(kind, settings))
    return losses


def classify(outputs: torch.Tensor, kind: str = "ttfs", **settings: float) -> torch.Tensor:
    """The class that output times `(n_samples, n_classes)` mean, -1 where none has spiked."""
    labels = np.zeros(outputs.shape[0], dtype=np.int64)
    return torch.from_numpy(_core.loss(_numpy(outputs), labels, _loss_settings(kind, settings))[2])


class Bumping:
    """Raises the weights of silent neurons, as `bss2 train` does; `settings` are those of the section `[training.bump]`."""

    def __init__(self, **settings: Any) -> None:
        config = json.loads(_core.configuration(_settings.encode({"training": {"bump": settings}})))
        self._core = _core.Bumping(_settings.encode(config["training"]["bump"]))

    @torch.no_grad()
    def __call__(self, network: TtfsNetwork, spikes: Sequence[torch.Tensor]) -> str:
        """Changes the weights after a batch with these spikes of all layers.

        Returns "none", "with-step", or "instead-of-step": then the optimiser takes no step with this batch. To be called after
        `backward()`, whose gradient is that of the weights which the substrate had.
        """
        layers = [_numpy(layer) for layer in network.weights]
        bumped, what = self._core.apply([_numpy(times) for times in spikes], layers)
        if what != "none":
            network.load_(bumped)
        return what
