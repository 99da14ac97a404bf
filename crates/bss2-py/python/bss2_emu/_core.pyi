"""The part of the package that is Rust: configurations and facts as JSON, arrays that are checked already."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__version__: str
__all__ = [
    "__version__",
    "Calibration",
    "Chip",
    "Network",
    "Bumping",
    "set_threads",
    "threads",
    "main",
    "fail",
    "simulate",
    "train",
    "infer",
    "samples",
    "configuration",
    "signed_codes",
    "ideal_first_spikes",
    "backward",
    "loss",
    "ideal_scaling",
]

@final
class Calibration:
    @staticmethod
    def load(path: Path) -> Calibration: ...
    def save(self, path: Path) -> None: ...
    def arrays(self) -> dict[str, NDArray[Any]]: ...
    @property
    def chip(self) -> str: ...
    def facts(self) -> str: ...

@final
class Chip:
    def __new__(cls, seed_or_file: str, preset: str, settings: str) -> Chip: ...
    def close(self) -> None: ...
    @property
    def identity(self) -> str: ...
    @property
    def is_direct(self) -> bool: ...
    @property
    def is_closed(self) -> bool: ...
    @property
    def last_run_s(self) -> float: ...
    @property
    def calibration(self) -> Calibration | None: ...
    def calibrate(
        self, target: str | None, changes: str, callback: Callable[[int, int, str], None] | None
    ) -> Calibration: ...
    def apply(self, calibration: Calibration, force: bool) -> None: ...
    def scaling(self, n_inputs: int, sizes: Sequence[int], settings: str) -> str: ...
    def first_spikes(
        self,
        weights: Sequence[NDArray[np.int8]],
        times_us: NDArray[np.float64],
        duration_us: float,
        run: tuple[int, int],
    ) -> list[NDArray[np.float64]]: ...
    def run(
        self,
        weights: Sequence[NDArray[np.int8]],
        times_us: NDArray[np.float64],
        indices: NDArray[np.int64],
        duration_us: float,
        run: tuple[int, int],
        trace_of: int | None,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.uint16] | None]: ...
    def description(self) -> str: ...

@final
class Network:
    def __new__(cls, architecture: str, weights: Sequence[NDArray[np.float64]]) -> Network: ...
    @staticmethod
    def load(path: Path) -> Network: ...
    def save(self, path: Path) -> None: ...
    def weights(self) -> list[NDArray[np.float64]]: ...
    def delay_parameters(self) -> list[NDArray[np.float64]]: ...
    def architecture(self) -> str: ...

@final
class Bumping:
    def __new__(cls, rule: str) -> Bumping: ...
    def apply(
        self, spikes: Sequence[NDArray[np.float64]], weights: Sequence[NDArray[np.float64]]
    ) -> tuple[list[NDArray[np.float64]], str]: ...

def set_threads(n: int) -> None: ...
def threads() -> int: ...
def main(arguments: Sequence[str]) -> int: ...
def fail() -> None: ...
def simulate(experiment: str, engine: str) -> str: ...
def configuration(settings: str) -> str: ...
def train(
    settings: str,
    preset: str | None,
    config_file: Path | None,
    calibration: Path | None,
    force: bool,
    out: Path | None,
    resume: Path | None,
    progress: bool,
    callback: Callable[[str], None] | None,
) -> tuple[Path, bool]: ...
def infer(
    network: Path,
    settings: str,
    chip: str | None,
    calibration: Path | None,
    force: bool,
    data: str | None,
    substrate: str | None,
    times: Path | None,
) -> tuple[str, list[NDArray[np.float64]], NDArray[np.int64], NDArray[np.int64]]: ...
def samples(settings: str, split: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]: ...
def signed_codes(weights: NDArray[np.float64], scaling_json: str) -> NDArray[np.int8]: ...
def ideal_scaling(settings: str) -> str: ...
def ideal_first_spikes(
    weights: Sequence[NDArray[np.float64]], inputs: NDArray[np.float64], scaling_json: str, rounding: bool
) -> list[NDArray[np.float64]]: ...
def backward(
    weights: Sequence[NDArray[np.float64]],
    inputs: NDArray[np.float64],
    spikes: Sequence[NDArray[np.float64]],
    errors: Sequence[NDArray[np.float64]],
    scaling_json: str,
    estimator: str,
    max_gradient: float,
    rounding: bool,
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]: ...
def loss(
    outputs: NDArray[np.float64], labels: NDArray[np.int64], loss_json: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]: ...
