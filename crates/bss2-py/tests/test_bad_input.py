"""Whatever is wrong becomes a clear exception, and leaves nothing behind."""

import gc
import os

import numpy as np
import pytest

import bss2_emu
from bss2_emu import _core

CODES = np.full((3, 2), 30, dtype=np.int8)
TIMES = np.ones((4, 3))


def changed(value, at=(1, 2)):
    times = TIMES.copy()
    times[at] = value
    return times


@pytest.fixture(scope="module")
def ideal():
    return bss2_emu.Chip(1, preset="ideal")


BAD_RUNS = [
    ((CODES, TIMES[0]), bss2_emu.ArrayError, r"times_us: shape \(3,\), but \(n_samples, n_inputs\) is needed"),
    ((CODES, np.ones((4, 5))), bss2_emu.ArrayError, "the weights have 3 inputs"),
    ((CODES, TIMES.astype(np.float32)), bss2_emu.ArrayTypeError, "times_us: data type float32"),
    ((CODES, TIMES.astype(int)), TypeError, "times_us: data type int64, but float64"),
    ((CODES, "now"), bss2_emu.ArrayTypeError, "not an array of numbers"),
    ((CODES, changed(np.nan)), bss2_emu.ArrayError, r"times_us\[1, 2\] is nan"),
    ((CODES, changed(-0.5)), ValueError, r"times_us\[1, 2\] is -0.5, but times are at least 0"),
    ((CODES, np.ones((3, 4)).T), bss2_emu.ArrayError, "not C-contiguous"),
    ((CODES, np.ones((4, 6))[:, ::2]), bss2_emu.ArrayError, "not C-contiguous"),
    ((CODES.T[:, :2], TIMES), bss2_emu.ArrayError, "not C-contiguous"),
    ((CODES.astype(float), TIMES), bss2_emu.ArrayTypeError, "weights.*data type float64, but int8"),
    ((CODES.astype(np.int64) + 40, TIMES), bss2_emu.ArrayError, r"weights\[0\]\[0, 0\] is 70, but weight codes are -63..=63"),
    (([CODES, CODES], TIMES), bss2_emu.ArrayError, r"weights\[1\]: shape \(3, 2\), but layer 0 has 2 neurons"),
    (([], TIMES), bss2_emu.ArrayError, "no layers"),
    ((CODES[0], TIMES), bss2_emu.ArrayError, r"weights\[0\]: shape \(2,\)"),
]


@pytest.mark.parametrize(("arguments", "kind", "text"), BAD_RUNS)
def test_bad_arrays_are_refused(ideal, arguments, kind, text):
    for call in (ideal.first_spikes, ideal.run):
        with pytest.raises(kind, match=text):
            call(*arguments)


def test_bad_numbers_are_refused(ideal):
    for options, kind, text in [
        ({"duration_us": 0.0}, bss2_emu.ConfigError, "duration_us: 0.0"),
        ({"duration_us": np.nan}, bss2_emu.ConfigError, "duration_us: nan"),
        ({"run": -1}, bss2_emu.ChipError, "run: -1"),
    ]:
        with pytest.raises(kind, match=text):
            ideal.first_spikes(CODES, TIMES, **options)
    for options, kind, text in [
        ({"trace_of": 2}, bss2_emu.Bss2Error, "trace_of: 2 is not allowed; the network has 2 neurons"),
        ({"trace_of": -1}, bss2_emu.ArrayError, "trace_of: -1"),
        ({"indices": np.zeros((4, 2), dtype=int)}, bss2_emu.ArrayError, "that of the times is needed"),
        ({"indices": np.full((4, 3), 3)}, bss2_emu.ArrayError, "channels are 0..=2, or -1"),
        ({"indices": np.zeros((4, 3))}, bss2_emu.ArrayTypeError, "indices: data type float64"),
    ]:
        with pytest.raises(kind, match=text):
            ideal.run(CODES, TIMES, **options)
    with pytest.raises(bss2_emu.ChipError, match="do not fit"):
        ideal.first_spikes(np.ones((20_000, 2), dtype=np.int8), np.ones((4, 20_000)))
    # The chip is as it was.
    assert ideal.first_spikes(CODES, TIMES)[0].shape == (4, 2)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: bss2_emu.Chip(-1), bss2_emu.ConfigError, "chip: -1"),
        (lambda: bss2_emu.Chip(True), bss2_emu.ConfigError, "neither a seed nor a path"),
        (lambda: bss2_emu.Chip("nowhere.toml"), bss2_emu.ConfigError, "there is no file nowhere.toml"),
        (lambda: bss2_emu.Chip(1, preset="silicon"), bss2_emu.ConfigError, "expected one of"),
        (lambda: bss2_emu.Chip(settings={"chip.nose.x": 1}), bss2_emu.ConfigError, "no such key"),
        (lambda: bss2_emu.Chip(settings={"chip.seed": None}), bss2_emu.ConfigError, "None"),
        (lambda: bss2_emu.Chip(settings={"scaling.slot_us": np.nan}), bss2_emu.ConfigError, "not JSON compliant"),
        (lambda: bss2_emu.Chip(settings={"chip.seed": object()}), bss2_emu.ConfigError, "object is no value"),
        (lambda: bss2_emu.train({"training.epochs": 0}), bss2_emu.ConfigError, "training"),
        (lambda: bss2_emu.train({"training.epoch": 2}), bss2_emu.ConfigError, "did you mean `training.epochs`"),
        (lambda: bss2_emu.train(preset="nothing"), bss2_emu.Bss2Error, "nothing"),
        (lambda: bss2_emu.train(resume="nowhere"), bss2_emu.FileError, "no such run folder"),
        (lambda: bss2_emu.infer("nowhere.npz"), OSError, "nowhere.npz"),
        (lambda: bss2_emu.infer("nowhere.npz", substrate="wafer"), bss2_emu.ConfigError, "substrate"),
        (lambda: bss2_emu.samples(split="all"), bss2_emu.ConfigError, "split"),
        (lambda: bss2_emu.simulate({"cases": 3}), bss2_emu.ConfigError, "invalid type"),
        (lambda: bss2_emu.simulate({"cases": []}, engine="quantum"), bss2_emu.ConfigError, "engine"),
        (lambda: bss2_emu.Calibration.load("nowhere.json"), bss2_emu.FileError, "no such file"),
        (lambda: bss2_emu.Network.load("nowhere.npz"), bss2_emu.FileError, "cannot read"),
        (lambda: bss2_emu.set_threads(0), bss2_emu.ConfigError, "1..=512"),
        (lambda: bss2_emu.configuration({"data": 3, "data.kind": "mnist"}), bss2_emu.ConfigError, "data"),
        (lambda: bss2_emu.Ideal(bss2_emu.Scaling(6.0, 30.0, -1.0)).first_spikes([np.ones((3, 2))], TIMES),
         bss2_emu.ConfigError, "threshold"),
        (lambda: bss2_emu.Ideal().first_spikes([np.full((3, 2), np.inf)], TIMES), bss2_emu.ArrayError, "weights are finite"),
    ],
)
def test_bad_requests_are_refused(call, kind, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=text) as caught:
        call()
    assert isinstance(caught.value, bss2_emu.Bss2Error)
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_a_panic_does_not_cross(capfd):
    with pytest.raises(bss2_emu.InternalError, match="on purpose"):
        _core.fail()
    assert bss2_emu.Chip(1, preset="ideal").first_spikes(CODES, TIMES)[0].shape == (4, 2)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is read from /proc")
def test_bad_calls_leak_nothing(ideal):
    # Arrays that would be missed: 4 MB each.
    large = np.full((1000, 500), 1.0)
    large[-1, -1] = np.nan
    closed = bss2_emu.Chip(1, preset="ideal")
    closed.close()
    wide = np.ones((500, 2), dtype=np.int8)
    good = np.full((1000, 500), 1.0)

    def refused(call, *arguments):
        try:
            call(*arguments)
        except bss2_emu.Bss2Error:
            return
        raise AssertionError("the call was not refused")

    def round():
        refused(ideal.first_spikes, wide, large)
        refused(closed.first_spikes, wide, good)
        refused(ideal.first_spikes, np.ones((20_000, 2), dtype=np.int8), good.reshape(25, 20_000))
        refused(bss2_emu.simulate, {"cases": [0.5] * 1000})

    for _ in range(25):
        round()
    gc.collect()
    before = resident()
    for _ in range(250):
        round()
    gc.collect()
    # One leaked array in ten calls would be 400 MB.
    assert resident() - before < 32e6
