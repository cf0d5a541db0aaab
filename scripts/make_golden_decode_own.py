#!/usr/bin/env python3
"""Writes tests/golden/system/decode_own.txt: digests of our own ijg9, which has no packaged
tool to ask.

Usage: make_golden_decode_own.py BUILD > tests/golden/system/decode_own.txt
"""
import hashlib
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/system"))

from ours import Failed, Ours

ours = Ours(pathlib.Path(sys.argv[1]) / "tests/system/serve")
print("# picture decoder  sha256 of the RGB bytes, first 16 digits; our own")
for path in sorted((ROOT / "tests/corpus/jpeg").glob("*.jpg")):
    if path.stem.startswith("fuzz-"):
        continue
    try:
        digest = hashlib.sha256(ours.decode("ijg9", path.read_bytes()).tobytes()).hexdigest()[:16]
    except Failed:
        digest = "refused"
    print(path.stem, "ijg9", digest)
