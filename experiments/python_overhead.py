"""What a call from Python costs beside the emulator's own time: batches of 200 on 256-246-10.

    python experiments/python_overhead.py [--repeats 60] [--batch 200]

Prints the emulator's own time of a batch (measured inside the extension, around the substrate of the training loop alone), what the
call costs beside it, and the share: medians over interleaved repeats. CPU time of the process is given too, for loaded machines.
"""

import argparse
import json
import statistics
import time

import numpy as np

import bss2_emu


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--batch", type=int, default=200)
    arguments = parser.parse_args()
    generator = np.random.default_rng(1)
    codes = [generator.integers(-20, 40, shape).astype(np.int8) for shape in [(256, 246), (246, 10)]]
    times = generator.uniform(0, 12, (arguments.batch, 256))
    chip = bss2_emu.Chip(1, preset="bss2-calibrated")
    chip.first_spikes(codes, times)
    inside, beside = [], []
    cpu = time.process_time()
    for _ in range(arguments.repeats):
        begun = time.perf_counter()
        chip.first_spikes(codes, times)
        wall = time.perf_counter() - begun
        inside.append(chip.last_run_s)
        beside.append(wall - chip.last_run_s)
    cpu = (time.process_time() - cpu) / arguments.repeats
    result = {
        "batch": arguments.batch,
        "threads": bss2_emu.threads(),
        "emulator_ms": 1e3 * statistics.median(inside),
        "emulator_ms_min": 1e3 * min(inside),
        "beside_ms": 1e3 * statistics.median(beside),
        "beside_ms_min": 1e3 * min(beside),
        "share": statistics.median(beside) / statistics.median(inside),
        "share_of_minima": min(beside) / min(inside),
        "cpu_ms": 1e3 * cpu,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
