#!/usr/bin/env python3
"""Training speed beside PyTorch, in turns on the same cores: images per second and per CPU
second, median of the rounds, and the ratio.

ResNet-20 (option-A shortcuts), batch 128, SGD with Nesterov momentum, flip and shift by 4,
on 32x32 pictures that both keep decoded in memory; `gauntlet train` reads them from DATA
(a tar or folder of JPEGs) and its first epoch, which decodes, is not counted. PyTorch runs
eagerly, with and without channels_last, and the better of both counts; its loader is a
gather, a flip and a shift of whole batches, cheaper than the usual one picture at a time.
The second line is adversarial training by PGD with 3 steps.
Packages: python3-torch python3-numpy.

Usage: train.py GAUNTLET DATA [--threads N] [--images N] [--rounds N]
"""
import argparse
import os
import re
import resource
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as F

BATCH, EPS = 128, 2 / 255


class Block(torch.nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.a = torch.nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.b = torch.nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.na, self.nb = torch.nn.BatchNorm2d(o), torch.nn.BatchNorm2d(o)
        self.stride, self.pad = stride, (o - i) // 2

    def forward(self, x):
        y = self.nb(self.b(F.relu(self.na(self.a(x)), inplace=True)))
        if self.stride > 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(y + x, inplace=True)


class ResNet20(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.norm = torch.nn.BatchNorm2d(16)
        widths = [16] * 4 + [32] * 3 + [64] * 3
        self.blocks = torch.nn.Sequential(*[
            Block(i, o, 1 if i == o else 2) for i, o in zip(widths, widths[1:])])
        self.head = torch.nn.Linear(64, 10)

    def forward(self, x):
        x = self.blocks(F.relu(self.norm(self.stem(x)), inplace=True))
        return self.head(x.mean((2, 3)))


def augment(x):
    n = len(x)
    flip = (torch.rand(n) < 0.5).view(-1, 1, 1, 1)
    x = torch.where(flip, x.flip(3), x)
    dy, dx = torch.randint(0, 9, (2,)).tolist()
    return F.pad(x, (4, 4, 4, 4), mode="reflect")[:, :, dy:dy + 32, dx:dx + 32]


def attack(net, x, y, steps):
    x0, x = x, (x + torch.empty_like(x).uniform_(-EPS, EPS)).clamp(0, 1)
    for _ in range(steps):
        x.requires_grad_(True)
        g, = torch.autograd.grad(F.cross_entropy(net((x - 0.5) / 0.25), y), x)
        x = (x.detach() + EPS / 2 * g.sign()).clamp(x0 - EPS, x0 + EPS).clamp(0, 1)
    return x.detach()


def peer(images, steps, last):
    """Images per second and per CPU second of one epoch."""
    torch.manual_seed(0)
    net = ResNet20().train()
    if last:
        net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, 0.9, weight_decay=5e-4, nesterov=True)
    pixels = torch.randint(0, 256, (images, 3, 32, 32), dtype=torch.uint8)
    labels, order = torch.randint(0, 10, (images,)), torch.randperm(images)
    for first in range(-BATCH, images - BATCH + 1, BATCH): # the first batch warms up
        if first == 0:
            wall, cpu = time.perf_counter(), time.process_time()
        chosen = order[max(first, 0):max(first, 0) + BATCH]
        x = augment(pixels[chosen].float().div_(255))
        if last:
            x = x.contiguous(memory_format=torch.channels_last)
        if steps:
            x = attack(net, x, labels[chosen], steps)
        optimizer.zero_grad()
        F.cross_entropy(net((x - 0.5) / 0.25), labels[chosen]).backward()
        optimizer.step()
    done = images // BATCH * BATCH
    return done / (time.perf_counter() - wall), done / (time.process_time() - cpu)


def ours(program, data, images, steps, threads):
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "speed.train.yaml")
        with open(config, "w") as file:
            file.write(f"architecture: resnet20\ndataset: {os.path.abspath(data)}\n"
                       f"output: net.onnx\nepochs: 2\nbatch: {BATCH}\nrate: 0.1\nside: 32\n"
                       f"limit: {images}\nflip: true\ncrop: 4\n")
            if steps:
                file.write(f"adversary: pgd\nsteps: {steps}\neps: {EPS}\nalpha: {EPS / 2}\n")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        text = subprocess.check_output([program, "train", config, "--quiet", "--threads",
                                        str(threads)], text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = [line.split() for line in text.splitlines() if re.match(r" +\d+ ", line)]
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 2
    return float(rows[-1][5]), images // BATCH * BATCH / cpu


def main():
    parse = argparse.ArgumentParser(usage=__doc__)
    parse.add_argument("program")
    parse.add_argument("data")
    parse.add_argument("--threads", type=int, default=os.cpu_count())
    parse.add_argument("--images", type=int, default=2560)
    parse.add_argument("--rounds", type=int, default=3)
    a = parse.parse_args()
    torch.set_num_threads(a.threads)
    print(f"ResNet-20, batch {BATCH}, {a.threads} threads, {a.images} images, "
          f"{a.rounds} rounds, torch {torch.__version__}")
    print(f"{'':12} {'gauntlet/s':>10} {'torch/s':>8} {'ratio':>6} {'gauntlet/cpu-s':>15}"
          f" {'torch/cpu-s':>12} {'ratio':>6}")
    for name, steps in (("plain", 0), ("pgd, 3 steps", 3)):
        images = a.images // (steps + 1) // BATCH * BATCH
        mine, theirs = [], []
        for _ in range(a.rounds):
            mine.append(ours(a.program, a.data, images, steps, a.threads))
            theirs.append(max(peer(images, steps, last) for last in (False, True)))
        m, t = ([statistics.median(v[k] for v in rows) for k in (0, 1)]
                for rows in (mine, theirs))
        print(f"{name:12} {m[0]:10.0f} {t[0]:8.0f} {m[0] / t[0]:6.2f} {m[1]:15.0f}"
              f" {t[1]:12.0f} {m[1] / t[1]:6.2f}", flush=True)


main()
