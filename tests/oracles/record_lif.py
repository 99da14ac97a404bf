"""Draws LIF networks, computes their spikes with NEST, and compares those with what `bss2 simulate` found.

Why: a check beyond the fixed networks of the test suite, on as many others as one likes. Neurons are NEST's
`iaf_psc_exp_ps` with C = 1, whose spike times are not bound to the grid. It looks for a crossing only at its grid
steps and at events, so it overlooks an excursion above the threshold that ends within one step: the resolution is fine
(1e-3) for that reason, and a spike that only `bss2` finds is to be recomputed with a finer one. A finer grid also adds
up more of NEST's rounding: times agree to 1e-9 at 1e-3, to 1e-10 at 1e-2. NEST demands delays and refractory times of
whole steps, at least one.

Run (seconds), in the environment of record_adex.py (NEST 3.10.0, NumPy 2.2.6):

    python record_lif.py cases.json [--seed 7] [--resolution 1e-3]   # draw, compute, write with the spikes
    bss2 simulate cases.json -o spikes.json
    python record_lif.py cases.json --compare spikes.json
    python record_lif.py cases.json --recompute                      # compare a file's own spikes with NEST's
"""

import argparse
import json
import sys

import numpy as np


def population(rng, name, size, t_refractory, v_leak=(0.0, 0.0), v_reset=(0.0, 0.0)):
    def per_neuron(low, high, digits=6):
        return rng.uniform(low, high, size).round(digits).tolist()

    return {"name": name, "size": size, "tau_mem": per_neuron(6, 16), "tau_syn_exc": per_neuron(2, 7),
            "tau_syn_inh": per_neuron(3, 9), "v_leak": per_neuron(*v_leak), "v_threshold": per_neuron(0.9, 1.1),
            "v_reset": per_neuron(*v_reset), "t_refractory": per_neuron(*t_refractory, 2)}


def connection(rng, pre, post, n_pre, n_post, delay, mean, spread, share=1.0):
    synapses = [[i, j, round(rng.normal(mean, spread), 6)] for i in range(n_pre) for j in range(n_post)
                if rng.random() < share]
    return {"from": pre, "to": post, "delay": delay, "synapses": synapses}


def draw(seed):
    """Layers, loops and coincidences; every kind of network with several sizes."""
    rng = np.random.default_rng(seed)
    cases = []

    def case(name, duration, inputs, populations, connections):
        cases.append({"name": f"{name}_{len(cases)}", "duration": duration, "input_spikes": inputs,
                      "populations": populations, "connections": connections})

    def spikes(n_channels, per_channel, end, digits=6):
        return [sorted(rng.uniform(0.5, end, per_channel).round(digits).tolist()) for _ in range(n_channels)]

    for size in (10, 30, 60):
        case("refiring_layer", 100.0, spikes(20, 4, 90), [population(rng, "out", size, (0.5, 3), v_reset=(-0.5, 0.3))],
             [connection(rng, "input", "out", 20, size, 0.01, 0.05, 0.15)])
    for size in (12, 40, 60):
        case("recurrent", 80.0, spikes(20, 3, 60), [population(rng, "net", size, (1, 5), v_reset=(-0.3, 0.2))],
             [connection(rng, "input", "net", 20, size, 0.01, 0.08, 0.12, 0.7),
              connection(rng, "net", "net", size, size, 0.7, 0.0, 0.1, 0.5)])
    for size in (8, 32, 48):
        case("excitatory_inhibitory", 120.0, spikes(15, 5, 100),
             [population(rng, "exc", size, (1, 3)), population(rng, "inh", size // 4, (0.5, 2), v_leak=(0.2, 0.5))],
             [connection(rng, "input", "exc", 15, size, 0.5, 0.12, 0.05, 0.6),
              connection(rng, "exc", "inh", size, size // 4, 1.0, 0.1, 0.02, 0.8),
              connection(rng, "inh", "exc", size // 4, size, 0.25, -0.15, 0.03, 0.8),
              connection(rng, "exc", "exc", size, size, 1.5, 0.02, 0.01, 0.3)])
    for size in (20, 50):
        # All channels at the same few times, twice over: single synapses and whole layers coincide.
        times = [5.0, 5.0, 12.34, 12.35, 30.0, 47.125]
        case("coincident", 70.0, [times] * 6,
             [population(rng, "hidden", size, (1, 1)), population(rng, "out", 5, (2, 2))],
             [connection(rng, "input", "hidden", 6, size, 1.0, 0.06, 0.08),
              connection(rng, "hidden", "out", size, 5, 0.5, 0.03, 0.1)])
    for size in (15, 45):
        # Equal neurons, equally driven, fire together and reach all others, and themselves, at one time.
        net = population(rng, "net", size, (2, 2))
        net |= {key: [net[key][0]] * size for key in net if isinstance(net[key], list)}
        inputs = [[c, j, 0.3] for c in range(3) for j in range(size)]
        weights = [round(0.3 / size if i < size * 0.8 else -0.5 / size, 6) for i in range(size)]
        loop = [[i, j, weights[i]] for i in range(size) for j in range(size)]
        case("synchronous_loop", 60.0, spikes(3, 12, 50), [net],
             [{"from": "input", "to": "net", "delay": 0.01, "synapses": inputs},
              {"from": "net", "to": "net", "delay": 1.3, "synapses": loop}])
    for size in (6, 25):
        case("leak_over_threshold_loop", 100.0, spikes(4, 10, 90),
             [population(rng, "net", size, (0.5, 4), v_leak=(1.2, 1.8))],
             [connection(rng, "input", "net", 4, size, 0.3, -0.05, 0.2),
              connection(rng, "net", "net", size, size, 2.0, -0.02, 0.05)])
    return cases


def by_nest(case, resolution):
    """Spikes of a case: population -> times per neuron."""
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.set(tics_per_ms=1_000_000, resolution=resolution)
    nodes = {"input": [nest.Create("spike_generator", params=dict(spike_times=sorted(times), precise_times=True))
                       for times in case["input_spikes"]]}
    recorders = {}
    for p in case["populations"]:
        columns = zip(p["tau_mem"], p["tau_syn_exc"], p["tau_syn_inh"], p["v_leak"], p["v_threshold"], p["v_reset"],
                      p["t_refractory"])
        nodes[p["name"]] = [nest.Create("iaf_psc_exp_ps", params=dict(
            C_m=1.0, tau_m=tau_mem, tau_syn_ex=exc, tau_syn_in=inh, E_L=v_leak, V_m=v_leak, V_th=v_threshold,
            V_reset=v_reset, t_ref=t_refractory))
            for tau_mem, exc, inh, v_leak, v_threshold, v_reset, t_refractory in columns]
        recorders[p["name"]] = [nest.Create("spike_recorder") for _ in nodes[p["name"]]]
        for node, recorder in zip(nodes[p["name"]], recorders[p["name"]]):
            nest.Connect(node, recorder)
    for c in case["connections"]:
        pre, post = (np.array([nodes[c[end]][s[k]].global_id for s in c["synapses"]])
                     for k, end in enumerate(("from", "to")))
        weights = np.array([float(s[2]) for s in c["synapses"]])
        nest.Connect(pre, post, "one_to_one", dict(weight=weights, delay=np.full(len(weights), float(c["delay"]))))
    nest.Simulate(case["duration"] + 1.0)
    return {name: [[t for t in sorted(r.events["times"].tolist()) if t <= case["duration"]] for r in rs]
            for name, rs in recorders.items()}


def compare(expected, found):
    """Prints, per case, the spikes and the largest difference of a time; returns whether none is missing or added."""
    complete = True
    for e, f in zip(expected, found, strict=True):
        assert e["name"] == f["name"] and list(e["spikes"]) == list(f["spikes"])
        n, largest, wrong = 0, 0.0, []
        for name in e["spikes"]:
            for j, (x, y) in enumerate(zip(e["spikes"][name], f["spikes"][name], strict=True)):
                n += len(x)
                if len(x) == len(y):
                    largest = max([largest, *(abs(a - b) for a, b in zip(x, y))])
                else:
                    k = next((k for k, (a, b) in enumerate(zip(x, y)) if abs(a - b) > 1e-6), min(len(x), len(y)))
                    wrong.append(f"{name}[{j}]: {len(x)} expected, {len(y)} found; then {x[k:k + 1]}, {y[k:k + 1]}")
        print(f"{e['name']:30} {n:6} spikes, largest difference {largest:.1e}", *wrong[:5], sep="\n    ")
        complete &= not wrong
    return complete


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cases")
    parser.add_argument("--compare", metavar="SPIKES")
    parser.add_argument("--recompute", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--resolution", type=float, default=1e-3)
    args = parser.parse_args()

    def read(path):
        with open(path) as file:
            return json.load(file)["cases"]

    if args.compare:
        sys.exit(not compare(read(args.cases), read(args.compare)))
    if args.recompute:
        cases = read(args.cases)
        sys.exit(not compare(cases, [{"name": c["name"], "spikes": by_nest(c, args.resolution)} for c in cases]))
    cases = [case | {"spikes": by_nest(case, args.resolution)} for case in draw(args.seed)]
    import nest

    source = f"NEST {nest.__version__} iaf_psc_exp_ps, resolution {args.resolution:g}, record_lif.py --seed {args.seed}"
    with open(args.cases, "w") as file:
        json.dump({"source": source, "cases": cases}, file)


if __name__ == "__main__":
    main()
