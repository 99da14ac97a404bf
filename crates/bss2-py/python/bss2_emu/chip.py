"""Emulated chips and the tables that they are calibrated by."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from . import _arrays, _core, _settings
from .errors import ArrayError, ChipError, ConfigError
from .scaling import Scaling

if TYPE_CHECKING:
    import pandas

#: Weight codes of one layer `(n_sources, n_neurons)`, or of all layers.
Codes = NDArray[np.int8] | Sequence[NDArray[np.int8]]


@runtime_checkable
class Device(Protocol):
    """What a network is measured on: an emulated :class:`Chip`, or any object with this method (a real chip behind its driver)."""

    def first_spikes(
        self, weights: Codes, times_us: NDArray[np.float64], *, duration_us: float = ...
    ) -> list[NDArray[np.float64]]:
        """First spikes in us of every neuron of every layer, each `(n_samples, n_neurons)`, inf for silence."""
        ...


class Calibration(Mapping[str, NDArray[Any]]):
    """The table of a calibrated chip: arrays of 512 values, one for each neuron, by name.

    What was measured: `v_leak`, `v_reset`, `v_threshold` (CADC LSB), `tau_mem`, `tau_syn_exc`, `tau_syn_inh`, `refractory_time`
    (us), `gain_exc`, `gain_inh` (LSB/us per weight code), `success`. The codes that were found begin with `code_`, what was aimed
    at with `target_`; names that end with `_uncalibrated` are what the same chip showed with one code for all neurons.
    """

    def __init__(self, core: _core.Calibration) -> None:
        self._core = core
        self._arrays = core.arrays()
        for array in self._arrays.values():
            array.flags.writeable = False

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Calibration:
        """Reads a table (.bss2cal, .json, .csv or .npz). Raises :class:`FileError`."""
        return cls(_core.Calibration.load(Path(path)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the table; the extension chooses the format: .bss2cal, .json, .csv or .npz. Raises :class:`FileError`."""
        self._core.save(Path(path))

    @property
    def chip(self) -> str:
        """Identity of the chip that was measured."""
        return self._core.chip

    @property
    def facts(self) -> dict[str, Any]:
        """What was aimed at (`targets`), and what it took: `measurements`, `trials`, `hardware_time_us`."""
        facts: dict[str, Any] = json.loads(self._core.facts())
        return facts

    def to_dataframe(self) -> pandas.DataFrame:
        """A row for each neuron, a column for each array. Needs pandas."""
        import pandas

        return pandas.DataFrame(dict(self._arrays)).rename_axis("neuron")

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"<Calibration of chip {self.chip}: {int(self['success'].sum())} of {self['success'].size} neurons>"


class Chip:
    """An emulated BrainScaleS-2 chip.

    `chip`: a seed (0..=2^63-1), or the path of a chip.toml. `preset`: `bss2` (set by codes; to be calibrated), `bss2-calibrated`
    (what a calibration leaves behind, set directly), `fast-and-deep` or `ideal`. `settings`: keys of a configuration as in
    config.toml, nested or dotted, for example `{"chip.noise.spike_jitter_us_std": 0.0, "engine": "fast"}`.

    The same seed gives the same chip. It is used in one call at a time; the calls of other threads wait. Raises
    :class:`ConfigError` and :class:`FileError`.
    """

    def __init__(
        self,
        chip: int | str | os.PathLike[str] = 1,
        *,
        preset: str | None = None,
        settings: _settings.Settings | None = None,
    ) -> None:
        if isinstance(chip, bool) or not isinstance(chip, (int, np.integer, str, os.PathLike)):
            raise ConfigError(f"chip: {chip!r} is neither a seed nor a path")
        if isinstance(chip, (int, np.integer)):
            if not 0 <= chip < 2**63:
                raise ConfigError(f"chip: {chip} is not allowed; seeds are 0..=2^63-1")
            named = str(int(chip))
        else:
            named = os.path.join(os.path.curdir, os.fspath(chip)) if not os.path.isabs(chip) else os.fspath(chip)
            if preset is not None:
                raise ConfigError("preset: a chip.toml has its own")
            if not os.path.isfile(named):
                raise ConfigError(f"chip: there is no file {os.fspath(chip)}")
        layer = {"chip": {"preset": preset}} if preset is not None else {}
        self._core = _core.Chip(named, _settings.encode(layer), _settings.text(settings))
        self._runs = 0

    @property
    def identity(self) -> str:
        """Which chip this is: tables measured on one are refused by another."""
        return self._core.identity

    @property
    def description(self) -> dict[str, Any]:
        """The complete description: the keys of the section `[chip]`."""
        description: dict[str, Any] = json.loads(self._core.description())
        return description

    @property
    def calibration(self) -> Calibration | None:
        """The table that the chip is set with; None for a chip that is not calibrated."""
        core = self._core.calibration
        return None if core is None else Calibration(core)

    @property
    def last_run_s(self) -> float:
        """Seconds that the last run took in the emulator itself, without what is around it."""
        return self._core.last_run_s

    @property
    def is_closed(self) -> bool:
        """Whether the chip is closed."""
        return self._core.is_closed

    def close(self) -> None:
        """Frees the chip. Every further call raises :class:`ClosedError`."""
        self._core.close()

    def __enter__(self) -> Chip:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Chip {self.identity}{' (closed)' if self.is_closed else ''}>"

    def calibrate(
        self,
        target: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        *,
        callback: Callable[[int, int, str], None] | None = None,
    ) -> Calibration:
        """Calibrates the chip by measurement, as `bss2 calib run` does, and sets it with the table.

        `target`: a preset (`fast-and-deep`, `fast-and-deep-large`, `hxtorch`, `calix`, `spiking2`), a file in the names of calix, or
        single targets, `{"tau_mem_us": 10.0}`. `callback(index, of, name)` is told of each routine as it begins (index 0: the
        measurement with common codes). A chip that is set directly is set to the targets, nothing is measured.

        Takes some ten seconds of one core. Ctrl-C ends it between two runs. Raises :class:`ConfigError`, :class:`CalibrationError`.
        """
        changes = target if isinstance(target, Mapping) else None
        named = None if target is None or changes is not None else os.fspath(target)  # type: ignore[arg-type]
        layer = _settings.encode({"calibration": _settings.nested(changes)} if changes else {})
        raised: list[BaseException] = []

        def tell(index: int, of: int, name: str) -> None:
            try:
                if callback is not None:
                    callback(index, of, name)
            except BaseException as error:
                raised.append(error)
                raise

        try:
            return Calibration(self._core.calibrate(named, layer, tell if callback else None))
        except Exception:
            if raised:
                raise raised[0] from None
            raise

    def apply(self, calibration: Calibration, *, force: bool = False) -> None:
        """Sets the chip with a table. One of another chip raises :class:`ChipError`, unless `force` applies it on purpose."""
        self._core.apply(calibration._core, force)

    def scaling(
        self,
        n_inputs: int,
        sizes: Sequence[int],
        *,
        us_per_time: float | None = None,
        lsb_per_weight: float | None = None,
    ) -> Scaling:
        """Units of a network with `n_inputs` inputs and layers of these sizes, the threshold as the calibration measured it.

        Defaults: 6 us per unit of time, 30 weight codes per unit of weight. Raises :class:`ChipError` for a chip that is not
        calibrated, and for a network that does not fit.
        """
        chosen = {"us_per_time": us_per_time, "lsb_per_weight": lsb_per_weight}
        units = _settings.encode({key: value for key, value in chosen.items() if value is not None})
        return Scaling._of(json.loads(self._core.scaling(n_inputs, list(sizes), units)))

    def first_spikes(
        self,
        weights: Codes,
        times_us: NDArray[np.float64],
        *,
        duration_us: float = 180.0,
        run: int | None = None,
    ) -> list[NDArray[np.float64]]:
        """First spikes of every neuron of every layer, in us as the chip stamped them.

        `weights`: signed weight codes -63..=63 of every layer, int8 `(n_sources, n_neurons)`; `times_us`: one spike per input and
        sample, float64 `(n_samples, n_inputs)`, inf for none. Every sample is a trial of its own, `duration_us` long. `run`
        addresses the temporal noise: the same run of the same chip gives the same spikes; neighbouring runs share slow noise. By
        default runs are counted from 0.

        Returns one float64 array `(n_samples, n_neurons)` for each layer, inf for silence. A network larger than the chip runs in
        several passes. Raises :class:`ArrayError`, :class:`ChipError`, :class:`ClosedError`.
        """
        codes = _arrays.codes("weights", weights)
        times = _arrays.times("times_us", times_us)
        _arrays.width("times_us", times, codes[0].shape[0])
        return self._core.first_spikes(codes, times, _duration(duration_us), self._run(run))

    def run(
        self,
        weights: Codes,
        times_us: NDArray[np.float64],
        indices: NDArray[np.int64] | None = None,
        *,
        duration_us: float = 180.0,
        trace_of: int | None = None,
        run: int | None = None,
    ) -> tuple[NDArray[Any], ...]:
        """All spikes of all neurons.

        `weights`, `duration_us`, `run`: as for :meth:`first_spikes`. Without `indices`, `times_us` `(n_samples, n_inputs)` has one
        spike per input; with it, events: times `(n_samples, n_events)` in any order and the input of each, int64, -1 for none.

        Returns `(times_us, indices)`: float64 and int64 `(n_samples, n_events)`, by time, padded with inf and -1. Neurons are counted
        from the first hidden one on through all layers. With `trace_of`, the number of a neuron, also its membrane potential as the
        MADC samples it, uint16 `(n_samples, n_values)`, one value each .034 us; the first 8 us are not valid. The network must fit
        on the chip in one pass. Raises :class:`ArrayError`, :class:`ChipError`, :class:`ClosedError`.
        """
        codes = _arrays.codes("weights", weights)
        n_inputs = codes[0].shape[0]
        if indices is None:
            times = _arrays.times("times_us", times_us)
            _arrays.width("times_us", times, n_inputs)
            indices = np.broadcast_to(np.arange(n_inputs), times.shape).astype(np.int64)
        else:
            times = _arrays.times("times_us", times_us, "(n_samples, n_events)")
            indices = _arrays.indices("indices", indices, times.shape, n_inputs)
        if trace_of is not None and trace_of < 0:
            raise ArrayError(f"trace_of: {trace_of} is not allowed; neurons are counted from 0")
        spikes, numbers, traces = self._core.run(
            codes, times, indices, _duration(duration_us), self._run(run), trace_of
        )
        return (spikes, numbers) if traces is None else (spikes, numbers, traces)

    def _run(self, run: int | None) -> tuple[int, int]:
        if run is None:
            run = self._runs
            self._runs += 1
        if not 0 <= run < 2**32:
            raise ChipError(f"run: {run} is not allowed; runs are 0..=2^32-1")
        return (0, run)


def _duration(duration_us: float) -> float:
    if not 0 < duration_us <= 1e5:
        raise ConfigError(f"duration_us: {duration_us} is not allowed; expected a positive number up to 100000")
    return float(duration_us)
