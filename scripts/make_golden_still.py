#!/usr/bin/env python3
"""Writes the PNGs, BMPs and WebPs of tests/corpus/still and the digests of Pillow's
convert("RGB") of them, tests/golden/system/still.txt.  Needs python3-pil,
and python3-opencv for the BMPs of run lengths.

Usage: make_golden_still.py
"""
import hashlib
import io
import pathlib
import struct

import cv2
import numpy as np
from PIL import Image, features

from golden_picture import picture

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests/corpus/still"


def fixtures():
    a = Image.fromarray(np.concatenate([picture(1, 17, 13), picture(2, 8, 13)], 1))
    alpha = Image.fromarray(picture(4, 25, 13)[:, :, 0])
    rgba = a.copy()
    rgba.putalpha(alpha)
    yield "rgb.png", a, {}
    yield "rgba.png", rgba, {}
    yield "palette.png", a.quantize(16), {}
    yield "palette-clear.png", a.quantize(16), {"transparency": 3}
    yield "grey.png", a.convert("L"), {}
    yield "grey-alpha.png", rgba.convert("LA"), {}
    yield "bits.png", a.convert("1"), {}
    yield "rgb.bmp", a, {}
    yield "rgba.bmp", rgba, {}
    yield "palette.bmp", a.quantize(16), {}
    yield "grey.bmp", a.convert("L"), {}
    yield "bits.bmp", a.convert("1"), {}
    yield "lossy.webp", a, {"quality": 70}
    yield "lossless.webp", a, {"lossless": True}
    yield "alpha.webp", rgba, {"quality": 70}


def run_lengths(image, bits):
    """A BMP of runs, rows as they are, a move and early ends of rows."""
    indices = np.asarray(image)[::-1].astype(int)  # bottom up
    palette = image.getpalette()[:3 << bits] + [0] * (3 << bits)
    body = bytearray()
    for y, row in enumerate(indices):
        x = 0
        while x < len(row):
            same = 1
            while x + same < len(row) and row[x + same] == row[x]:
                same += 1
            if y % 3 == 1 and len(row) - x >= 3:  # as they are
                taken = [int(v) for v in row[x:]]
                packed = taken if bits == 8 else [
                    16 * a + b for a, b in zip(taken[::2], taken[1::2] + [0])]
                body += bytes([0, len(taken)] + packed + [0] * (len(packed) % 2))
                x = len(row)
            elif y % 3 == 2 and x == 4:
                body += bytes([0, 2, 3, 0])  # three pixels stay colour 0
                x += 3
            else:
                value = int(row[x])
                body += bytes([same, value if bits == 8 else 17 * value])
                x += same
        body += bytes([0, 0])
    body += bytes([0, 1])
    colours = b"".join(bytes([palette[3 * i + 2], palette[3 * i + 1], palette[3 * i], 0])
                       for i in range(1 << bits))
    start = 54 + len(colours)
    return (struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start)
            + struct.pack("<IiiHHIIiiII", 40, image.width, image.height, 1, bits,
                          1 if bits == 8 else 2, len(body), 2835, 2835, 1 << bits, 0)
            + colours + bytes(body))


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    with open(ROOT / "tests/golden/system/still.txt", "w") as out:
        print("# picture  sha256 of the RGB bytes, first 16 digits; made by Pillow",
              Image.__version__, "and WebP", features.version("webp"), file=out)
        for name, image, options in fixtures():
            data = io.BytesIO()
            image.save(data, name.rsplit(".")[-1], **options)
            (CORPUS / name).write_bytes(data.getvalue())
            add(name, np.asarray(Image.open(data).convert("RGB")), out)
        flat = Image.fromarray(np.repeat(picture(3, 9, 11), 3, 1)[:, :25])
        for bits in (8, 4):
            place = CORPUS / f"rle{bits}.bmp"
            place.write_bytes(run_lengths(flat.quantize(1 << bits - 1), bits))
            # Pillow 9.4 loses the last of an odd number of 4-bit pixels.
            add(place.name, np.ascontiguousarray(cv2.imread(str(place))[:, :, ::-1]), out)


def add(name, rgb, out):
    print(name, hashlib.sha256(rgb.tobytes()).hexdigest()[:16], file=out)


main()
