#!/usr/bin/env python3
"""One network in PyTorch on one thread: images per second of CPU time, the best of eager,
channels last and (forward) traced and frozen.

Usage: peer_torch.py NAME BATCH forward|gradient|train SECONDS
"""
import json
import sys
import time

import torch

import make_networks


def rate(run, batch, seconds):
    run()
    rates = []
    for _ in range(5):
        start = now = time.process_time()
        runs = 0
        while now - start < seconds / 5 or not runs:
            run()
            runs += 1
            now = time.process_time()
        rates.append(runs * batch / (now - start))
    return sorted(rates)[2]


def forward(network, x):
    def run():
        with torch.no_grad():
            network(x)
    return run


def gradient(network, x):
    x = x.clone().requires_grad_(True)
    for p in network.parameters():
        p.requires_grad_(False)

    def run():
        x.grad = None
        network(x).logsumexp(1).sum().backward()
    return run


def train(network, x):
    network.train()
    labels = torch.zeros(x.shape[0], dtype=torch.long)
    step = torch.optim.SGD(network.parameters(), 1e-4, momentum=0.9)

    def run():
        step.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(network(x), labels).backward()
        step.step()
    return run


def frozen(network, x):
    traced = torch.jit.freeze(torch.jit.trace(network, x))
    return torch.jit.optimize_for_inference(traced)


def main(name, batch, mode, seconds):
    torch.set_num_threads(1)
    network, side = make_networks.networks()[name]
    network.eval()
    x = torch.randn(batch, 3, side, side)
    work = {"forward": forward, "gradient": gradient, "train": train}[mode]
    ways = {"eager": lambda: work(network, x)}
    if mode == "forward":
        ways["frozen"] = lambda: work(frozen(network, x), x)
    last = torch.channels_last
    ways["channels last"] = lambda: work(network.to(memory_format=last),
                                         x.to(memory_format=last))
    rates = {}
    for way, make in ways.items():
        try:
            rates[way] = rate(make(), batch, seconds / len(ways))
        except RuntimeError as error:
            print(f"{name} {way}: {error}", file=sys.stderr)
    best = max(rates, key=rates.get)
    print(json.dumps({"images_per_s": rates[best], "way": best,
                      "version": torch.__version__}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
