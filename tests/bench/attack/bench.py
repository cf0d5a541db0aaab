#!/usr/bin/env python3
"""Our attacks and PyTorch's, in turn, one thread each: CPU seconds and their ratio.

Usage: bench.py BENCH_ATTACK SHARED [MODEL[:COUNT[:EPS]] ...]

BENCH_ATTACK is the program built from attack.c; EPS is in 1/255. Both sides start with the
clean pass and attack what is right; neither's preparation of the network, which its first
gradient needs, is timed. PyTorch runs PGD-20 as libraries do (all steps for all
samples); its APGD and AutoAttack let broken samples leave the batch, as ours do.
keep=strongest is our PGD without early exit: the same number of gradients. F and B are our
forwards and backwards a clean-correct sample; where they are a handful there is nothing
left to save, and the two differ by their engines and by our 8-bit verdict.
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


def pgd(network, x, y, eps, steps=20):
    alpha, start = 2.5 * eps / steps, x
    x = (x + eps * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
    for _ in range(steps):
        _, _, g = oracle.gradient(network, x, y, "ce", None)
        x = oracle.into(x + alpha * g.sign(), start, eps, "linf")
    with torch.no_grad():
        return network(x).argmax(1) == y


def autoattack(network, x, y, eps, right):
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
                          f"{shared}/data/cifar10-test.tar", "19", str(count), "1",
                          "fgsm-linf", attack],
                         capture_output=True, text=True, check=True).stdout.splitlines()[1]
    found = re.search(r"right +(\d+) .*cpu ([\d.]+) s +F ([\d.]+) B ([\d.]+)", out)
    return float(found[2]), int(found[1]), found[3], found[4]


def compare(bench, shared, name, count, k):
    network = oracle.Network(f"{shared}/data/models/cifar10_{name}.onnx", *golden.NORMS[name])
    x, y = golden.samples(f"{shared}/data/cifar10-test.tar", count)
    eps = k / 255
    oracle.gradient(network, x, y, "ce", None)

    def clean():
        with torch.no_grad():
            return network(x).argmax(1) == y

    def on_right(attack):
        return lambda: golden.narrowed(clean(), attack)

    plain = on_right(lambda i: pgd(network, x[i], y[i], eps))
    steps = f"eps={k:g}/255 steps=20 alpha={2.5 * eps / 20:.9g}"
    rows = [("PGD-20", f"pgd-linf {steps}", plain),
            ("PGD-20, no early exit", f"pgd-linf {steps} keep=strongest", plain),
            ("APGD-CE-100", f"apgd-ce-linf eps={k:g}/255",
             on_right(lambda i: oracle.apgd(network, x[i], y[i], eps, "linf", "ce"))),
            ("AutoAttack", f"autoattack-linf eps={k:g}/255",
             lambda: autoattack(network, x, y, eps, clean()))]
    for title, attack, peer in rows:
        mine, right, forwards, backwards = ours(bench, shared, name, count, attack)
        torch_s, torch_right = theirs(peer)
        print(f"{name:18} {k:g}/255 {title:22} ours {mine:8.3f} s right {right:3} F {forwards} "
              f"B {backwards}  torch {torch_s:8.3f} s right {torch_right:3}  ratio "
              f"{torch_s / mine:5.2f}", flush=True)


def main(bench, shared, *models):
    torch.set_num_threads(1)
    for model in models or ["resnet2b_advtrain:64:2", "resnet20_fp32:64:0.5",
                            "resnet20_fp32:64:8"]:
        name, count, k = (model.split(":") + ["64", "2"])[:3]
        compare(bench, shared, name, int(count), float(k))


if __name__ == "__main__":
    main(*sys.argv[1:])
