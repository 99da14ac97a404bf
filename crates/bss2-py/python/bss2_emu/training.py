"""Training, inference and simulation, as the command line does them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core, _settings
from .chip import Calibration
from .errors import FileError
from .network import Network

_Path = str | os.PathLike[str]


def configuration(settings: _settings.Settings | None = None) -> dict[str, Any]:
    """The whole configuration that a training with these settings has: every key, defaults included.

    Raises :class:`ConfigError` with everything that is wrong.
    """
    config: dict[str, Any] = json.loads(_core.configuration(_settings.text(settings)))
    return config


@dataclass(frozen=True)
class Run:
    """A training: what its folder holds."""

    #: The run folder.
    path: Path
    #: Whether the last epoch is trained; else `train(resume=run.path)` goes on.
    is_finished: bool

    @classmethod
    def open(cls, path: _Path) -> Run:
        """The run in a folder. Raises :class:`FileError`."""
        path = Path(path)
        if not (path / "config.toml").is_file():
            raise FileError(f"{path}: this is no run folder: it has no config.toml")
        return cls(path, (path / "summary.json").is_file())

    @property
    def summary(self) -> dict[str, Any]:
        """Results, as in `summary.json`; raises :class:`FileError` for a training that is not finished."""
        return self._json("summary.json")

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """One record for each epoch."""
        return [json.loads(line) for line in self._text("metrics.jsonl").splitlines()]

    @property
    def network(self) -> Network:
        """The trained network."""
        return Network.load(self.path / "network.npz")

    @property
    def calibration(self) -> Calibration | None:
        """The table that the chip was set with; None without one chip."""
        path = self.path / "calibration.json"
        return Calibration.load(path) if path.exists() else None

    def _text(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except OSError as error:
            raise FileError(f"cannot read {self.path / name}: {error.strerror}") from None

    def _json(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._text(name))
        return content


def train(
    settings: _settings.Settings | None = None,
    *,
    preset: str | None = None,
    config: _Path | None = None,
    calibration: _Path | None = None,
    force: bool = False,
    out: _Path | None = None,
    resume: _Path | None = None,
    progress: bool = False,
    callback: Callable[[dict[str, Any]], None] | None = None,
) -> Run:
    """Trains a network in the loop, as `bss2 train` does, with the same bytes in the run folder.

    `settings`: keys of the configuration, nested or dotted (`{"training.epochs": 20, "chip.seed": 3}`); they win over `config`, a
    TOML file, which wins over `preset`, a published experiment. `calibration`: the file of a table to set the chip with (`force`:
    even if it was measured on another chip). `out`: the run folder, new or empty (default: runs/NAME). `resume`: a run folder to
    go on with, alone. `progress`: a bar on a terminal, lines on stderr elsewhere. `callback(record)` is told of every epoch: a
    dictionary with `epoch`, `learning_rate`, `train`, `validation`, `bumped_batches`, `silent_hidden`; what it raises ends the
    training with a checkpoint.

    Ctrl-C ends the training after the present epoch, with a checkpoint, and raises KeyboardInterrupt. Raises :class:`ConfigError`,
    :class:`FileError`, :class:`ChipError`, :class:`CalibrationError`.
    """
    told = None if callback is None else (lambda text: callback(json.loads(text)))
    folder, is_finished = _core.train(
        _settings.text(settings),
        preset,
        _path(config),
        _path(calibration),
        force,
        _path(out),
        _path(resume),
        progress,
        told,
    )
    return Run(folder, is_finished)


@dataclass(frozen=True)
class Inference:
    """What a network did with the test samples."""

    #: Score, confusion, cost on hardware: what `bss2 infer --json` prints.
    result: dict[str, Any]
    #: First-spike times of every layer `(n_samples, n_neurons)`, in units of the synaptic time constant, inf for silence.
    times: list[NDArray[np.float64]]
    #: Class of each sample.
    labels: NDArray[np.int64]
    #: Class that the network chose, -1 for none.
    classes: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of samples that were classified correctly."""
        return float(self.result["test"]["accuracy"])


def infer(
    network: _Path | Run,
    settings: _settings.Settings | None = None,
    *,
    chip: int | _Path | None = None,
    calibration: _Path | None = None,
    force: bool = False,
    data: str | None = None,
    substrate: str | None = None,
    times: _Path | None = None,
) -> Inference:
    """Runs a trained network on the test samples, as `bss2 infer` does.

    `network`: a run, its folder, or a network.npz. `chip`: the seed of another chip, or a chip.toml. `data`: another data set, or a
    .csv or .npz file. `substrate`: "chip" or "ideal". `times`: also write times and labels to this .npz. Ctrl-C ends it between two
    batches. Raises :class:`ConfigError`, :class:`FileError`, :class:`ChipError`.
    """
    path = network.path if isinstance(network, Run) else Path(network)
    named = None if chip is None else str(chip) if isinstance(chip, int) else os.fspath(chip)
    result, layers, labels, classes = _core.infer(
        path, _settings.text(settings), named, _path(calibration), force, data, substrate, _path(times)
    )
    return Inference(json.loads(result), layers, labels, classes)


def samples(
    settings: _settings.Settings | None = None, split: str = "train"
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Input spike times `(n_samples, n_inputs)`, in units of the synaptic time constant, and labels of a part of a data set.

    `settings` names the data set and its encoding (`{"data.kind": "yin-yang"}`); `split`: "train", "validation" or "test". Raises
    :class:`ConfigError`, :class:`FileError`.
    """
    return _core.samples(_settings.text(settings), split)


def simulate(experiment: Mapping[str, Any], *, engine: str = "event") -> dict[str, Any]:
    """Simulates networks of neurons with explicit parameters, exactly and without a chip, as `bss2 simulate` does.

    `experiment`: `{"cases": [...]}`, as the page "Simulating networks" of the book describes it. `engine`: "event", or "layered" for
    feed-forward networks. Returns `{"cases": [{"name": ..., "spikes": {population: [[times], ...]}}]}`. Raises
    :class:`ConfigError`.
    """
    spikes: dict[str, Any] = json.loads(_core.simulate(_settings.encode(experiment), engine))
    return spikes


def _path(path: _Path | None) -> Path | None:
    return None if path is None else Path(path)
