"""The libraries our resizers are named after, as name -> f(picture, width, height)."""


def pillow():
    from PIL import Image
    import numpy as np
    names = {"nearest": Image.NEAREST, "box": Image.BOX, "bilinear": Image.BILINEAR,
             "hamming": Image.HAMMING, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}

    def one(mode):
        return lambda a, w, h: np.asarray(Image.fromarray(a).resize((w, h), mode))
    return {"pillow-" + n: one(m) for n, m in names.items()}


def opencv():
    import cv2
    names = {"nearest": cv2.INTER_NEAREST, "nearest-exact": cv2.INTER_NEAREST_EXACT,
             "bilinear": cv2.INTER_LINEAR, "bilinear-exact": cv2.INTER_LINEAR_EXACT,
             "bicubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA, "lanczos": cv2.INTER_LANCZOS4}
    cv2.setNumThreads(1)

    def one(mode):
        return lambda a, w, h: cv2.resize(a, (w, h), interpolation=mode)
    return {"opencv-" + n: one(m) for n, m in names.items()}


def available():
    """All oracles whose library is installed, and the versions of the libraries."""
    oracles, versions = {}, {}
    try:
        import PIL
        oracles.update(pillow())
        versions["Pillow"] = PIL.__version__
    except ImportError:
        pass
    try:
        import cv2
        oracles.update(opencv())
        versions["OpenCV"] = cv2.__version__
    except ImportError:
        pass
    return oracles, versions
