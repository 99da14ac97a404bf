"""A real chip as a device of bss2_emu, through hxtorch. NOT TESTED ON HARDWARE.

It is written against the published interface of hxtorch (2026) and shows what a driver must do; on a machine with the
BrainScaleS-2 software and a chip it is a place to start from.

    device = HardwareDevice("calibration.pbin", dt=1e-7)
    substrate = bss2_emu.OnDevice(device, bss2_emu.Scaling(us_per_time=6.0, lsb_per_weight=30.0, threshold=2.6))
    net = bss2_emu.torch.TtfsNetwork([25, 120, 3], substrate)
"""

import numpy as np


class HardwareDevice:
    """First spikes of a feed-forward network, measured on silicon.

    `calibration`: a file that hxtorch's `load_calib` takes, for example one that calix made from the targets of `bss2 calib targets`.
    `dt`: seconds of a step of the dense tensors that hxtorch takes and gives.
    """

    def __init__(self, calibration, dt=1e-7):
        import hxtorch

        hxtorch.init_hardware()
        self.calibration = calibration
        self.dt = dt

    def first_spikes(self, weights, times_us, *, duration_us=180.0):
        """Codes of every layer `(n_sources, n_neurons)` and input times `(n_samples, n_inputs)`; first spikes in us of every layer."""
        import hxtorch.spiking as hxsnn
        import torch

        experiment = hxsnn.Experiment(mock=False, dt=self.dt)
        experiment.default_execution_instance.load_calib(self.calibration)
        steps = int(round(duration_us * 1e-6 / self.dt))
        handle = hxsnn.LIFObservables(spikes=torch.from_numpy(dense(times_us, steps, self.dt)))
        layers = []
        for codes in weights:
            # The weights are codes already.
            synapse = hxsnn.Synapse(*codes.shape, experiment, transform=lambda weight: weight)
            synapse.weight.data = torch.from_numpy(codes.T.astype(np.float32))
            handle = hxsnn.LIF(codes.shape[1], experiment)(synapse(handle))
            layers.append(handle)
        hxsnn.run(experiment, steps)
        return [first(layer.spikes.detach().numpy(), self.dt) for layer in layers]


def dense(times_us, steps, dt):
    """One spike per input as a tensor `(time, sample, input)`."""
    out = np.zeros((steps + 1, *times_us.shape), dtype=np.float32)
    sample, channel = np.nonzero(np.isfinite(times_us))
    step = np.minimum(np.round(times_us[sample, channel] * 1e-6 / dt).astype(int), steps)
    out[step, sample, channel] = 1.0
    return out


def first(spikes, dt):
    """Times in us of the first spikes of a tensor `(time, sample, neuron)`, inf for silence."""
    fired = spikes > 0
    times = fired.argmax(axis=0) * dt * 1e6
    return np.where(fired.any(axis=0), times, np.inf).astype(np.float64)
