#!/usr/bin/env python3
"""Writes tests/golden/system/resize.txt: digests of what the original libraries give.

Needs python3-pil and python3-opencv (scripts/setup --test).
Usage: make_golden_resize.py > tests/golden/system/resize.txt
"""
import hashlib
import random

import numpy as np

from golden_picture import picture
from resize_oracles import available

EDGES = [(37, 23, 37, 23), (64, 48, 32, 24), (66, 48, 22, 16), (20, 14, 40, 28), (1, 40, 7, 9),
         (40, 1, 9, 7), (31, 17, 1, 1), (1, 1, 5, 6), (50, 40, 50, 17), (50, 40, 19, 40),
         (600, 5, 599, 5), (3, 900, 2, 224), (128, 96, 32, 24), (100, 75, 93, 70), (9, 8, 8, 9)]


def cases(count):
    draw = random.Random(20240601)
    yield from EDGES
    for _ in range(count):
        yield tuple(draw.randint(1, 90) for _ in range(4))


def main():
    oracles, versions = available()
    print("# resizer seed  in-width in-height  width height  sha256, first 16 digits")
    print("# made by", ", ".join(f"{k} {v}" for k, v in sorted(versions.items())))
    for name, oracle in oracles.items():
        for i, (w0, h0, w, h) in enumerate(cases(25)):
            out = np.ascontiguousarray(oracle(picture(i, w0, h0), w, h))
            print(name, i, w0, h0, w, h, hashlib.sha256(out.tobytes()).hexdigest()[:16])


main()
