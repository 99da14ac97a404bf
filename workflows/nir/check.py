"""What `check.sh` runs: networks from the program to nir and from nir to the program, array by array.

    python check.py PROGRAM FOLDER        FOLDER/run is a run folder of the program
"""

import json
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import nir
import numpy as np

program, folder = sys.argv[1], Path(sys.argv[2])


def run(*arguments, **options):
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, **options)


def succeed(*arguments):
    result = run(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def weights(npz):
    with np.load(npz) as net:
        names = sorted(name for name in net.files if name.startswith("weights_"))
        return [net[name] for name in names], json.loads(bytes(net["architecture"]))


def from_program():
    """Ours, read by nir with its type checks."""
    succeed("network", "convert", folder / "run", folder / "ours.nir")
    assert nir.serialization.read_version(folder / "ours.nir") == nir.version == "1.0.8"
    graph = nir.read(folder / "ours.nir")
    expected, architecture = weights(folder / "run" / "network.npz")
    scaling = architecture["scaling"]
    kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
    assert kinds == {"input": "Input", "fc1": "Linear", "lif1": "CubaLIF", "fc2": "Linear", "lif2": "CubaLIF", "output": "Output"}, kinds
    assert list(map(tuple, graph.edges)) == [("input", "fc1"), ("fc1", "lif1"), ("lif1", "fc2"), ("fc2", "lif2"), ("lif2", "output")]
    for layer, matrix in enumerate(expected, start=1):
        linear, neurons = graph.nodes[f"fc{layer}"], graph.nodes[f"lif{layer}"]
        assert linear.weight.dtype == np.float64
        np.testing.assert_array_equal(linear.weight, matrix.T)
        n = matrix.shape[1]
        tau_syn = scaling["us_per_time"] / 1000
        for field, value in {"tau_syn": tau_syn, "w_in": tau_syn, "v_threshold": scaling["threshold"], "v_leak": 0, "v_reset": 0}.items():
            np.testing.assert_array_equal(getattr(neurons, field), np.full(n, value), err_msg=field)
        np.testing.assert_allclose(neurons.r, neurons.tau_mem / neurons.tau_syn, rtol=1e-15)
    assert graph.metadata["time_unit"] == "ms" and graph.metadata["spike"] == "delta", graph.metadata
    # nir's own copy of it is the same network.
    nir.write(folder / "copy.nir", graph)
    succeed("network", "convert", folder / "copy.nir", folder / "copy.npz")
    copied, same = weights(folder / "copy.npz")
    assert same == architecture
    for a, b in zip(expected, copied, strict=True):
        np.testing.assert_array_equal(a, b)


def from_nir():
    """Nir's, read by the program: weights in all precisions, w_in = tau_syn, so that charges are the weights."""
    rng = np.random.default_rng(1)
    for dtype in [np.float64, np.float32, np.float16]:
        sizes = [5, 7, 3]
        nodes, edges, last = {"input": nir.Input(np.array([5]))}, [], "input"
        matrices = []
        for layer, (n_in, n) in enumerate(zip(sizes, sizes[1:])):
            matrices.append(rng.normal(0, 1, (n, n_in)).astype(dtype))
            tau = np.full(n, 10.0)
            nodes[f"w{layer}"] = nir.Linear(matrices[-1])
            nodes[f"n{layer}"] = nir.CubaLIF(tau, tau, np.ones(n), np.zeros(n), np.full(n, 2.5), np.zeros(n), tau)
            edges += [(last, f"w{layer}"), (f"w{layer}", f"n{layer}")]
            last = f"n{layer}"
        nodes["output"] = nir.Output(np.array([3]))
        nir.write(folder / "theirs.nir", nir.NIRGraph(nodes, [*edges, (last, "output")]))
        succeed("network", "convert", folder / "theirs.nir", folder / "theirs.npz")
        found, architecture = weights(folder / "theirs.npz")
        assert architecture["sizes"] == sizes and architecture["scaling"]["threshold"] == 2.5
        assert architecture["scaling"]["us_per_time"] == 10.0 and architecture["scaling"]["tau_mem"] == 1.0
        for a, b in zip(matrices, found, strict=True):
            np.testing.assert_array_equal(a.T.astype(np.float64), b)


def bomb():
    """A chunk that unpacks to a gigabyte where twelve numbers are declared ends in an error within 2 s and 500 MB."""
    path = folder / "bomb.nir"
    with h5py.File(path, "w") as file:
        root = file.create_group("node")
        root["type"] = "NIRGraph"
        root.create_dataset("edges", data=[["fc", "fc"]], dtype=h5py.string_dtype())
        root["nodes/fc/type"] = "Linear"
        weight = root["nodes/fc"].create_dataset("weight", shape=(3, 4), dtype="f8", chunks=(3, 4), compression="gzip")
        pack = zlib.compressobj(9)
        megabyte = bytes(1 << 20)
        weight.id.write_direct_chunk((0, 0), b"".join(pack.compress(megabyte) for _ in range(1024)) + pack.flush())
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (500_000_000, 500_000_000))
    result = run("network", "show", path, preexec_fn=limit, timeout=2)
    assert result.returncode == 1 and "bomb.nir" in result.stderr and "panicked" not in result.stderr, result


from_program()
from_nir()
bomb()
print("nir 1.0.8: our networks read by it and its by us, the same arrays")
