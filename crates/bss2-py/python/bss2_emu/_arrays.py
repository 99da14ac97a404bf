"""Arrays at the border: what is not as it should be is refused with its name, nothing is copied unasked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ArrayError, ArrayTypeError

#: Largest weight code of a synapse with a sign.
LARGEST_CODE = 63


def _contiguous(name: str, array: NDArray[Any]) -> None:
    if not array.flags.c_contiguous:
        raise ArrayError(f"{name}: the array is not C-contiguous; np.ascontiguousarray({name}) copies it")
    if not array.dtype.isnative:
        raise ArrayTypeError(f"{name}: the bytes of {array.dtype} are not in this machine's order")


def _dimensions(name: str, array: NDArray[Any], ndim: int, shape: str) -> None:
    if array.ndim != ndim:
        raise ArrayError(f"{name}: shape {array.shape}, but {shape} is needed")


def floats(name: str, value: Any, ndim: int, shape: str) -> NDArray[np.float64]:
    """A float64 array as it is; anything that is no array is made one."""
    if not isinstance(value, np.ndarray):
        try:
            value = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ArrayTypeError(f"{name}: not an array of numbers: {error}") from None
    if value.dtype != np.float64:
        raise ArrayTypeError(f"{name}: data type {value.dtype}, but float64 is needed; {name}.astype(np.float64) converts")
    _dimensions(name, value, ndim, shape)
    _contiguous(name, value)
    array: NDArray[np.float64] = value
    return array


def times(name: str, value: Any, shape: str = "(n_samples, n_inputs)") -> NDArray[np.float64]:
    """Spike times: not negative, inf for silence."""
    array = floats(name, value, 2, shape)
    # The least of an array with NaN is NaN, which is not at least zero.
    if array.size and not array.min() >= 0:
        wrong = np.argwhere(~(array >= 0))[0]
        at = tuple(int(i) for i in wrong)
        raise ArrayError(f"{name}[{at[0]}, {at[1]}] is {array[at]}, but times are at least 0 (inf: no spike)")
    return array


def weights(name: str, value: Any) -> list[NDArray[np.float64]]:
    """Real-valued weights of all layers, each `(n_sources, n_neurons)`, finite."""
    layers = [value] if isinstance(value, np.ndarray) else list(value)
    out = [floats(f"{name}[{n}]", layer, 2, "(n_sources, n_neurons)") for n, layer in enumerate(layers)]
    for n, layer in enumerate(out):
        if layer.size and not np.isfinite(layer).all():
            at = tuple(int(i) for i in np.argwhere(~np.isfinite(layer))[0])
            raise ArrayError(f"{name}[{n}][{at[0]}, {at[1]}] is {layer[at]}, but weights are finite")
    _chain(name, out)
    return out


def codes(name: str, value: Any) -> list[NDArray[np.int8]]:
    """Signed weight codes of all layers, each `(n_sources, n_neurons)`, -63..=63."""
    layers = [value] if isinstance(value, np.ndarray) else list(value)
    out = [_codes(f"{name}[{n}]", layer) for n, layer in enumerate(layers)]
    _chain(name, out)
    return out


def _codes(name: str, value: Any) -> NDArray[np.int8]:
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        hint = "; weight codes are integers (bss2_emu.signed_codes makes them of real weights)"
        raise ArrayTypeError(f"{name}: data type {array.dtype}, but int8 is needed{hint}")
    _dimensions(name, array, 2, "(n_sources, n_neurons)")
    if array.size and (array.min() < -LARGEST_CODE or array.max() > LARGEST_CODE):
        at = tuple(int(i) for i in np.argwhere((array < -LARGEST_CODE) | (array > LARGEST_CODE))[0])
        text = f"but weight codes are {-LARGEST_CODE}..={LARGEST_CODE}"
        raise ArrayError(f"{name}[{at[0]}, {at[1]}] is {array[at]}, {text}")
    if array.dtype != np.int8:
        return array.astype(np.int8)
    _contiguous(name, array)
    return array


def _chain(name: str, layers: Sequence[NDArray[Any]]) -> None:
    if not layers:
        raise ArrayError(f"{name}: no layers")
    for n, (below, above) in enumerate(zip(layers, layers[1:], strict=False)):
        if below.shape[1] != above.shape[0]:
            raise ArrayError(
                f"{name}[{n + 1}]: shape {above.shape}, but layer {n} has {below.shape[1]} neurons, so "
                f"({below.shape[1]}, n_neurons) is needed"
            )


def width(name: str, array: NDArray[Any], n_inputs: int) -> None:
    """Refuses inputs for another number of channels."""
    if array.shape[1] != n_inputs:
        raise ArrayError(f"{name}: shape {array.shape}, but the weights have {n_inputs} inputs")


def indices(name: str, value: Any, shape: tuple[int, ...], n_inputs: int) -> NDArray[np.int64]:
    """Channels of events, -1 where there is none."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise ArrayTypeError(f"{name}: data type {array.dtype}, but int64 is needed")
    if array.shape != shape:
        raise ArrayError(f"{name}: shape {array.shape}, but that of the times is needed, {shape}")
    if array.size and (array.min() < -1 or array.max() >= n_inputs):
        raise ArrayError(f"{name}: values in {array.min()}..={array.max()}, but channels are 0..={n_inputs - 1}, or -1")
    if array.dtype != np.int64:
        return array.astype(np.int64)
    _contiguous(name, array)
    return array


def labels(name: str, value: Any) -> NDArray[np.int64]:
    """Classes of samples."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise ArrayTypeError(f"{name}: data type {array.dtype}, but int64 is needed")
    _dimensions(name, array, 1, "(n_samples,)")
    return np.ascontiguousarray(array, dtype=np.int64)
