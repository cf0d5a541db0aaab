#!/usr/bin/env python3
"""Writes tests/golden/system/resize.txt, digests of what the original libraries give where
we meet them exactly, and resize_near.txt, their very values where we are within one level.

Needs python3-pil, python3-opencv and python3-torch.
Usage: make_golden_resize.py
"""
import hashlib
import pathlib
import random

import numpy as np

from golden_picture import picture
from resize_oracles import available

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/system"
EDGES = [(37, 23, 37, 23), (64, 48, 32, 24), (66, 48, 22, 16), (20, 14, 40, 28), (1, 40, 7, 9),
         (40, 1, 9, 7), (31, 17, 1, 1), (1, 1, 5, 6), (50, 40, 50, 17), (50, 40, 19, 40),
         (600, 5, 599, 5), (3, 900, 2, 224), (128, 96, 32, 24), (100, 75, 93, 70), (9, 8, 8, 9)]
SMALL = [(37, 23, 11, 8), (7, 5, 12, 9), (64, 48, 12, 10), (12, 10, 12, 10), (1, 9, 4, 3),
         (200, 150, 9, 7), (13, 11, 12, 10), (5, 40, 10, 10)]


def exact_cases():
    draw = random.Random(20240601)
    yield from EDGES
    for _ in range(25):
        yield tuple(draw.randint(1, 90) for _ in range(4))


def lines(oracles, cases, text):
    for name, oracle in oracles.items():
        for i, (w0, h0, w, h) in enumerate(cases):
            out = np.ascontiguousarray(oracle.resize(picture(i, w0, h0), w, h))
            yield (f"{oracle.member} {i} {w0} {h0} {w} {h} {oracle.gap:g} {oracle.light} "
                   f"{text(out.tobytes())}")


def write(file, title, versions, body):
    with open(GOLDEN / file, "w") as out:
        print(f"# resizer seed  in-width in-height  width height  gap light  {title}", file=out)
        print("# made by", ", ".join(f"{k} {v}" for k, v in sorted(versions.items())), file=out)
        for line in body:
            print(line, file=out)


def main():
    oracles, versions = available()
    exact = {n: o for n, o in oracles.items() if not o.off and not o.slow}
    near = {n: o for n, o in oracles.items() if o.off}
    write("resize.txt", "sha256, first 16 digits", versions,
          lines(exact, list(exact_cases()), lambda b: hashlib.sha256(b).hexdigest()[:16]))
    write("resize_near.txt", "values in hexadecimal", versions,
          lines(near, SMALL, bytes.hex))


main()
