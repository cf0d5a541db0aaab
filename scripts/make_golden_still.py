#!/usr/bin/env python3
"""Writes the PNGs, BMPs and WebPs of tests/corpus/still and the digests of Pillow's
convert("RGB") of them, tests/golden/system/still.txt.  Needs python3-pil.

Usage: make_golden_still.py
"""
import hashlib
import io
import pathlib

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


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    with open(ROOT / "tests/golden/system/still.txt", "w") as out:
        print("# picture  sha256 of the RGB bytes, first 16 digits; made by Pillow",
              Image.__version__, "and WebP", features.version("webp"), file=out)
        for name, image, options in fixtures():
            data = io.BytesIO()
            image.save(data, name.rsplit(".")[-1], **options)
            (CORPUS / name).write_bytes(data.getvalue())
            rgb = np.asarray(Image.open(data).convert("RGB"))
            print(name, hashlib.sha256(rgb.tobytes()).hexdigest()[:16], file=out)


main()
