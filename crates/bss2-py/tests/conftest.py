"""What tests share: the program, small networks, chips that need no calibration."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bss2_emu

ROOT = Path(__file__).resolve().parents[3]


def pytest_addoption(parser):
    parser.addoption("--program", help="the program bss2 that results must equal (default: the one that the package installs)")


@pytest.fixture(scope="session")
def program(request):
    """Runs the program."""
    path = request.config.getoption("--program") or str(Path(sys.executable).parent / "bss2")

    def run(*arguments, **options):
        command = [path, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, check=False, **options)
        assert done.returncode == 0, (command, done.stderr.decode())
        return done.stdout

    return run


@pytest.fixture
def chip():
    """A chip with mismatch and noise that is set directly."""
    with bss2_emu.Chip(3, preset="bss2-calibrated") as chip:
        yield chip


@pytest.fixture
def net():
    """Codes of a 20-16-3 network, and inputs in us, one of them silent."""
    generator = np.random.default_rng(1)
    codes = [generator.integers(-10, 64, shape).astype(np.int8) for shape in [(20, 16), (16, 3)]]
    times = generator.uniform(0, 12, (20, 20))
    times[3, 2] = np.inf
    return codes, times


@pytest.fixture(scope="session")
def small():
    """Settings of a training that takes seconds."""
    return {
        "data": {"train_size": 200, "validation_size": 50, "test_size": 60},
        "network.hidden": [30],
        "training": {"epochs": 3, "batch_size": 40},
        "chip": {"preset": "bss2-calibrated", "seed": 5},
    }


@pytest.fixture(scope="session")
def flags():
    """Settings as flags of the program."""

    def of(settings):
        out = []

        def add(prefix, table):
            for key, value in table.items():
                if isinstance(value, dict):
                    add(f"{prefix}{key}.", value)
                else:
                    out.extend(["--set", f"{prefix}{key}={value}"])

        add("", settings)
        return out

    return of
