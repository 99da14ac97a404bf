"""The layers for PyTorch: gradients, rounding, devices that somebody else made."""

import numpy as np
import pytest

import bss2_emu

torch = pytest.importorskip("torch")

from bss2_emu.torch import Bumping, TtfsNetwork, classify, measured, spike_loss  # noqa: E402

#: A chip without anything that changes from run to run.
QUIET = {
    f"chip.noise.{key}": 0.0
    for key in (
        "threshold_trial_rel_std",
        "threshold_spike_rel_std",
        "leak_trial_rel_std",
        "threshold_run_rel_std",
        "spike_jitter_us_std",
    )
}


@pytest.fixture
def parts():
    """Weights and inputs of a 5-6-3 network in which everybody fires."""
    generator = torch.Generator().manual_seed(1)
    weights = [
        2.5 + torch.rand(5, 6, generator=generator, dtype=torch.float64),
        2.5 + torch.rand(6, 3, generator=generator, dtype=torch.float64),
    ]
    inputs = 0.2 + torch.rand(7, 5, generator=generator, dtype=torch.float64)
    return [w.requires_grad_() for w in weights], inputs.requires_grad_()


def test_gradients_are_the_differences(parts):
    weights, inputs = parts
    ideal = bss2_emu.Ideal()
    generator = torch.Generator().manual_seed(2)
    # Hidden spikes have errors of their own, too.
    factors = [torch.rand(7, n, generator=generator, dtype=torch.float64) for n in (6, 3)]

    def cost():
        layers = measured(ideal, inputs, weights, max_gradient=0.0)
        assert all(torch.isfinite(layer).all() for layer in layers)
        return sum((factor * layer).sum() for factor, layer in zip(factors, layers, strict=True))

    cost().backward()
    step = 1e-6
    for tensor in (*weights, inputs):
        gradient = tensor.grad.numpy()
        for at in np.ndindex(*tensor.shape):
            values = []
            for change in (step, -step):
                with torch.no_grad():
                    tensor[at] += change
                    values.append(cost().item())
                    tensor[at] -= change
            difference = (values[0] - values[1]) / (2 * step)
            assert gradient[at] == pytest.approx(difference, rel=1e-6, abs=1e-6)


def test_torch_agrees(parts):
    weights, inputs = parts
    ideal = bss2_emu.Ideal()
    assert torch.autograd.gradcheck(
        lambda inputs, *weights: measured(ideal, inputs, weights, max_gradient=0.0), (inputs, *weights), rtol=1e-6
    )


def test_the_gradient_on_a_chip_is_that_of_the_program(tmp_path):
    """One step of plain gradient descent, by the program and by torch."""
    chip = {"chip.preset": "bss2-calibrated", "chip.seed": 5, **QUIET}
    data = {"data.train_size": 40, "data.validation_size": 20, "data.test_size": 20}
    with bss2_emu.Chip(5, preset="bss2-calibrated", settings=QUIET) as device:
        scaling = device.scaling(25, [30, 3])
        net = TtfsNetwork([25, 30, 3], bss2_emu.OnDevice(device, scaling))
        net.network().save(tmp_path / "initial.npz")
        rate = 0.5
        training = {
            "training.epochs": 1,
            "training.batch_size": 40,
            "training.optimiser.kind": "sgd",
            "training.optimiser.learning_rate": rate,
            "training.optimiser.momentum": 0.0,
            "training.bump.max_missing": [1.0, 1.0],
            "network.hidden": [30],
            "from": str(tmp_path / "initial.npz"),
        }
        run = bss2_emu.train({**chip, **data, **training}, out=tmp_path / "run")
        inputs, labels = bss2_emu.samples(data)
        spikes = net(torch.from_numpy(inputs))
        losses = spike_loss(spikes[-1], torch.from_numpy(labels), alpha=0.1)
        losses.mean().backward()
    assert losses.mean().item() == pytest.approx(run.metrics[0]["train"]["loss"], rel=1e-12)
    largest = scaling.largest_weight
    for layer, after in zip(net.weights, run.network.weights, strict=True):
        before, gradient = layer.detach().numpy(), layer.grad.numpy()
        assert (gradient != 0).any()
        np.testing.assert_allclose(np.clip(before - rate * gradient, -largest, largest), after, rtol=0, atol=1e-14)


class Recorder:
    """Somebody's own device: the emulator behind it stands for their chip."""

    def __init__(self, chip):
        self.chip = chip
        self.calls = []

    def first_spikes(self, weights, times_us, *, duration_us):
        self.calls.append((weights, times_us, duration_us))
        return self.chip.first_spikes(weights, times_us, duration_us=duration_us, run=0)


def test_any_object_with_the_method_is_a_device():
    with bss2_emu.Chip(5, preset="bss2-calibrated") as chip:
        scaling = chip.scaling(8, [3])
        device = Recorder(chip)
        assert isinstance(device, bss2_emu.Device) and isinstance(chip, bss2_emu.Device)
        weights = [torch.full((8, 3), 1.5, dtype=torch.float64, requires_grad=True)]
        inputs = torch.full((2, 8), 0.5, dtype=torch.float64)
        (times,) = measured(bss2_emu.OnDevice(device, scaling, duration_us=90.0), inputs, weights)
        ((codes, times_us, duration_us),) = device.calls
        assert (codes[0] == 45).all() and (times_us == 3.0).all() and duration_us == 90.0
        assert (times.detach().numpy() * 6.0 == chip.first_spikes(codes, times_us, duration_us=90.0, run=0)[0]).all()
        times.sum().backward()
        assert (weights[0].grad < 0).all(), "larger weights make spikes earlier"


def test_what_a_device_returns_is_checked():
    class Broken:
        def __init__(self, answer):
            self.answer = answer

        def first_spikes(self, weights, times_us, *, duration_us):
            return self.answer

    scaling = bss2_emu.Scaling(6.0, 30.0, 2.6)
    for answer, text in [([], "0 layers"), ([np.ones((1, 3))], "shape"), ([np.full((2, 3), np.nan)], "nan")]:
        with pytest.raises(bss2_emu.ArrayError, match=text):
            bss2_emu.OnDevice(Broken(answer), scaling).first_spikes([np.ones((4, 3))], np.ones((2, 4)))


def test_rounding_is_straight_through_and_clipped_weights_have_no_gradient():
    scaling = bss2_emu.Scaling(6.0, 30.0, 2.6)
    ideal = bss2_emu.Ideal(scaling, rounding=True)
    inputs = torch.full((1, 6), 0.5, dtype=torch.float64)
    weights = torch.tensor([[1.001], [1.3], [5.0], [1.5], [1.5], [1.5]], dtype=torch.float64, requires_grad=True)
    (times,) = measured(ideal, inputs, [weights])
    times.sum().backward()
    gradient = weights.grad.clone()
    assert (gradient[:2] != 0).all() and gradient[2] == 0
    rounded = torch.tensor([[1.0], [1.3], [2.1], [1.5], [1.5], [1.5]], dtype=torch.float64, requires_grad=True)
    (same,) = measured(ideal, inputs, [rounded])
    same.sum().backward()
    assert same.item() == times.item()
    assert (rounded.grad[:2] == gradient[:2]).all() and rounded.grad[2] != 0


def test_silence_has_neither_time_nor_gradient():
    ideal = bss2_emu.Ideal()
    weights = torch.tensor([[0.1, 9.0]], dtype=torch.float64, requires_grad=True)
    (times,) = measured(ideal, torch.tensor([[0.5], [np.inf]], dtype=torch.float64), [weights])
    assert torch.isinf(times[0, 0]) and torch.isfinite(times[0, 1]) and torch.isinf(times[1]).all()
    assert classify(times).tolist() == [1, -1]
    losses = spike_loss(times, torch.tensor([1, 1]))
    assert losses[1] == 100.0
    losses.sum().backward()
    assert weights.grad[0, 0] == 0 and torch.isfinite(weights.grad).all()


def test_single_precision_tensors_are_measured_in_double():
    torch.manual_seed(1)
    net = TtfsNetwork([25, 20, 3], bss2_emu.Ideal(), dtype=torch.float32)
    inputs = torch.from_numpy(bss2_emu.samples({"data.train_size": 10})[0]).float()
    outputs = net(inputs)[-1]
    assert outputs.dtype == torch.float32
    spike_loss(outputs, torch.zeros(10, dtype=torch.int64)).mean().backward()
    assert net.weights[0].grad.dtype == torch.float32


def test_silent_neurons_come_back():
    torch.manual_seed(1)
    net = TtfsNetwork([25, 20, 3], bss2_emu.Ideal(), initial=[(-1.0, 0.1)])
    inputs = torch.from_numpy(bss2_emu.samples({"data.train_size": 10})[0])
    before = net.weights[0].detach().clone()
    bump = Bumping(value=0.5)
    assert bump(net, net(inputs)) == "with-step"
    assert torch.allclose(net.weights[0], before + 0.5)


def test_a_torch_network_is_a_network_of_the_program(tmp_path):
    torch.manual_seed(1)
    with bss2_emu.Chip(5, preset="bss2-calibrated") as chip:
        net = TtfsNetwork([25, 20, 3], bss2_emu.OnDevice(chip, chip.scaling(25, [20, 3])))
    net.network().save(tmp_path / "net.npz")
    answer = bss2_emu.infer(
        tmp_path / "net.npz", {"data.test_size": 50, "chip.preset": "bss2-calibrated"}, chip=5, substrate="ideal"
    )
    test, labels = bss2_emu.samples({"data.test_size": 50}, "test")
    ideal = bss2_emu.Ideal(net.substrate.scaling, rounding=True)
    times = ideal.first_spikes([w.detach().numpy() for w in net.weights], test)
    assert (answer.labels == labels).all() and (times[1] == answer.times[1]).all()
