"""Trained networks and their files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _arrays, _core, _settings
from .scaling import Scaling


class Network:
    """A trained network: the content of a `network.npz`, which `bss2 infer` reads.

    Made by :meth:`load`, by :meth:`of_weights`, or by a training.
    """

    def __init__(self, core: _core.Network) -> None:
        self._core = core

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """Reads a `network.npz`, or that of a run folder. Raises :class:`FileError`."""
        path = Path(path)
        return cls(_core.Network.load(path / "network.npz" if path.is_dir() else path))

    @classmethod
    def of_weights(
        cls,
        weights: Sequence[NDArray[np.float64]],
        scaling: Scaling,
        *,
        task: str = "yin-yang",
        encoding: Mapping[str, Any] | None = None,
        grid: bool = True,
    ) -> Network:
        """Puts a network without delays together.

        `weights`: float64 `(n_sources, n_neurons)` of every layer, in units of weight; `scaling`: the units that they were trained
        in; `task`: the data set (`yin-yang`, `mnist`, ...); `encoding`: keys of the section `[encoding]` that are not the
        default's; `grid`: whether the weights were rounded to codes in training. Raises :class:`ConfigError`, :class:`ArrayError`.
        """
        layers = _arrays.weights("weights", weights)
        config = json.loads(_core.configuration(_settings.text({"data.kind": task, "encoding": dict(encoding or {})})))
        architecture = {
            "format": 2,
            "task": task,
            "encoding": config["encoding"],
            "sizes": [layers[0].shape[0], *(layer.shape[1] for layer in layers)],
            "scaling": json.loads(scaling._json()),
            "grid": grid,
        }
        return cls(_core.Network(_settings.encode(architecture), layers))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a `network.npz`, wholly or not at all. Raises :class:`FileError`."""
        self._core.save(Path(path))

    @property
    def weights(self) -> list[NDArray[np.float64]]:
        """Real-valued weights of every layer, `(n_sources, n_neurons)`; copies."""
        return self._core.weights()

    @property
    def delay_parameters(self) -> list[NDArray[np.float64]]:
        """Parameters of the delays of every layer; empty arrays without delays."""
        return self._core.delay_parameters()

    @property
    def architecture(self) -> dict[str, Any]:
        """Everything but the weights: task, encoding, sizes, scaling."""
        architecture: dict[str, Any] = json.loads(self._core.architecture())
        return architecture

    @property
    def sizes(self) -> list[int]:
        """Inputs, then the neurons of each layer."""
        return list(self.architecture["sizes"])

    @property
    def scaling(self) -> Scaling:
        """The units that the network was trained in."""
        return Scaling._of(self.architecture["scaling"])

    def __repr__(self) -> str:
        return f"<Network {'-'.join(map(str, self.sizes))} for {self.architecture['task']}>"
