#!/usr/bin/env python3
"""Build the network of this folder on a BrainScaleS-2 system with PyNN.brainscales2, and run one sample.

    python3 run_on_hardware.py                      # one sample, all features in the middle of their range
    python3 run_on_hardware.py 0.1 0.4 0.9 0.6      # a sample: features in 0..1
    python3 run_on_hardware.py --show               # what would be built; needs neither PyNN nor a chip

Written by `bss2 deploy export`. It was checked for syntax, for reading its files and for names of the published API, not on
hardware: it has never built this network on a chip. Calibrate first (targets_calix.py beside this script) and say where the result is:

    BSS2_CALIBRATION=calibration.pbin python3 run_on_hardware.py

PyNN places the neurons and rows itself; chip-1.npz and synapses.csv say where bss2 had them. Populations larger than the chip, and
neurons of several circuits, are for hxtorch: this script refuses them.
"""

import csv
import json
import os
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent


def read():
    """The deployment, its input channels, and the signed weight codes (sources, neurons) of each layer."""
    import numpy as np
    deployment = json.loads((FOLDER / "deployment.json").read_text())
    with (FOLDER / "inputs.csv").open() as file:
        channels = list(csv.DictReader(file))
    arrays = np.load(FOLDER / "weights.npz")
    codes = [arrays[f"codes_{layer}"].astype(int) for layer in range(len(deployment["layers"]))]
    return deployment, channels, codes


def input_times_us(deployment, channels, features):
    """Time of each channel's spike in microseconds; None: it does not spike."""
    encoding = deployment["encoding"]
    us = deployment["scaling"]["us_per_time"]
    bias = [] if encoding["bias"] == "none" else [None]
    block = len(features) + len(bias)
    times = []
    for channel in channels:
        if channel["kind"] != "feature":
            times.append(float(channel["time_us"]))
            continue
        value = features[int(channel["input"]) % block]
        if value == 1.0 and encoding["background"] == "silent":
            times.append(None)
        else:
            times.append(us * (encoding["t_early"] + value * (encoding["t_late"] - encoding["t_early"])))
    return times


def build(pynn, deployment, codes, times_us):
    """Populations of all layers, connected. PyNN counts milliseconds of hardware time."""
    if deployment["circuits_per_neuron"] > 1 or deployment["passes"] > 1:
        sys.exit(f"this network needs {deployment['circuits_per_neuron']} circuits for each neuron and {deployment['passes']} runs "
                 "of the chip: use hxtorch, which divides networks, with the codes in weights.npz")
    StaticSynapse = pynn.standardmodels.synapses.StaticSynapse
    sources = pynn.Population(len(times_us), pynn.cells.SpikeSourceArray(
        spike_times=[[] if time is None else [time * 1e-3] for time in times_us]))
    layers = []
    for signed in codes:
        # All other parameters are those of the calibration.
        neurons = pynn.Population(signed.shape[1], pynn.cells.HXNeuron())
        neurons.record(["spikes"])
        # A signed weight takes two rows; inhibitory weights are negative in PyNN.
        pynn.Projection(sources, neurons, pynn.AllToAllConnector(),
                        synapse_type=StaticSynapse(weight=signed.clip(min=0)), receptor_type="excitatory")
        pynn.Projection(sources, neurons, pynn.AllToAllConnector(),
                        synapse_type=StaticSynapse(weight=signed.clip(max=0)), receptor_type="inhibitory")
        layers.append(neurons)
        sources = neurons
    return layers


def main(arguments):
    deployment, channels, codes = read()
    block = deployment["trained_sizes"][0] // deployment["encoding"]["copies"]
    n_features = block - (deployment["encoding"]["bias"] != "none")
    show = "--show" in arguments
    features = [float(text) for text in arguments if text != "--show"] or [0.5] * n_features
    if len(features) != n_features:
        sys.exit(f"{len(features)} features; this network has {n_features}")
    times_us = input_times_us(deployment, channels, features)
    if show:
        spiking = sum(time is not None for time in times_us)
        print(f"{deployment['network']}: {len(times_us)} inputs, {spiking} spiking, layers {deployment['layers']}, "
              f"{sum(abs(c).sum() for c in codes)} weight codes in all")
        return
    import pynn_brainscales.brainscales2 as pynn
    from pynn_brainscales.brainscales2 import helper
    calibration = os.environ.get("BSS2_CALIBRATION")
    config = helper.chip_from_file(calibration) if calibration else helper.chip_from_nightly()
    pynn.setup(initial_config=config)
    layers = build(pynn, deployment, codes, times_us)
    pynn.run(deployment["scaling"]["slot_us"] * 1e-3)
    us = deployment["scaling"]["us_per_time"]
    trains = layers[-1].get_data("spikes").segments[0].spiketrains
    first = [min((float(t) * 1e3 for t in train), default=float("inf")) for train in trains]
    for neuron, time in enumerate(first):
        print(f"output {neuron}: {time / us:.3f} tau_syn ({time:.2f} us)")
    pynn.end()


if __name__ == "__main__":
    main(sys.argv[1:])
