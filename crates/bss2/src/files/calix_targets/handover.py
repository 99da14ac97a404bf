#!/usr/bin/env python3
"""Calibrate a BrainScaleS-2 chip with calix to the targets in the file beside this script.

Needs calix and access to a chip; to see what would be handed over, without either:

    python3 THIS_SCRIPT --show

Written by `bss2 calib targets`. It was checked for syntax and for reading its file, not on hardware. calix moved its targets from
Python (quantities, arrays) to C++ (seconds, nested arrays) in 2026; both are tried.
"""

import csv
import json
import pathlib
import pickle
import sys

TARGETS = pathlib.Path(__file__).resolve().parent / "TARGETS_FILE"


def read(path):
    """All targets as a dictionary of lists and numbers; times in seconds."""
    if path.suffix == ".json":
        return json.loads(path.read_text())
    if path.suffix == ".npz":
        import numpy as np
        arrays = np.load(path)
        targets = {name: arrays[name].tolist() for name in arrays.files}
        for name in ("i_synin_gm", "synapse_dac_bias"):
            targets[name] = targets[name][0]
        return targets
    with path.open() as file:
        targets = json.loads(file.readline().partition("targets ")[2])
        rows = list(csv.DictReader(file))
    for name in ("layer", "index", "leak", "reset", "threshold", "membrane_capacitance"):
        targets[name] = [int(row[name]) for row in rows]
    for name in ("tau_mem", "refractory_time"):
        targets[name] = [float(row[name]) for row in rows]
    targets["tau_syn"] = [[float(row["tau_syn_exc"]), float(row["tau_syn_inh"])] for row in rows]
    return targets


def python_target(targets):
    """Targets of calix before 2026: arrays, times as quantities, the strength a plain number."""
    import numpy as np
    import quantities as pq
    from calix.spiking import SpikingCalibTarget
    from calix.spiking.neuron import NeuronCalibTarget
    return SpikingCalibTarget(neuron_target=NeuronCalibTarget(
        leak=np.array(targets["leak"]),
        reset=np.array(targets["reset"]),
        threshold=np.array(targets["threshold"]),
        tau_mem=np.array(targets["tau_mem"]) * 1e6 * pq.us,
        tau_syn=np.array(targets["tau_syn"]).T * 1e6 * pq.us,
        refractory_time=np.array(targets["refractory_time"]) * 1e6 * pq.us,
        membrane_capacitance=np.array(targets["membrane_capacitance"]),
        i_synin_gm=targets["i_synin_gm"],
        synapse_dac_bias=targets["synapse_dac_bias"],
    ))


def compiled_target(targets):
    """Targets of calix since 2026: fields in seconds that are filled after construction, in AtomicNeuron order."""
    from calix.spiking import SpikingCalibTarget
    target = SpikingCalibTarget()
    neurons = target.neuron_target
    for name in ("leak", "reset", "threshold", "tau_mem", "tau_syn", "refractory_time", "membrane_capacitance"):
        setattr(neurons, name, targets[name])
    synapses = type(neurons).CalibratedMatchingCubaSynapticInput()
    synapses.i_synin_gm = targets["i_synin_gm"]
    neurons.cuba_synin = synapses
    neurons.synapse_dac_bias = targets["synapse_dac_bias"]
    target.neuron_target = neurons
    return target


def main():
    targets = read(TARGETS)
    if "--show" in sys.argv[1:]:
        used = [n for n, layer in enumerate(targets["layer"]) if layer > 0]
        print(f"{len(used)} of {len(targets['leak'])} neurons are used")
        for name in ("leak", "reset", "threshold", "tau_mem", "tau_syn", "refractory_time"):
            print(f"{name}: {targets[name][used[0] if used else 0]}")
        print(f"i_synin_gm: {targets['i_synin_gm']}, synapse_dac_bias: {targets['synapse_dac_bias']}")
        return
    import calix
    import calix.spiking.neuron
    in_python = "i_synin_gm" in getattr(calix.spiking.neuron.NeuronCalibTarget, "__dataclass_fields__", {})
    target = python_target(targets) if in_python else compiled_target(targets)
    result = calix.calibrate(target)
    with TARGETS.with_name(TARGETS.stem + "_result.pkl").open("wb") as file:
        pickle.dump(result, file)


if __name__ == "__main__":
    main()
