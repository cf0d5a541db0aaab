#!/usr/bin/env python3
"""Our attacks and PyTorch's, in turn, one thread each: CPU seconds and their ratio.

Usage: bench.py BENCH_ATTACK SHARED [MODEL[:COUNT] ...]

BENCH_ATTACK is the program built from attack.c. PyTorch runs PGD-20 as libraries do (all
steps for all samples); its APGD and AutoAttack let broken samples leave the batch, as ours
do. keep=strongest is our PGD without early exit: the same number of gradients.
"""
import pathlib
import re
import subprocess
import sys
import time

import torch

root = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(root / "scripts"))
import attack_oracles as oracle
import make_golden_attacks as golden

EPS = 2 / 255


def pgd(network, x, y, eps, steps=20):
    alpha, start = 2.5 * eps / steps, x
    x = (x + eps * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
    for _ in range(steps):
        _, _, g = oracle.gradient(network, x, y, "ce", None)
        x = oracle.into(x + alpha * g.sign(), start, eps, "linf")
    with torch.no_grad():
        return network(x).argmax(1) == y


def autoattack(network, x, y, eps):
    right = torch.ones(len(x), dtype=torch.bool)
    for attack in (lambda i: oracle.apgd(network, x[i], y[i], eps, "linf", "ce"),
                   lambda i: oracle.apgd_t(network, x[i], y[i], eps, "linf"),
                   lambda i: oracle.fab_t(network, x[i], y[i], "linf") > eps,
                   lambda i: oracle.square(network, x[i], y[i], eps, "linf")):
        right = golden.narrowed(right, attack)
    return right


def theirs(work):
    start = time.process_time()
    right = work()
    return time.process_time() - start, int(right.sum())


def ours(bench, shared, name, count, attack):
    out = subprocess.run([bench, f"{shared}/data/models/cifar10_{name}.onnx",
                          f"{shared}/data/cifar10-test.tar", "19", str(count), "1", attack],
                         capture_output=True, text=True, check=True).stdout
    return float(re.search(r"cpu ([\d.]+)", out)[1]), int(re.search(r"right +(\d+)", out)[1])


def main(bench, shared, *models):
    torch.set_num_threads(1)
    steps = f"steps=20 alpha={2.5 * EPS / 20:.9g}"
    for model in models or ["resnet20_fp32:64", "resnet2b_advtrain:64"]:
        name, _, count = model.partition(":")
        count = int(count or 64)
        network = oracle.Network(f"{shared}/data/models/cifar10_{name}.onnx",
                                 *golden.NORMS[name])
        x, y = golden.samples(f"{shared}/data/cifar10-test.tar", count)
        with torch.no_grad():
            keep = network(x).argmax(1) == y
        x, y = x[keep], y[keep]
        rows = [("PGD-20", f"pgd-linf eps=2/255 {steps}", lambda: pgd(network, x, y, EPS)),
                ("PGD-20, no early exit", f"pgd-linf eps=2/255 {steps} keep=strongest",
                 lambda: pgd(network, x, y, EPS)),
                ("APGD-CE-100", "apgd-ce-linf eps=2/255",
                 lambda: oracle.apgd(network, x, y, EPS, "linf", "ce")),
                ("AutoAttack", "autoattack-linf eps=2/255",
                 lambda: autoattack(network, x, y, EPS))]
        for title, attack, peer in rows:
            mine, right = ours(bench, shared, name, count, attack)
            torch_s, torch_right = theirs(peer)
            print(f"{name:20} {title:22} {len(x):3} samples  ours {mine:7.2f} s right "
                  f"{right:3}  torch {torch_s:7.2f} s right {torch_right:3}  ratio "
                  f"{torch_s / mine:5.2f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
