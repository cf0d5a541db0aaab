"""The libraries our resizers are named after, and formulas where there is no library.

available() gives name -> Oracle; resize(picture, width, height) -> picture. `off` is the
share of values that may differ by one level: 0 where the original is met exactly, 1e-4
where its sums run in an order of its own. `slow` oracles start a process for each picture.
"""
import math
import shutil
import subprocess

import numpy as np


class Oracle:
    def __init__(self, resize, off=0.0, slow=False, gap=0, light=0, member=None):
        self.resize, self.off, self.slow = resize, off, slow
        self.gap, self.light, self.member = gap, light, member


def pillow(versions):
    import PIL
    from PIL import Image
    versions["Pillow"] = PIL.__version__
    names = {"nearest": Image.NEAREST, "box": Image.BOX, "bilinear": Image.BILINEAR,
             "hamming": Image.HAMMING, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}

    def one(mode, gap=None):
        return lambda a, w, h: np.asarray(Image.fromarray(a).resize((w, h), mode,
                                                                    reducing_gap=gap))
    found = {"pillow-" + n: Oracle(one(m)) for n, m in names.items()}
    for name in ("bilinear", "lanczos"):
        for gap in (1.0, 2.0):
            found[f"pillow-{name} gap={gap:g}"] = Oracle(one(names[name], gap), gap=gap,
                                                         member="pillow-" + name)
    return found


def opencv(versions):
    import cv2
    versions["OpenCV"] = cv2.__version__
    cv2.setNumThreads(1)
    names = {"nearest": cv2.INTER_NEAREST, "nearest-exact": cv2.INTER_NEAREST_EXACT,
             "bilinear": cv2.INTER_LINEAR, "bilinear-exact": cv2.INTER_LINEAR_EXACT,
             "bicubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA, "lanczos": cv2.INTER_LANCZOS4}

    def one(mode):
        return lambda a, w, h: cv2.resize(a, (w, h), interpolation=mode)
    return {"opencv-" + n: Oracle(one(m)) for n, m in names.items()}


def torch(versions):
    import torch as t
    from torch.nn.functional import interpolate
    versions["PyTorch"] = t.__version__
    t.set_num_threads(1)

    def one(mode, antialias):
        def resize(a, w, h):
            x = t.from_numpy(np.ascontiguousarray(a)).permute(2, 0, 1)[None].float().contiguous()
            y = interpolate(x, (h, w), mode=mode, antialias=antialias,
                            **({} if mode == "nearest" else {"align_corners": False}))
            return y.clamp(0, 255).round().byte()[0].permute(1, 2, 0).numpy()
        return resize
    found = {"torch-nearest": Oracle(one("nearest", False))}
    for mode in ("bilinear", "bicubic"):
        found[f"torch-{mode}"] = Oracle(one(mode, False), off=0 if mode == "bilinear" else 1e-4)
        found[f"torch-{mode}-aa"] = Oracle(one(mode, True), off=1e-4)
    return found


def ffmpeg(versions):
    if not shutil.which("ffmpeg"):
        raise ImportError("ffmpeg is not installed")
    line = subprocess.run(["ffmpeg", "-version"], stdout=subprocess.PIPE, check=True).stdout
    versions["FFmpeg"] = line.split()[2].decode()

    def one(kernel):
        def resize(a, w, h):
            flags = f"{kernel}+accurate_rnd+full_chroma_int+full_chroma_inp"
            out = subprocess.run(
                ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                 f"{a.shape[1]}x{a.shape[0]}", "-i", "-", "-vf", f"scale={w}:{h}:flags={flags}",
                 "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                input=np.ascontiguousarray(a).tobytes(), stdout=subprocess.PIPE, check=True)
            return np.frombuffer(out.stdout, np.uint8).reshape(h, w, 3)
        return resize
    return {f"ffmpeg-{k}": Oracle(one(k), slow=True)
            for k in ("bilinear", "bicubic", "area", "lanczos")}


# ---- formulas: matrices of weights, one row for each result ----

def between(n, places):
    m = np.zeros((len(places), n), np.float32)
    for i, x in enumerate(places):
        low = math.floor(x)
        f = np.float32(x) - np.float32(low)
        m[i, min(max(low, 0), n - 1)] += np.float32(1) - f
        m[i, min(max(low + 1, 0), n - 1)] += f
    return m


def tf_places(kind):
    one, half = np.float32(1), np.float32(0.5)

    def places(n, out):
        i = np.arange(out).astype(np.float32)
        scale = np.float32(n) / np.float32(out)
        if kind == "align" and out > 1:
            scale = np.float32(n - 1) / np.float32(out - 1)
        return (i + half) * scale - half if kind == "half" else i * scale * one
    return places


def tensorflow():
    def one(kind):
        def resize(a, w, h):
            places = tf_places(kind)
            mx = between(a.shape[1], places(a.shape[1], w))
            my = between(a.shape[0], places(a.shape[0], h))
            rows = np.einsum("xj,yjc->yxc", mx.astype(float), a.astype(float))
            return np.rint(np.einsum("yi,ixc->yxc", my.astype(float), rows)).astype(np.uint8)
        return resize
    return {"tf1-bilinear": Oracle(one("corner"), off=1e-3),
            "tf1-bilinear-align": Oracle(one("align"), off=1e-3),
            "tf2-bilinear": Oracle(one("half"), off=1e-3)}


def triangle_weights(n, out):
    scale = n / out
    fs = max(scale, 1.0)
    m = np.zeros((out, n))
    for i in range(out):
        centre = (i + 0.5) * scale
        low, high = max(0, int(centre - fs + 0.5)), min(n, int(centre + fs + 0.5))
        w = np.maximum(0, 1 - np.abs((np.arange(low, high) - centre + 0.5) * (1 / fs)))
        m[i, low:high] = w / w.sum()
    return m


def short_weights(m):
    p = 0
    while p < 22 and int(0.5 + m.max() * (1 << (p + 1))) < 1 << 15:
        p += 1
    return np.floor(m * (1 << p) + 0.5).astype(np.int64), p


def pillow_simd(a, w, h):
    x = a.astype(np.int64)
    if w != a.shape[1]:
        m, p = short_weights(triangle_weights(a.shape[1], w))
        x = np.clip((np.einsum("xj,yjc->yxc", m, x) + (1 << (p - 1))) >> p, 0, 255)
    if h != a.shape[0]:
        m, p = short_weights(triangle_weights(a.shape[0], h))
        x = np.clip((np.einsum("yi,ixc->yxc", m, x) + (1 << (p - 1))) >> p, 0, 255)
    return x.astype(np.uint8)


def linear_light(a, w, h):
    v = a / 255.0
    light = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    light = np.einsum("xj,yjc->yxc", triangle_weights(a.shape[1], w), light)
    light = np.einsum("yi,ixc->yxc", triangle_weights(a.shape[0], h), light)
    v = np.where(light <= 0.04045 / 12.92, light * 12.92,
                 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
    return np.clip(np.rint(v * 255), 0, 255).astype(np.uint8)


def formulas():
    found = tensorflow()
    found["pillow-simd-bilinear"] = Oracle(pillow_simd)
    found["pillow-bilinear light=linear"] = Oracle(linear_light, off=1e-3, light=1,
                                                   member="pillow-bilinear")
    return found


def available():
    """All oracles that can run here, and the versions of the libraries behind them."""
    oracles, versions = {}, {}
    for library in (pillow, opencv, torch, ffmpeg):
        try:
            oracles.update(library(versions))
        except ImportError:
            pass
    oracles.update(formulas())
    for name, oracle in oracles.items():
        oracle.member = oracle.member or name
    return oracles, versions
