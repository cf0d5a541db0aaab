#!/usr/bin/env python3
"""Robust samples of shared networks under our PyTorch twin of AutoAttack.

Usage: make_golden_attacks.py SHARED OUT.json MODEL[:COUNT[:NORM[:EPS]]] ...

OUT.json gains one row for each (model, norm, eps, stage): a string with one letter per
sample, "1" where the network is still right after this stage and all before it. Samples are
every 19th of cifar10-test.tar in name order, so that all classes occur.
Rows that are there already are kept, so an interrupted run goes on.

FAB-T searches distances, not radii: a sample's is kept for all radii of a norm. Radii fall,
for time grows with the survivors.
"""
import io
import json
import math
import pathlib
import sys
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
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.data = json.loads(self.path.read_text()) if self.path.exists() else {
            "versions": {"torch": torch.__version__, "numpy": np.__version__,
                         "onnx": onnx.__version__, "pillow": PIL.__version__,
                         "oracle": "scripts/attack_oracles.py, from the papers; not the "
                                   "authors' package"},
            "rows": []}

    def stage(self, key, compute):
        """The flags of a stage: from the file, or computed and written there."""
        for row in self.data["rows"]:
            if row[:5] == list(key):
                return torch.tensor([c == "1" for c in row[5]])
        start = time.process_time()
        flags = compute()
        seconds = round(time.process_time() - start, 1)
        self.data["rows"].append([*key, "".join("01"[int(f)] for f in flags), seconds])
        rows = ",\n".join(json.dumps(r) for r in self.data["rows"])
        self.path.write_text('{"versions": ' + json.dumps(self.data["versions"]) +
                             ',\n"rows": [\n' + rows + '\n]}\n')
        print(*key, int(sum(flags)), "of", len(flags), f"{seconds} s", flush=True)
        return flags


def narrowed(right, attack):
    """Runs an attack on the samples still right."""
    right = right.clone()
    left = right.nonzero().flatten()
    if len(left):
        right[left] = attack(left)
    return right


def evaluate(golden, shared, name, count, norms, epsilons):
    network = oracle.Network(f"{shared}/data/models/cifar10_{name}.onnx", *NORMS[name])
    x, y = samples(f"{shared}/data/cifar10-test.tar", count)
    with torch.no_grad():
        clean = golden.stage((name, "none", "0", count, "clean"),
                             lambda: network(x).argmax(1) == y)
    robust = "advtrain" in name
    for norm, radii in (ROBUST if robust else RADII).items():
        distance = torch.full((len(x),), math.nan)
        for text, eps in radii:
            if norm not in norms or text not in (epsilons or [text]):
                continue

            def key(stage):
                return (name, norm, text, count, stage)
            right = golden.stage(key("apgd-ce"), lambda: narrowed(
                clean, lambda i: oracle.apgd(network, x[i], y[i], eps, norm, "ce")))
            right = golden.stage(key("apgd-t"), lambda: narrowed(
                right, lambda i: oracle.apgd_t(network, x[i], y[i], eps, norm)))

            def fab(i):
                new = i[torch.isnan(distance[i])]
                if len(new):
                    distance[new] = oracle.fab_t(network, x[new], y[new], norm)
                return distance[i] > eps
            right = golden.stage(key("fab-t"), lambda: narrowed(right, fab))
            golden.stage(key("square"), lambda: narrowed(
                right, lambda i: oracle.square(network, x[i], y[i], eps, norm)))


def main(shared, out, *models):
    torch.set_num_threads(1)
    golden = Golden(out)
    for model in models:
        name, count, norm, eps = (model.split(":") + [""] * 3)[:4]
        evaluate(golden, shared, name, int(count or 256), [norm] if norm else list(RADII),
                 [eps] if eps else [])


if __name__ == "__main__":
    main(*sys.argv[1:])
