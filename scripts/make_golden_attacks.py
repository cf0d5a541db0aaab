#!/usr/bin/env python3
"""Robust samples of shared networks under our PyTorch twin of AutoAttack.

Usage: make_golden_attacks.py [--device cuda] [--alone MEMBER:SEED] SHARED OUT.json
                              MODEL[:COUNT[:NORM[:EPS]]] ...

OUT.json gains one row for each (model, norm, eps, stage): a string with one letter per
sample, "1" where the network is still right after this stage and all before it. With
--alone a row has the samples that one member alone leaves, from that seed, its stage being
"alone MEMBER"; apgd-ce* climbs the cross-entropy over the wrong classes, as ours does.
Samples are every 19th of cifar10-test.tar in name order, so that all classes occur. A row's
last columns are the seconds, the seed and the PyTorch it ran on.

Rows that are there already are kept, so an interrupted run goes on, and several processes
may add to one file.

FAB-T searches distances, not radii: a sample's is kept for all radii of a norm. Radii fall,
for time grows with the survivors.
"""
import argparse
import fcntl
import io
import json
import math
import pathlib
import tarfile
import time

import numpy as np
import onnx
import PIL
import torch
from PIL import Image

import attack_oracles as oracle

RADII = {"linf": [("8/255", 8 / 255), ("2/255", 2 / 255), ("1/255", 1 / 255),
                  ("0.5/255", 0.5 / 255), ("0.25/255", 0.25 / 255)],
         "l2": [("0.25", 0.25), ("0.1", 0.1), ("0.05", 0.05)]}
IMAGENET = ([.485, .456, .406], [.229, .224, .225])
CIFAR = ([.4914, .4822, .4465], [.2471, .2435, .2616])
NORMS = {"resnet20_fp32": IMAGENET, "resnet56_fp32": IMAGENET,
         "resnet2b_advtrain": CIFAR, "resnet4b_advtrain": CIFAR}
ROBUST = {"linf": RADII["linf"][:2], "l2": RADII["l2"][:1]}


def samples(tar, count):
    with tarfile.open(tar) as archive:
        members = sorted((m for m in archive if m.isfile()), key=lambda m: m.name)
        classes = sorted({m.name.split("/")[1] for m in members})
        chosen = [members[19 * i] for i in range(count)]
        pixels = [np.array(Image.open(io.BytesIO(archive.extractfile(m).read()))
                           .convert("RGB")) for m in chosen]
        labels = [classes.index(m.name.split("/")[1]) for m in chosen]
    x = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255
    return x.contiguous(), torch.tensor(labels)


class Golden:
    """The file of rows, locked while it is read and written anew."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.lock = open(self.path.with_suffix(".lock"), "w")

    def read(self):
        if self.path.exists():
            return json.loads(self.path.read_text())
        return {"versions": {"torch": torch.__version__, "numpy": np.__version__,
                             "onnx": onnx.__version__, "pillow": PIL.__version__,
                             "oracle": "scripts/attack_oracles.py, from the papers; not "
                                       "the authors' package"},
                "rows": []}

    def add(self, row):
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        data = self.read()
        data["rows"].append(row)
        rows = ",\n".join(json.dumps(r) for r in data["rows"])
        self.path.write_text('{"versions": ' + json.dumps(data["versions"]) +
                             ',\n"rows": [\n' + rows + '\n]}\n')
        fcntl.flock(self.lock, fcntl.LOCK_UN)

    def stage(self, key, compute, seed=0):
        """The flags of a stage: from the file, or computed and written there."""
        fcntl.flock(self.lock, fcntl.LOCK_SH)
        rows = self.read()["rows"]
        fcntl.flock(self.lock, fcntl.LOCK_UN)
        for row in rows:
            if row[:5] == list(key) and (row[7:8] or [0]) == [seed]:
                return torch.tensor([c == "1" for c in row[5]])
        start = time.process_time()
        flags = compute()
        seconds = round(time.process_time() - start, 1)
        self.add([*key, "".join("01"[int(f)] for f in flags), seconds, seed,
                  torch.__version__])
        print(*key, "seed", seed, int(sum(flags)), "of", len(flags), f"{seconds} s",
              flush=True)
        return flags


def narrowed(right, attack):
    """Runs an attack on the samples still right."""
    right = right.clone()
    left = right.nonzero().flatten()
    if len(left):
        right[left] = attack(left)
    return right


class Victim:
    def __init__(self, golden, shared, name, count, device):
        self.golden, self.name, self.count = golden, name, count
        self.network = oracle.Network(f"{shared}/data/models/cifar10_{name}.onnx",
                                      *NORMS[name], device=device)
        self.x, self.y = samples(f"{shared}/data/cifar10-test.tar", count)
        with torch.no_grad():
            self.clean = golden.stage((name, "none", "0", count, "clean"),
                                      lambda: self.network(self.x).argmax(1) == self.y)
        self.distance = {norm: torch.full((count,), math.nan) for norm in RADII}

    def member(self, stage, norm, eps, seed):
        """An attack on some samples: indices to flags."""
        network, x, y = self.network, self.x, self.y
        if stage in ("apgd-ce", "apgd-ce*"):
            return lambda i: oracle.apgd(network, x[i], y[i], eps, norm, stage[5:], seed=seed)
        if stage == "apgd-t":
            return lambda i: oracle.apgd_t(network, x[i], y[i], eps, norm, seed=seed)
        if stage == "square":
            return lambda i: oracle.square(network, x[i], y[i], eps, norm, seed=seed)

        def fab(i):
            known = self.distance[norm]
            new = i[torch.isnan(known[i])]
            if len(new):
                known[new] = oracle.fab_t(network, x[new], y[new], norm)
            return known[i] > eps
        return fab

    def ensemble(self, norm, text, eps):
        right = self.clean
        for stage in ("apgd-ce", "apgd-t", "fab-t", "square"):
            right = self.golden.stage((self.name, norm, text, self.count, stage),
                                      lambda: narrowed(right, self.member(stage, norm, eps, 0)))

    def alone(self, norm, text, eps, stage, seed):
        self.golden.stage((self.name, norm, text, self.count, "alone " + stage),
                          lambda: narrowed(self.clean, self.member(stage, norm, eps, seed)),
                          seed)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--alone")
    parser.add_argument("shared")
    parser.add_argument("out")
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False
    golden = Golden(arguments.out)
    for model in arguments.models:
        name, count, norm, eps = (model.split(":") + [""] * 3)[:4]
        victim = Victim(golden, arguments.shared, name, int(count or 256), arguments.device)
        for norm, text, radius in [
                (n, *r) for n, radii in (ROBUST if "advtrain" in name else RADII).items()
                for r in radii if norm in ("", n) and eps in ("", r[0])]:
            if arguments.alone:
                stage, seed = arguments.alone.split(":")
                victim.alone(norm, text, radius, stage, int(seed))
            else:
                victim.ensemble(norm, text, radius)


if __name__ == "__main__":
    main()
