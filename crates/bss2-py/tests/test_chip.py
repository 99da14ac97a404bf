"""Chips: what they record, and that it depends on nothing but seed and address."""

import numpy as np
import pytest

import bss2_emu


def test_first_spikes_are_the_first_of_all_spikes(chip, net):
    codes, times = net
    hidden, outputs = chip.first_spikes(codes, times, run=7)
    assert hidden.shape == (20, 16) and outputs.shape == (20, 3)
    assert np.isfinite(hidden).any() and np.isinf(outputs).sum() < outputs.size
    all_times, numbers = chip.run(codes, times, run=7)
    assert all_times.shape == numbers.shape
    assert ((numbers == -1) == np.isinf(all_times)).all()
    assert (np.diff(np.where(np.isinf(all_times), 1e9, all_times), axis=1) >= 0).all()
    first = np.full((20, 19), np.inf)
    for sample, number in np.argwhere(numbers >= 0):
        neuron = numbers[sample, number]
        first[sample, neuron] = min(first[sample, neuron], all_times[sample, number])
    assert (first == np.hstack([hidden, outputs])).all()


def test_the_same_address_gives_the_same_noise(chip, net):
    codes, times = net
    same = [chip.first_spikes(codes, times, run=1)[1] for _ in range(2)]
    assert (same[0] == same[1]).all()
    assert (chip.first_spikes(codes, times, run=2)[1] != same[0]).any()
    with bss2_emu.Chip(3, preset="bss2-calibrated") as twin:
        assert (twin.first_spikes(codes, times, run=1)[1] == same[0]).all()
        # Runs count from 0.
        twin.first_spikes(codes, times)
        assert (twin.first_spikes(codes, times)[1] == same[0]).all()
    with bss2_emu.Chip(4, preset="bss2-calibrated") as other:
        assert (other.first_spikes(codes, times, run=1)[1] != same[0]).any()
        assert other.identity != chip.identity


def test_threads_change_nothing(chip, net):
    codes, times = net
    before = bss2_emu.threads()
    results = []
    for n in (1, 3):
        bss2_emu.set_threads(n)
        assert bss2_emu.threads() == n
        results.append(chip.first_spikes(codes, times, run=0)[1])
    bss2_emu.set_threads(None)
    assert bss2_emu.threads() == before
    assert (results[0] == results[1]).all()


def test_an_ideal_neuron_fires_when_the_model_says():
    # V = w t/tau e^(-t/tau) tau reaches the threshold.
    with bss2_emu.Chip(1, preset="ideal") as chip:
        scaling = chip.scaling(1, [1])
        (times,) = chip.first_spikes(np.array([[63]], dtype=np.int8), np.array([[2.0]]))
        assert times[0, 0] == np.inf, "one weight does not reach the threshold"
        (times,) = chip.first_spikes(np.full((4, 1), 63, dtype=np.int8), np.full((1, 4), 2.0))
        t = (times[0, 0] - 2.0) / scaling.us_per_time
        assert 4 * 63 / scaling.lsb_per_weight * t * np.exp(-t) == pytest.approx(scaling.threshold, rel=1e-9)


def test_events_may_repeat_on_an_input(chip):
    codes = np.full((2, 4), 63, dtype=np.int8)
    times = np.array([[1.0, 1.5, 2.0, 2.5, 3.0, 3.5], [1.0, 2.0] + [np.inf] * 4])
    indices = np.array([[0, 1, 0, 1, 0, 1], [0, 0, -1, -1, -1, -1]])
    spikes, numbers = chip.run(codes, times, indices, run=0)
    assert (numbers[0] >= 0).sum() > (numbers[1] >= 0).sum()


def test_a_trace_is_recorded(chip, net):
    codes, times = net
    spikes, numbers, traces = chip.run(codes, times, trace_of=0, duration_us=60.0)
    assert traces.dtype == np.uint16 and traces.shape[0] == 20 and traces.shape[1] > 1700
    assert traces[:, 300:].max() > traces[:, 300:].min()


def test_a_network_larger_than_the_chip_runs_in_passes(chip):
    codes = [np.full((784, 350), 10, dtype=np.int8), np.full((350, 10), 10, dtype=np.int8)]
    hidden, outputs = chip.first_spikes(codes, np.zeros((2, 784)))
    assert hidden.shape == (2, 350) and np.isfinite(hidden).all()
    with pytest.raises(bss2_emu.Bss2Error, match="first_spikes runs it in several passes"):
        chip.run(codes, np.zeros((2, 784)))


def test_a_chip_can_be_described_and_read_again(tmp_path, chip, program):
    program("chip", "draw", "--seed", 3, "--preset", "bss2-calibrated", "--out", tmp_path / "chip.toml")
    with bss2_emu.Chip(tmp_path / "chip.toml") as again:
        assert again.identity == chip.identity and again.description == chip.description
    quiet = bss2_emu.Chip(3, preset="bss2-calibrated", settings={"chip.noise.spike_jitter_us_std": 0.0})
    assert quiet.description["noise"]["spike_jitter_us_std"] == 0.0 and quiet.identity == chip.identity


def test_a_closed_chip_refuses(net):
    codes, times = net
    with bss2_emu.Chip(3, preset="ideal") as chip:
        assert not chip.is_closed
    assert chip.is_closed and "closed" in repr(chip)
    for call in (
        lambda: chip.first_spikes(codes, times),
        lambda: chip.run(codes, times),
        lambda: chip.calibrate(),
    ):
        with pytest.raises(bss2_emu.ClosedError, match="the chip is closed"):
            call()
