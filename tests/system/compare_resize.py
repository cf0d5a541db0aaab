#!/usr/bin/python3
"""Our resizers beside the installed libraries: random size pairs, up and down, to one pixel.

Usage: compare_resize.py SERVE [CASES] [NAME...]
Prints one TAP line per kernel; a kernel passes when every value of every case is equal.
"""
import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(os.environ.get("GAUNTLET_SOURCE", ".")) / "scripts"))
try:
    import numpy as np
    from golden_picture import picture
    from resize_oracles import available
    oracles, versions = available()
except ImportError as error:
    print(f"1..0 # skipped: {error}")
    sys.exit(0)
if not oracles:
    print("1..0 # skipped: neither python3-pil nor python3-opencv is installed")
    sys.exit(0)

from ours import Ours


def sizes(draw):
    """A size pair: mostly ordinary, sometimes exact ratios, thin or huge."""
    kind = draw.randrange(10)
    w0, h0 = draw.randint(1, 160), draw.randint(1, 160)
    if kind < 5:
        return w0, h0, draw.randint(1, 160), draw.randint(1, 160)
    if kind == 5:
        f = draw.randint(2, 5)
        return w0 * f, h0 * f, w0, h0
    if kind == 6:
        f = draw.randint(2, 4)
        return w0, h0, w0 * f, h0 * f
    if kind == 7:
        return draw.choice([(1, h0), (w0, 1)]) + (draw.randint(1, 60), draw.randint(1, 60))
    if kind == 8:
        return w0, h0, draw.choice([w0, w0 + 1, max(1, w0 - 1)]), draw.choice([h0, h0 + 1])
    return draw.choice([(3, 2000), (1500, 2), (700, 500)]) + (draw.randint(1, 50), draw.randint(1, 50))


def compare(ours, name, oracle, cases):
    draw = random.Random(name)
    for i in range(cases):
        w0, h0, w, h = sizes(draw)
        a = picture(draw.randrange(1 << 20), w0, h0)
        got, want = ours.resize(name, a, w, h), oracle(a, w, h)
        if not np.array_equal(got, want):
            diff = np.abs(got.astype(int) - want)
            return (f"{w0} x {h0} -> {w} x {h}: {np.count_nonzero(diff)} values differ, "
                    f"by up to {diff.max()}")
    return None


def main():
    ours = Ours(sys.argv[1])
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    names = sys.argv[3:] or list(oracles)
    print(f"1..{len(names)}")
    print("#", ", ".join(f"{k} {v}" for k, v in sorted(versions.items())))
    for i, name in enumerate(names, 1):
        wrong = compare(ours, name, oracles[name], cases)
        print(f"{'not ok' if wrong else 'ok'} {i} - {name}, {cases} size pairs" +
              (f": {wrong}" if wrong else ""))


main()
