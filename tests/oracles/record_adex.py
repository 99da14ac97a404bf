"""Records `adex.json`: spike times of adaptive exponential (AdEx) neurons, computed by NEST.

Why: the integrator of `bss2 simulate` needs a reference that shares no code with it. Three neurons under a constant
current show the patterns of Naud et al. 2008 (Biol. Cybern. 99:335, table 1): tonic, adapting, regular bursting. Two
more are driven by synaptic currents instead. The format is that of `simulate` (docs/simulate.md), in units with C = 1:

    dV/dt = -(V - v_leak)/tau_mem + delta_t/tau_mem exp((V - v_exp)/delta_t) - w + i_offset + i_exc - i_inh
    dw/dt = (a_adapt (V - v_leak) - w) / tau_adapt            dI/dt = -I / tau_syn

What NEST's `aeif_psc_exp` does, and an integrator that is held against these times must do:
- Start: V = v_leak, w = 0, no synaptic currents. The exponential acts whether or not V is beyond v_exp.
- Spike: as soon as V >= v_threshold (NEST's V_peak). At that moment w -> w + b_adapt (from w at that moment) and
  V -> v_reset; nothing else changes.
- Refractory: V is held at v_reset for t_refractory. w goes on by the same equation with V = v_reset in it, and the
  synaptic currents go on. With t_refractory = 0, V goes on from v_reset at once.
- The right-hand sides use min(V, v_threshold): a guard for trial steps, without effect below the threshold.
- An event adds to its current at exactly the time spike + delay.

Accuracy: NEST integrates with embedded Runge-Kutta-Fehlberg steps inside each grid step and resets where V crosses,
but stamps the spike with the end of the grid step, and ends a refractory period only at such an end. So a stamp is late
by 0..h (half a step is taken off here), and each refractory period is too long by 0..h, which adds up. Runs with steps
h and 2h are compared, and the finer one with SciPy's DOP853 from discontinuity to discontinuity, written for this
check; the largest differences go to `adex_convergence.json`, where the second is the more telling. The synaptic weights
are such that a small shift grows at most about twofold on its way to a later spike. Brian2 is a second opinion on the
semantics (`--brian2`): it steps over the whole upstroke on its grid, is late by one or two steps per spike, and
converges linearly to the same times.

Run (four minutes on one core, six with `--brian2`, which needs a C++ compiler); it writes beside itself:

    python -m venv venv && venv/bin/pip install nest-simulator==3.10.0 numpy==2.2.6 scipy==1.17.1 brian2==2.9.0
    venv/bin/python record_adex.py [--brian2]
"""

import json
import sys
from pathlib import Path

import numpy as np
import scipy
from scipy.integrate import solve_ivp

DURATION = 500.0
STEP = 5e-6  # of the finer run
DELAY = 1.0
HERE = Path(__file__).parent
KEYS = ("tau_mem tau_syn_exc tau_syn_inh v_leak v_threshold v_reset t_refractory "
        "delta_t v_exp tau_adapt a_adapt b_adapt i_offset").split()


def neuron(c, g, v_leak, v_exp, delta_t, a, tau_adapt, b, v_reset, i, t_refractory=0.0, tau_syn=(5.0, 5.0)):
    """Parameters in units with C = 1, from pF, nS, mV, ms and pA."""
    return dict(tau_mem=c / g, tau_syn_exc=tau_syn[0], tau_syn_inh=tau_syn[1], v_leak=v_leak, v_threshold=0.0,
                v_reset=v_reset, t_refractory=t_refractory, delta_t=delta_t, v_exp=v_exp, tau_adapt=tau_adapt,
                a_adapt=a / c, b_adapt=b / c, i_offset=i / c)


def cases():
    """The cases without their spikes: name -> (neurons, input spikes, weights[channel][neuron])."""
    tonic = neuron(200, 10, -70.0, -50.0, 2.0, 2, 30.0, 0, -58.0, 500)
    adapting = neuron(200, 12, -70.0, -50.0, 2.0, 2, 300.0, 60, -58.0, 500, t_refractory=2.0)
    bursting = neuron(200, 10, -58.0, -50.0, 2.0, 2, 120.0, 100, -46.0, 210)
    driven = [neuron(200, 12, -70.0, -50.0, 2.0, 2, 300.0, 60, -58.0, 0, tau_syn=(5.0, 12.0)),
              neuron(200, 12, -70.0, -50.0, 2.0, 2, 300.0, 60, -58.0, 0, t_refractory=1.5, tau_syn=(9.0, 4.0))]
    # Even in the fifth digit: on the grids of both runs, and on no coarser one.
    rng = np.random.default_rng(20261123)
    slots = [(np.arange(n) + rng.uniform(0, 1, n)) * (DURATION - 10) / n for n in (42, 18)]
    inputs = [(np.round(times / 2e-5) * 2e-5).round(5).tolist() for times in slots]
    return {"tonic": ([tonic], [], []), "adapting": ([adapting], [], []), "regular_bursting": ([bursting], [], []),
            "adapting_synaptic": (driven, inputs, [[6.5, 4.6], [-1.25, -1.5]])}


def by_nest(step):
    """Spike times of all cases by NEST on a grid of `step`, half a step taken off."""
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.set(tics_per_ms=1_000_000, resolution=step)  # before any node: the default cannot resolve less than 1e-3
    recorders = {}
    for name, (neurons, inputs, weights) in cases().items():
        nodes = [nest.Create("aeif_psc_exp", params=dict(
            C_m=1.0, g_L=1 / p["tau_mem"], E_L=p["v_leak"], V_m=p["v_leak"], V_peak=p["v_threshold"],
            V_reset=p["v_reset"], t_ref=p["t_refractory"], Delta_T=p["delta_t"], V_th=p["v_exp"], a=p["a_adapt"],
            b=p["b_adapt"], tau_w=p["tau_adapt"], I_e=p["i_offset"], tau_syn_ex=p["tau_syn_exc"],
            tau_syn_in=p["tau_syn_inh"], gsl_error_tol=1e-10)) for p in neurons]
        for times, row in zip(inputs, weights):
            source = nest.Create("spike_generator", params=dict(spike_times=times))
            for node, weight in zip(nodes, row):
                nest.Connect(source, node, syn_spec=dict(weight=weight, delay=DELAY))
        recorders[name] = [nest.Create("spike_recorder") for _ in nodes]
        for node, recorder in zip(nodes, recorders[name]):
            nest.Connect(node, recorder, syn_spec=dict(delay=DELAY))  # a longer delay is a longer, cheaper slice
    nest.Simulate(DURATION)
    return {name: [np.sort(r.events["times"]) - step / 2 for r in rs] for name, rs in recorders.items()}


def by_scipy():
    """Spike times of all cases by DOP853 from one discontinuity to the next."""
    spikes = {}
    for name, (neurons, inputs, weights) in cases().items():
        spikes[name] = []
        for n, p in enumerate(neurons):
            events = sorted((t + DELAY, row[n]) for times, row in zip(inputs, weights) for t in times)
            spikes[name].append(np.array(one_neuron(p, events)))
    return spikes


def one_neuron(p, events):
    """Spike times; integrates over time, and over V in the upstroke, where V is steep in time."""
    upstroke = p["v_exp"] + 10 * p["delta_t"]

    def rates(v, w, i_exc, i_inh):
        dv = (p["v_leak"] - v + p["delta_t"] * np.exp((v - p["v_exp"]) / p["delta_t"])) / p["tau_mem"]
        dw = (p["a_adapt"] * (v - p["v_leak"]) - w) / p["tau_adapt"]
        return np.array([dv + p["i_offset"] - w + i_exc - i_inh, dw, -i_exc / p["tau_syn_exc"],
                         -i_inh / p["tau_syn_inh"]])

    def over_time(_, y):  # y = V, w, i_exc, i_inh
        return rates(min(y[0], p["v_threshold"]), *y[1:])

    def while_held(_, y):
        return rates(p["v_reset"], *y[1:]) * [0, 1, 1, 1]

    def over_v(v, y):  # y = t, w, i_exc, i_inh
        f = rates(v, *y[1:])
        return np.array([1.0, *f[1:]]) / f[0]

    def steep(_, y):
        return y[0] - upstroke

    def due(_, y):
        return y[0] - end

    steep.terminal = due.terminal = True
    t, y, free_at, spikes = 0.0, np.array([p["v_leak"], 0.0, 0.0, 0.0]), 0.0, []
    events = [e for e in events if e[0] < DURATION] + [(DURATION, 0.0)]
    while events:
        end = events[0][0]
        if t < free_at:
            end = min(end, free_at)
            y, t = solve(while_held, (t, end), y).y[:, -1].copy(), end
        elif y[0] < upstroke:
            run = solve(over_time, (t, end), y, steep)
            t, y = run.t[-1], run.y[:, -1].copy()
            if run.status == 1:
                y[0] = upstroke
        else:
            run = solve(over_v, (y[0], p["v_threshold"]), [t, *y[1:]], due)
            t, y = run.y[0, -1], np.array([run.t[-1], *run.y[1:, -1]])
            if run.status == 1:
                t = end
            else:
                spikes.append(t)
                y[0], y[1], free_at = p["v_reset"], y[1] + p["b_adapt"], t + p["t_refractory"]
        while events and events[0][0] <= t:
            weight = events.pop(0)[1]
            y[2 if weight > 0 else 3] += abs(weight)
    return spikes


def solve(rhs, span, y, event=None):
    run = solve_ivp(rhs, span, y, "DOP853", events=event, rtol=1e-12, atol=1e-12)
    if run.status < 0:
        raise RuntimeError(run.message)
    return run


def by_brian2(step):
    """Spike times of all cases by Brian2, compiled, on a grid of `step`, moved to the middle of their steps."""
    import brian2 as b

    b.set_device("cpp_standalone", build_on_run=False)
    b.device.reinit()
    b.device.activate(build_on_run=False)
    b.prefs.devices.cpp_standalone.extra_make_args_unix = ["-j1"]
    b.defaultclock.dt = step * b.second  # one time unit is Brian's second
    network, monitors = b.Network(), {}
    for name, (neurons, inputs, weights) in cases().items():
        group = b.NeuronGroup(len(neurons), """
            u = clip(v, -inf, v_threshold) : 1
            dv/dt = ((v_leak - u + delta_t * exp((u - v_exp) / delta_t)) / tau_mem
                     + i_offset - w + i_exc - i_inh) / second : 1 (unless refractory)
            dw/dt = (a_adapt * (u - v_leak) - w) / tau_adapt / second : 1
            di_exc/dt = -i_exc / tau_syn_exc / second : 1
            di_inh/dt = -i_inh / tau_syn_inh / second : 1
            """ + "\n".join(f"{key} : 1 (constant)" for key in KEYS),
            threshold="v >= v_threshold", reset="v = v_reset; w += b_adapt",
            refractory="t_refractory * second", method="rk2")
        for key in KEYS:
            setattr(group, key, np.array([p[key] for p in neurons]))
        group.v = np.array([p["v_leak"] for p in neurons])
        monitors[name] = b.SpikeMonitor(group)
        network.add(group, monitors[name])
        for times, row in zip(inputs, weights):
            source = b.SpikeGeneratorGroup(1, np.zeros(len(times), int), np.array(times) * b.second)
            synapses = b.Synapses(source, group, "weight : 1",
                                  on_pre="i_exc += clip(weight, 0, inf); i_inh += clip(-weight, 0, inf)",
                                  delay=DELAY * b.second)
            synapses.connect()
            synapses.weight = np.array(row)
            network.add(source, synapses)
    network.run(DURATION * b.second)
    b.device.build(directory=None, run=True)
    return {name: [np.sort(m.t[m.i == n] / b.second) + step / 2 for n in range(len(cases()[name][0]))]
            for name, m in monitors.items()}


def differences(one, other):
    """Per case the largest difference of a spike time, or None where the numbers of spikes differ."""
    return {name: max(float(np.abs(x - y).max()) for x, y in zip(one[name], other[name]))
            if [len(x) for x in one[name]] == [len(y) for y in other[name]] else None for name in one}


def record(spikes, source, path):
    """Writes the cases with their spikes, one case a line."""
    written = []
    for name, (neurons, inputs, weights) in cases().items():
        population = {"name": "net", "size": len(neurons)} | {key: [p[key] for p in neurons] for key in KEYS}
        synapses = [[c, n, w] for c, row in enumerate(weights) for n, w in enumerate(row)]
        connections = [{"from": "input", "to": "net", "delay": DELAY, "synapses": synapses}] if synapses else []
        written.append({"name": name, "duration": DURATION, "input_spikes": inputs, "populations": [population],
                        "connections": connections, "spikes": {"net": [x.round(9).tolist() for x in spikes[name]]}})
    lines = ",\n".join(json.dumps(case) for case in written)
    path.write_text(f'{{"source": {json.dumps(source)}, "cases": [\n{lines}\n]}}\n')


def main():
    fine, coarse, check = by_nest(STEP), by_nest(2 * STEP), by_scipy()
    import nest

    versions = f"NEST {nest.__version__} aeif_psc_exp"
    report = {"step": STEP, f"{versions}, step against twice the step": differences(fine, coarse),
              f"{versions} against DOP853 of SciPy {scipy.__version__}": differences(fine, check)}
    if "--brian2" in sys.argv:
        import brian2

        brian = {step: by_brian2(step) for step in (4e-5, 2e-5)}
        for step, spikes in brian.items():
            report[f"Brian2 {brian2.__version__} (rk2, step {step:g}) against DOP853"] = differences(spikes, check)
    report["intervals"] = {name: [np.diff(x).round(3).tolist() for x in fine[name]] for name in fine}
    record(fine, f"{versions}, resolution {STEP:g}, by record_adex.py", HERE / "adex.json")
    text = json.dumps(report, indent=1)
    print(text)
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in report.items())
    (HERE / "adex_convergence.json").write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
