"""Colour paths by the libraries they are named after, or by the formulas of BT.601 and
BT.709 in NumPy; name -> f(picture) -> picture. Even sides only where OpenCV judges."""
import numpy as np

WEIGHTS = {601: (0.299, 0.114), 709: (0.2126, 0.0722)}


def rounded(v):
    return np.clip(np.floor(v + 0.5), 0, 255)


def encode(a, matrix, limited):
    kr, kb = WEIGHTS[matrix]
    r, g, b = (a[..., i].astype(float) for i in range(3))
    y = kr * r + (1 - kr - kb) * g + kb * b
    h, w = y.shape
    planes = []
    for c in ((b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))):
        c = np.pad(c, ((0, h % 2), (0, w % 2)), mode="edge")
        planes.append((c[::2, ::2] + c[::2, 1::2] + c[1::2, ::2] + c[1::2, 1::2]) / 4)
    if limited:
        return rounded(16 + y * 219 / 255), [rounded(128 + c * 224 / 255) for c in planes]
    return rounded(y), [rounded(128 + c) for c in planes]


def decode(y, planes, matrix, limited):
    kr, kb = WEIGHTS[matrix]
    h, w = y.shape
    cb, cr = (np.repeat(np.repeat(c, 2, 0), 2, 1)[:h, :w] - 128 for c in planes)
    if limited:
        y, cb, cr = (y - 16) * 255 / 219, cb * 255 / 224, cr * 255 / 224
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    g = (y - kr * r - kb * b) / (1 - kr - kb)
    return rounded(np.dstack([r, g, b])).astype(np.uint8)


def nv12(write, read):
    return lambda a: decode(*encode(a, *write), *read)


def opencv_i420(a):
    import cv2
    yuv = cv2.cvtColor(np.ascontiguousarray(a), cv2.COLOR_RGB2YUV_I420)
    return cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB_I420)


def opencv_grey(a):
    import cv2
    return np.repeat(cv2.cvtColor(np.ascontiguousarray(a), cv2.COLOR_RGB2GRAY)[:, :, None], 3, 2)


def pillow_grey(a):
    from PIL import Image
    return np.asarray(Image.fromarray(a).convert("L").convert("RGB"))


ORACLES = {
    "nv12": nv12((601, True), (601, True)),
    "nv12-full": nv12((601, False), (601, False)),
    "nv12-709": nv12((709, True), (709, True)),
    "nv12-as-709": nv12((601, True), (709, True)),
    "range-crush": nv12((601, False), (601, True)),
    "range-wash": nv12((601, True), (601, False)),
    "nv12-opencv": opencv_i420,
    "bgr": lambda a: a[:, :, ::-1],
    "grey-pillow": pillow_grey,
    "grey-opencv": opencv_grey,
}
