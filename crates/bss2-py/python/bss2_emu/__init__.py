"""An emulated BrainScaleS-2 chip for Python.

Draw a chip from a seed, calibrate it, run networks on it, train them in the loop - the same as the program `bss2`, byte for byte.

>>> import numpy as np, bss2_emu
>>> chip = bss2_emu.Chip(1, preset="ideal")
>>> weights = np.array([[60, -60], [60, 0]], dtype=np.int8)
>>> times_us, indices = chip.run(weights, np.array([[1.0, 2.0]]), duration_us=50.0)
>>> indices.tolist()
[[0]]

Times are in microseconds where a name ends with `_us`, and in units of the synaptic time constant elsewhere; a neuron that does
not spike has the time inf. Long calls release Python's lock, compute on all cores (:func:`set_threads`) and end on Ctrl-C.
Exceptions derive from :class:`Bss2Error`.

:mod:`bss2_emu.torch` is for PyTorch, :mod:`bss2_emu.snn` for scripts in the manner of hxtorch, :mod:`bss2_emu.jaxsnn` for jaxsnn,
:mod:`bss2_emu.convert` for neo and NIR.
"""

from ._core import __version__
from .chip import Calibration, Chip, Device
from .errors import (
    ArrayError,
    ArrayTypeError,
    Bss2Error,
    CalibrationError,
    ChipError,
    ClosedError,
    ConfigError,
    FileError,
    InternalError,
)
from .network import Network
from .scaling import Scaling, signed_codes
from .substrates import Ideal, OnDevice, Substrate
from .threads import set_threads, threads
from .training import Inference, Run, configuration, infer, samples, simulate, train

__all__ = [
    "ArrayError",
    "ArrayTypeError",
    "Bss2Error",
    "Calibration",
    "CalibrationError",
    "Chip",
    "ChipError",
    "ClosedError",
    "ConfigError",
    "Device",
    "FileError",
    "Ideal",
    "Inference",
    "InternalError",
    "Network",
    "OnDevice",
    "Run",
    "Scaling",
    "Substrate",
    "__version__",
    "configuration",
    "infer",
    "samples",
    "set_threads",
    "signed_codes",
    "simulate",
    "threads",
    "train",
]
