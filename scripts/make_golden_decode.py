#!/usr/bin/env python3
"""Writes the JPEGs of tests/corpus/jpeg and the digests of what the original tools make of
them, tests/golden/system/decode.txt.

Needs python3-pil, libjpeg-turbo-progs, ffmpeg and libstb0.
Usage: make_golden_decode.py [corpus]     (corpus: write the JPEGs anew too)
"""
import hashlib
import io
import pathlib
import subprocess
import sys

import numpy as np
from PIL import Image

import decode_oracles as tools

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests/corpus/jpeg"

# Portable decoders and who judges them here.
JUDGES = {
    "turbo": tools.pillow,
    "turbo-ifast": tools.djpeg("-dct", "fast"),
    "turbo-merged": tools.djpeg("-nosmooth"),
    "turbo-fast": tools.djpeg("-dct", "fast", "-nosmooth"),
    "stb": tools.stb,
    "ffmpeg-accurate": tools.ffmpeg("bicubic+accurate_rnd+full_chroma_int"),
}


def scene(width, height):
    """Slopes, edges, saturated colour and some grain."""
    y, x = np.mgrid[0:height, 0:width]
    grain = np.random.default_rng(5).integers(-12, 13, (height, width, 3))
    red = 128 + 120 * np.sin(x / 5.0)
    green = 255.0 * ((x // 7 + y // 5) % 2)
    blue = 255.0 * y / height
    return np.clip(np.dstack([red, green, blue]) + grain, 0, 255).astype(np.uint8)


def cjpeg(a, *options):
    ppm = b"P6\n%d %d\n255\n" % (a.shape[1], a.shape[0]) + a.tobytes()
    return subprocess.run(["cjpeg", *options], input=ppm, stdout=subprocess.PIPE,
                          check=True).stdout


def patch_frame(data, at, new):
    """Overwrites bytes of the frame header: 0 precision, 1-2 height, 3-4 width."""
    for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2"):
        where = data.find(marker)
        if where >= 0:
            where += 4 + at
            return data[:where] + new + data[where + len(new):]
    raise ValueError("no frame header")


def patch_adobe(data, transform):
    where = data.index(b"Adobe") + 11
    return data[:where] + bytes([transform]) + data[where + 1:]


def patch_huffman(data):
    """Exchanges two symbols of the first AC table: legal, and wrong."""
    where = data.index(b"\xff\xc4")
    while data[where + 4] >> 4 != 1:
        where = data.index(b"\xff\xc4", where + 2)
    at = where + 4 + 17 + 1
    return data[:at] + bytes([data[at + 1], data[at]]) + data[at + 2:]


def with_exif(data, orientation):
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + b"\0\0\0\0\0\0"
    body = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]


def cmyk(a):
    out = io.BytesIO()
    ink = np.dstack([255 - a, (a[:, :, :1].astype(int) // 2).astype(np.uint8)])
    Image.fromarray(ink, "CMYK").save(out, "jpeg", quality=80)
    return out.getvalue()


def fixtures():
    a = scene(53, 37)
    q = ["-quality", "80"]
    yield "444", cjpeg(a, *q, "-sample", "1x1")
    yield "420", cjpeg(a, *q, "-sample", "2x2")
    yield "422", cjpeg(a, *q, "-sample", "2x1")
    yield "440", cjpeg(a, *q, "-sample", "1x2")
    yield "411", cjpeg(a, *q, "-sample", "4x1")
    yield "410", cjpeg(a, *q, "-sample", "4x2")
    yield "mixed", cjpeg(a, *q, "-sample", "2x2,1x2,2x1")
    yield "grey", cjpeg(a, *q, "-grayscale")
    yield "rgb", cjpeg(a, *q, "-rgb", "-sample", "1x1")
    yield "progressive", cjpeg(a, *q, "-progressive")
    yield "arithmetic", cjpeg(a, *q, "-arithmetic")
    yield "restart", cjpeg(a, *q, "-restart", "2B")
    yield "low-quality", cjpeg(a, "-quality", "4")
    yield "cmyk", cmyk(a)
    yield "ycck", patch_adobe(cmyk(a), 2)
    yield "one-pixel", cjpeg(a[:1, :1], *q)
    yield "one-column", cjpeg(a[:, :1], *q)
    yield "trailing", cjpeg(a, *q) + b"garbage after the end\xff\xd8\xff"
    yield "exif-6", with_exif(cjpeg(a[:16, :24], *q), 6)
    yield "exif-0", with_exif(cjpeg(a[:16, :24], *q), 0)
    yield "wrong-huffman", patch_huffman(cjpeg(a, *q))
    yield "no-eoi", cjpeg(a, *q)[:-2]
    yield "12-bit", patch_frame(cjpeg(a[:8, :8], *q), 0, b"\x0c")
    yield "bomb", patch_frame(cjpeg(a[:8, :8], *q), 1, b"\xff\xdc\xff\xdc")
    yield "65535-wide", patch_frame(cjpeg(a[:8, :8], *q), 1, b"\x00\x08\xff\xff")
    yield "65500-wide", cjpeg(np.full((2, 65500, 3), 90, np.uint8), "-quality", "30", "-optimize")
    yield "no-width", patch_frame(cjpeg(a[:8, :8], *q), 1, b"\x00\x08\x00\x00")


def digest(tool, name, data):
    if name == "bomb":  # 12 GB, which the tools would allocate
        return "refused"
    try:
        a = np.ascontiguousarray(tool(data))
    except Exception:  # the tool refuses the file: so must we, or the test says why not
        return "refused"
    return hashlib.sha256(a.tobytes()).hexdigest()[:16]


def main():
    if sys.argv[1:] == ["corpus"]:
        CORPUS.mkdir(parents=True, exist_ok=True)
        for name, data in fixtures():
            (CORPUS / f"{name}.jpg").write_bytes(data)
    with open(ROOT / "tests/golden/system/decode.txt", "w") as out:
        print("# picture decoder  sha256 of the RGB bytes, first 16 digits\n"
              "# made by Pillow 9.4, djpeg 2.1.5, FFmpeg 5.1, libstb 2.27; strict where Pillow is",
              file=out)
        for path in sorted(CORPUS.glob("*.jpg")):
            if path.stem.startswith("fuzz-"):
                continue  # what fuzzing kept: replayed, and nobody's picture
            for name, tool in JUDGES.items():
                if (path.stem, name) == ("12-bit", "ffmpeg-accurate"):
                    continue  # the file lies about its bits; ffmpeg shows noise, we refuse
                print(path.stem, name, digest(tool, path.stem, path.read_bytes()), file=out)


main()
