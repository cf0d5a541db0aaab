#!/usr/bin/python3
"""Our resizers beside the installed libraries: random size pairs, up and down, to one pixel.

Usage: compare_resize.py SERVE [CASES] [NAME...]
Prints one TAP line per kernel; a kernel passes when every value of every case is equal, or,
where the original adds in an order of its own, differs by one level on the share of values
that scripts/resize_oracles.py allows.
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
    """What is wrong, or None; and what was seen."""
    draw = random.Random(name)
    values = off = 0
    for i in range(cases):
        w0, h0, w, h = sizes(draw)
        a = picture(draw.randrange(1 << 20), w0, h0)
        got = ours.resize(oracle.member, a, w, h, gap=oracle.gap, light=oracle.light)
        diff = np.abs(got.astype(int) - oracle.resize(a, w, h))
        values += diff.size
        off += np.count_nonzero(diff)
        if diff.max() > (1 if oracle.off else 0):
            return (f"{w0} x {h0} -> {w} x {h}: {np.count_nonzero(diff)} of {diff.size} values "
                    f"differ, by up to {diff.max()}"), ""
    seen = f", {off} of {values} values off by one" if off else ""
    return ("too many" + seen if off > oracle.off * values + 1 else None), seen


def main():
    ours = Ours(sys.argv[1])
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    names = sys.argv[3:] or list(oracles)
    print(f"1..{len(names)}")
    print("#", ", ".join(f"{k} {v}" for k, v in sorted(versions.items())))
    for i, name in enumerate(names, 1):
        count = max(2, cases // 25) if oracles[name].slow else cases
        wrong, seen = compare(ours, name, oracles[name], count)
        print(f"{'not ok' if wrong else 'ok'} {i} - {name}, {count} size pairs" +
              (f": {wrong}" if wrong else seen))


main()
