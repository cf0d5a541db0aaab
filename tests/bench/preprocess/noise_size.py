#!/usr/bin/python3
"""How far each decoder and resizer moves the pixels of the ImageNet sample: mean and largest
difference per value and share of pixels touched, against turbo and pillow-bilinear; decoders
also by chroma sampling, as most of them differ in 4:2:0 files only.

Usage, from the source tree:  tests/bench/preprocess/noise_size.py BUILD [EVERY]
"""
import collections
import pathlib
import re
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/system"))

import numpy as np

from ours import Ours


def members(family):
    text = (ROOT / "noises/system/meson.build").read_text()
    return re.findall(r"'([a-z0-9-]+)'", re.search(family + r" = \[(.*?)\]", text, re.S)[1])


def sampling(data):
    """Factors of luma, or "grey"."""
    at = 2
    while at + 9 < len(data):
        marker, length = data[at + 1], int.from_bytes(data[at + 2:at + 4], "big")
        if marker in (0xC0, 0xC1, 0xC2):
            across, down = data[at + 11] >> 4, data[at + 11] & 15
            return "grey" if data[at + 9] == 1 else f"{across}x{down}"
        at += 2 + length
    return "?"


def pictures(every):
    with tarfile.open(ROOT.parent / "shared/data/imagenet-sample.tar") as tar:
        for member in [m for m in tar.getmembers() if m.isfile()][::every]:
            yield tar.extractfile(member).read()


def difference(a, b):
    d = np.abs(a.astype(int) - b)
    return d.mean(), d.max(), (d.max(2) > 0).mean() * 100


def row(name, seen):
    text = "".join(f"   {group:>5} {len(v):4}: {np.mean([x[0] for x in v]):6.3f} "
                   f"{max(x[1] for x in v):3} {np.mean([x[2] for x in v]):5.1f}%"
                   for group, v in sorted(seen.items()))
    print(f"{name:22}{text}")


def main():
    ours = Ours(pathlib.Path(sys.argv[1]) / "tests/system/serve")
    files = list(pictures(int(sys.argv[2]) if len(sys.argv) > 2 else 10))
    print("group, pictures: mean, largest, pixels touched")
    for name in members("decoders")[1:]:
        seen = collections.defaultdict(list)
        for data in files:
            seen[sampling(data)].append(difference(ours.decode(name, data),
                                                   ours.decode("turbo", data)))
        row(name, seen)
    for name in members("resizers"):
        seen = []
        for data in files:
            seen.append(difference(ours.prepare("turbo", name, 256, 224, data),
                                   ours.prepare("turbo", "pillow-bilinear", 256, 224, data)))
        row(name, {"all": seen})


main()
