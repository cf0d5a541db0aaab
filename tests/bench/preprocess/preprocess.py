#!/usr/bin/python3
"""Decode, resize and crop of the ImageNet sample to 224: ours beside Pillow, OpenCV and
torchvision, one thread each, picture by picture in turn, CPU time.

Usage, from the source tree:  tests/bench/preprocess/preprocess.py BUILD [EVERY]
Needs ../shared/data/imagenet-sample.tar; peers that are not installed are left out.
"""
import io
import os
import pathlib
import sys
import tarfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/system"))

import numpy as np

from ours import Ours

SHORT, CROP = 256, 224


def fitted(width, height):
    """Size after the resize, and the corner of the crop."""
    if width < height:
        size = SHORT, round(height * SHORT / width)
    else:
        size = round(width * SHORT / height), SHORT
    return size, ((size[0] - CROP) // 2, (size[1] - CROP) // 2)


def pillow():
    from PIL import Image
    names = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}

    def one(mode):
        def run(data):
            image = Image.open(io.BytesIO(data)).convert("RGB")
            size, (x, y) = fitted(*image.size)
            return np.asarray(image.resize(size, mode).crop((x, y, x + CROP, y + CROP)))
        return run
    return {f"pillow-{n}": one(m) for n, m in names.items()}


def opencv():
    import cv2
    cv2.setNumThreads(1)
    names = {"bilinear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA, "bicubic": cv2.INTER_CUBIC,
             "lanczos": cv2.INTER_LANCZOS4}

    def one(mode):
        def run(data):
            flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
            size, (x, y) = fitted(image.shape[1], image.shape[0])
            image = cv2.resize(image, size, interpolation=mode)[y:y + CROP, x:x + CROP]
            return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return run
    return {f"opencv-{n}": one(m) for n, m in names.items()}


def torchvision():
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg
    torch.set_num_threads(1)
    from torchvision.transforms.functional import InterpolationMode, crop, resize

    def run(data):
        image = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8),
                            ImageReadMode.RGB)
        (w, h), (x, y) = fitted(image.shape[2], image.shape[1])
        image = resize(image, [h, w], InterpolationMode.BILINEAR, antialias=True)
        return crop(image, y, x, CROP, CROP).permute(1, 2, 0).numpy()
    return {"torch-bilinear-aa": run}


def pictures(every):
    with tarfile.open(ROOT.parent / "shared/data/imagenet-sample.tar") as tar:
        members = [m for m in tar.getmembers() if m.isfile()][::every]
        return [tar.extractfile(m).read() for m in members]


def main():
    ours = Ours(pathlib.Path(sys.argv[1]) / "tests/system/serve")
    files = pictures(int(sys.argv[2]) if len(sys.argv) > 2 else 5)
    print(f"{len(files)} pictures to {CROP} by {SHORT}; CPU ms a picture, ratio = peer / ours")
    for peers in (pillow, opencv, torchvision):
        try:
            found = peers()
        except ImportError as error:
            print(f"{peers.__name__}: left out, {error}")
            continue
        for name, run in found.items():
            theirs = mine = off = values = 0
            for data in [files[0]] + files:  # the first one warms both up
                start = time.thread_time()
                want = run(data)
                spent = time.thread_time() - start
                got = ours.prepare("turbo", name, SHORT, CROP, data)
                if data is files[0] and not values:
                    values = 1
                    continue
                theirs += spent * 1e3
                mine += ours.us / 1e3
                off += np.count_nonzero(got != want)
                values += got.size
            n = len(files)
            print(f"{name:20} ours {mine / n:6.3f}   peer {theirs / n:6.3f}   ratio "
                  f"{theirs / mine:5.2f}   {off} of {values - 1} values differ")


os.environ.setdefault("OMP_NUM_THREADS", "1")
main()
