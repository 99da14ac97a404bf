"""Yin-Yang on an emulated chip, trained by PyTorch's own Adam: the recipe of `bss2 train`, as a loop of one's own.

    python yin_yang_torch.py [--epochs 100] [--chip 1] [--preset bss2]
"""

import argparse

import torch

import bss2_emu
from bss2_emu.torch import Bumping, TtfsNetwork, classify, spike_loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--chip", type=int, default=1)
    parser.add_argument("--preset", default="bss2")
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    chip = bss2_emu.Chip(arguments.chip, preset=arguments.preset)
    chip.calibrate()
    sizes = [25, 120, 3]
    net = TtfsNetwork(sizes, bss2_emu.OnDevice(chip, chip.scaling(sizes[0], sizes[1:])))
    bump = Bumping()
    adam = torch.optim.Adam(net.parameters(), lr=0.012)
    schedule = torch.optim.lr_scheduler.StepLR(adam, step_size=10, gamma=0.7)

    def part(name):
        times, labels = bss2_emu.samples(split=name)
        return torch.from_numpy(times), torch.from_numpy(labels)

    def accuracy(times, labels):
        with torch.no_grad():
            chosen = torch.cat([classify(net(batch)[-1]) for batch in times.split(200)])
        return (chosen == labels).double().mean().item()

    (times, labels), validation, test = part("train"), part("validation"), part("test")
    for epoch in range(1, arguments.epochs + 1):
        for chosen in torch.randperm(len(labels)).split(40):
            spikes = net(times[chosen])
            adam.zero_grad()
            spike_loss(spikes[-1], labels[chosen], alpha=0.1).mean().backward()
            if bump(net, spikes) != "instead-of-step":
                adam.step()
            net.clip_()
        schedule.step()
        print(f"epoch {epoch}/{arguments.epochs}: validation {100 * accuracy(*validation):.2f} %", flush=True)
    print(f"test {100 * accuracy(*test):.2f} % on chip {chip.identity}")


if __name__ == "__main__":
    main()
