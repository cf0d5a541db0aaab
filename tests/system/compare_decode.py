#!/usr/bin/python3
"""Our decoders beside the tools they are named after, on the shared pictures.

Usage: compare_decode.py SERVE [EVERY]   (every EVERYth picture; of CIFAR's, which are many,
every EVERY x 10th; 1 is all, but for ffmpeg, which takes long to start)
"""
import os
import pathlib
import sys
import tarfile

from ours import Failed, Ours

sys.path.insert(0, str(pathlib.Path(os.environ.get("GAUNTLET_SOURCE", ".")) / "scripts"))
import decode_oracles
from decode_oracles import PAIRS

shared = pathlib.Path(os.environ.get("GAUNTLET_SHARED", "../shared"))


def pictures(every, slow=False):
    for archive in ("data/imagenet-sample.tar", "data/cifar10-test.tar"):
        many = "cifar" in archive and (every > 1 or slow)
        with tarfile.open(shared / archive) as tar:
            members = [m for m in tar.getmembers() if m.isfile()]
            for member in members[::every * 10 if many else every]:
                yield member.name, tar.extractfile(member).read()


def compare(ours, name, tool, every):
    count = wrong = 0
    worst = 0
    for _, data in pictures(every, slow=name.startswith("ffmpeg")):
        got, want = ours.decode(name, data), tool(data)
        count += 1
        if got.shape != want.shape or not np.array_equal(got, want):
            wrong += 1
            worst = max(worst, int(np.abs(got.astype(int) - want).max()))
    return count, wrong, worst


def compare_cuts(ours, every):
    """Pictures cut at every kilobyte: strict fails where Pillow does, the other way shows
    what djpeg shows."""
    djpeg = decode_oracles.djpeg()
    count = wrong = 0
    for _, data in list(pictures(every))[:3]:
        for size in range(1024, min(len(data), 12 * 1024), 1024):
            count += 1
            for tool, strict in ((decode_oracles.pillow, 1), (djpeg, 0)):
                try:
                    want = tool(data[:size])
                except (OSError, ValueError):
                    want = None
                try:
                    got = ours.decode("turbo", data[:size], strict)
                except Failed:
                    got = None
                if (got is None) != (want is None) or (got is not None and
                                                       not np.array_equal(got, want)):
                    wrong += 1
    return count, wrong, 0


def main():
    ours = Ours(sys.argv[1])
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    cuts = ("turbo", "Pillow and djpeg on cut files", None)
    print(f"1..{len(PAIRS) + 1}")
    for i, (name, title, tool) in enumerate(PAIRS + [cuts], 1):
        try:
            count, wrong, worst = (compare(ours, name, tool, every) if tool else
                                   compare_cuts(ours, every))
        except (ImportError, FileNotFoundError) as error:
            print(f"ok {i} - {name} is {title} # SKIP {error}")
            continue
        print(f"{'not ok' if wrong else 'ok'} {i} - {name} is {title}: {count - wrong} of {count} "
              f"pictures equal" + (f", worst {worst}" if wrong else ""))


try:
    import numpy as np
except ImportError as reason:
    print(f"1..0 # skipped: {reason}")
    sys.exit(0)
if not (shared / "data/imagenet-sample.tar").exists():
    print("1..0 # skipped: ../shared/data/imagenet-sample.tar is absent")
    sys.exit(0)
main()
