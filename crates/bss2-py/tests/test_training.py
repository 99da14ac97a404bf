"""Trainings, inference and simulation: byte for byte what the program makes."""

import json
import signal
import threading
import time

import numpy as np
import pytest

import bss2_emu
from conftest import ROOT


@pytest.fixture(scope="module")
def run(tmp_path_factory, small):
    records = []
    out = tmp_path_factory.mktemp("runs") / "ours"
    run = bss2_emu.train(small, out=out, callback=records.append)
    return run, records


def contents(folder):
    """All files but the one with the times."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths if p.name != "timings.json"}


def test_the_program_writes_the_same_run(run, small, flags, program, tmp_path, capfd):
    program("train", *flags(bss2_emu._settings.nested(small)), "--out", tmp_path / "theirs")
    assert contents(run[0].path) == contents(tmp_path / "theirs")


def test_a_run_can_be_looked_at(run):
    run, records = run
    assert run.is_finished and records == run.metrics and [r["epoch"] for r in records] == [1, 2, 3]
    assert run.summary["epochs"] == 3 and run.network.sizes == [25, 30, 3]
    assert run.calibration["v_leak"].shape == (512,)
    assert bss2_emu.Run.open(run.path) == run


def test_nothing_is_printed(small, tmp_path, capfd):
    bss2_emu.train({**small, "training.epochs": 1}, out=tmp_path / "run")
    assert capfd.readouterr() == ("", "")
    bss2_emu.train({**small, "training.epochs": 1}, out=tmp_path / "again", progress=True)
    out, err = capfd.readouterr()
    assert out == "" and "epoch 1/1" in err


def test_inference_is_that_of_the_program(run, program, tmp_path):
    run, _ = run
    ours = bss2_emu.infer(run, times=tmp_path / "ours.npz")
    told = json.loads(program("infer", run.path, "--json", "--times", tmp_path / "theirs.npz"))
    for result in (ours.result, told):
        result.pop("timings")
    assert ours.result == told
    assert (tmp_path / "ours.npz").read_bytes() == (tmp_path / "theirs.npz").read_bytes()
    assert ours.accuracy == (ours.classes == ours.labels).mean()
    with np.load(tmp_path / "ours.npz") as arrays:
        assert (arrays["times_1"] == ours.times[1]).all()
    other = bss2_emu.infer(run.path / "network.npz", substrate="ideal")
    assert other.result["substrate"] == "the ideal substrate"
    assert bss2_emu.infer(run, chip=6).result["chip_seed"] == 6


def test_an_interrupted_training_goes_on(small, run, tmp_path):
    out = tmp_path / "run"

    def callback(record):
        if record["epoch"] == 2:
            signal.raise_signal(signal.SIGINT)
            # Signals reach Python on its main thread, which looks for them now and then.
            time.sleep(0.5)

    with pytest.raises(KeyboardInterrupt):
        bss2_emu.train(small, out=out, callback=callback)
    stopped = bss2_emu.Run.open(out)
    assert not stopped.is_finished and len(stopped.metrics) == 2
    assert bss2_emu.train(resume=out).is_finished
    assert contents(out) == contents(run[0].path)


def test_what_a_callback_raises_ends_the_training(small, tmp_path):
    class Enough(Exception):
        pass

    def callback(record):
        raise Enough

    with pytest.raises(Enough):
        bss2_emu.train(small, out=tmp_path / "run", callback=callback)
    assert (tmp_path / "run" / "checkpoint.bss2ckpt").is_file()


def test_ctrl_c_ends_a_calibration():
    timer = threading.Timer(1.0, signal.raise_signal, [signal.SIGINT])
    with bss2_emu.Chip(2) as chip:
        timer.start()
        begun = []
        with pytest.raises(KeyboardInterrupt):
            chip.calibrate(callback=lambda index, of, name: begun.append(index))
        assert len(begun) < 13 and not chip.is_closed


def test_networks_are_kept(run, tmp_path):
    network = run[0].network
    network.save(tmp_path / "again.npz")
    again = bss2_emu.Network.load(tmp_path / "again.npz")
    assert again.architecture == network.architecture
    assert all((a == b).all() for a, b in zip(again.weights, network.weights, strict=True))
    made = bss2_emu.Network.of_weights(network.weights, network.scaling)
    assert made.architecture == network.architecture
    made.save(tmp_path / "made.npz")
    assert (tmp_path / "made.npz").read_bytes() == (run[0].path / "network.npz").read_bytes()
    with pytest.raises(bss2_emu.ConfigError, match="sizes"):
        bss2_emu.Network.of_weights(network.weights[:1], network.scaling)


def test_a_simulation_is_that_of_the_program(program):
    path = ROOT / "experiments" / "simulate_example.json"
    experiment = json.loads(path.read_text())
    for engine in ("event",):
        assert bss2_emu.simulate(experiment, engine=engine) == json.loads(program("simulate", path, "--engine", engine))


def test_samples_are_those_of_the_data_set():
    times, labels = bss2_emu.samples({"data.train_size": 30})
    assert times.shape == (30, 25) and set(labels) <= {0, 1, 2}
    assert (times[:, :4] >= 0.15).all() and (times[:, :4] <= 2.0).all()
    assert (bss2_emu.samples({"data.train_size": 30}, "test")[0][:30] != times).any()


def test_a_configuration_is_resolved():
    config = bss2_emu.configuration({"training": {"epochs": 7}, "chip.seed": 9})
    assert config["training"]["epochs"] == 7 and config["chip"]["seed"] == 9
    assert config["network"]["hidden"] == [120]
