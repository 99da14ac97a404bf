"""Calibration: the same table as the program's, and what can be done with it."""

import numpy as np
import pytest

import bss2_emu


@pytest.fixture(scope="module")
def calibrated():
    chip = bss2_emu.Chip(2)
    steps = []
    # A callback may look at the chip.
    table = chip.calibrate(callback=lambda *step: steps.append((*step, repr(chip), chip.is_closed)))
    return chip, table, steps


def test_a_chip_is_calibrated_by_measurement(calibrated):
    chip, table, steps = calibrated
    assert table.chip == chip.identity and chip.calibration["v_leak"].tolist() == table["v_leak"].tolist()
    assert all(array.shape == (512,) for array in table.values())
    assert table["success"].dtype == bool and table["success"].mean() > 0.95
    assert table["v_threshold"].std() < table["v_threshold_uncalibrated"].std() / 3
    assert table["code_v_leak"].dtype == np.int16
    assert [step[0] for step in steps] == [*range(1, steps[0][1] + 1), 0] and not any(step[4] for step in steps)
    assert table.facts["targets"]["tau_mem_us"] == 6.0 and table.facts["measurements"] > 0
    with pytest.raises(ValueError):
        table["v_leak"][0] = 0


def test_the_program_makes_the_same_table(calibrated, tmp_path, program):
    program("calib", "run", "--chip", 2, "--out", tmp_path / "theirs.bss2cal")
    calibrated[1].save(tmp_path / "ours.bss2cal")
    assert (tmp_path / "ours.bss2cal").read_bytes() == (tmp_path / "theirs.bss2cal").read_bytes()


@pytest.mark.parametrize("extension", ["bss2cal", "json", "csv", "npz"])
def test_a_table_is_kept(calibrated, tmp_path, extension):
    chip, table, _ = calibrated
    path = tmp_path / f"table.{extension}"
    table.save(path)
    again = bss2_emu.Calibration.load(path)
    assert list(again) == list(table)
    assert all(np.array_equal(again[name], table[name], equal_nan=True) for name in table if table[name].dtype != bool)
    if extension == "npz":
        with np.load(path) as arrays:
            assert np.array_equal(arrays["tau_mem"], table["tau_mem"])


def test_a_table_sets_the_same_chip_and_no_other(calibrated):
    chip, table, _ = calibrated
    codes, times = np.full((5, 40), 60, dtype=np.int8), np.full((3, 5), 1.0)
    with bss2_emu.Chip(2) as same, bss2_emu.Chip(9) as other:
        with pytest.raises(bss2_emu.ChipError, match="not calibrated"):
            same.scaling(5, [40])
        same.apply(table)
        (ours,) = chip.first_spikes(codes, times, run=0)
        assert np.isfinite(ours).mean() > 0.9
        assert (same.first_spikes(codes, times, run=0)[0] == ours).all()
        assert same.scaling(5, [40]) == chip.scaling(5, [40])
        with pytest.raises(bss2_emu.ChipError, match="was measured on chip"):
            other.apply(table)
        other.apply(table, force=True)
        assert (other.first_spikes(codes, times, run=0)[0] != ours).any()


def test_a_chip_that_is_set_directly_takes_its_targets():
    with bss2_emu.Chip(1, preset="ideal") as chip:
        table = chip.calibrate({"tau_mem_us": 10.0, "tau_syn_exc_us": 5.0})
        assert (table["tau_mem"] == 10.0).all() and (table["tau_syn_exc"] == 5.0).all()
        assert (chip.calibrate("hxtorch")["v_threshold"] == 125.0).all()
        for target, text in [("hxtorck", "did you mean hxtorch"), ({"tau_mem_us": -1.0}, "tau_mem_us: -1")]:
            with pytest.raises(bss2_emu.Bss2Error, match=text):
                chip.calibrate(target)


def test_a_dataframe(calibrated):
    pandas = pytest.importorskip("pandas")
    frame = calibrated[1].to_dataframe()
    assert isinstance(frame, pandas.DataFrame) and frame.shape == (512, len(calibrated[1]))


def test_what_a_callback_raises_ends_the_calibration():
    class Enough(Exception):
        pass

    def callback(index, of, name):
        if index == 2:
            raise Enough

    with bss2_emu.Chip(2) as chip:
        with pytest.raises(Enough):
            chip.calibrate(callback=callback)
        assert not chip.is_closed and chip.calibration is None
