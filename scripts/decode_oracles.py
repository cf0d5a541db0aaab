"""The tools our decoders are named after, as name -> f(bytes) -> RGB picture."""
import ctypes
import io
import shutil
import subprocess


def pillow(data):
    import numpy as np
    from PIL import Image
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def opencv(data):
    import cv2
    import numpy as np
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)[:, :, ::-1]


def pipe(*command):
    """A command that reads the JPEG from its standard input."""
    if not shutil.which(command[0]):
        raise ImportError(f"{command[0]} is not installed")

    def run(data):
        done = subprocess.run(command, input=data, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
        if done.returncode not in (0, 2):  # 2: djpeg decoded, with warnings
            raise ValueError(f"{command[0]} ended with {done.returncode}")
        return done.stdout
    return run


def djpeg(*options):
    """Of libjpeg-turbo-progs."""
    import numpy as np

    def tool(data):
        out = pipe("djpeg", "-pnm", *options)(data)
        size = out[3:out.index(b"\n", 3)].split()
        width, height = int(size[0]), int(size[1])
        channels = 3 if out[:2] == b"P6" else 1
        a = np.frombuffer(out[-width * height * channels:], np.uint8)
        return np.repeat(a.reshape(height, width, channels), 3 // channels, 2)
    return tool


def ffmpeg(flags):
    import numpy as np

    def tool(data):
        out = pipe("ffmpeg", "-v", "error", "-noautorotate", "-f", "jpeg_pipe", "-i", "-",
                   "-vf", f"scale=flags={flags},format=rgb24", "-f", "image2pipe", "-c:v", "ppm",
                   "-")(data)
        size = out[3:out.index(b"\n", 3)].split()
        width, height = int(size[0]), int(size[1])
        return np.frombuffer(out[-width * height * 3:], np.uint8).reshape(height, width, 3)
    return tool


def stb(data):
    """Debian's libstb.so, called directly."""
    import numpy as np
    try:
        lib = ctypes.CDLL("libstb.so.0")
    except OSError as error:
        raise ImportError(str(error))
    lib.stbi_load_from_memory.restype = ctypes.POINTER(ctypes.c_ubyte)
    lib.stbi_image_free.argtypes = [ctypes.c_void_p]
    w, h, n = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    p = lib.stbi_load_from_memory(data, len(data), ctypes.byref(w), ctypes.byref(h),
                                  ctypes.byref(n), 3)
    if not p:
        raise ValueError("stb_image failed")
    a = np.ctypeslib.as_array(p, (h.value, w.value, 3)).copy()
    lib.stbi_image_free(p)
    return a


# decoder, how the tool is called in a report, the tool
PAIRS = [
    ("turbo", "Pillow", pillow),
    ("turbo", "OpenCV", opencv),
    ("turbo-ifast", "djpeg -dct fast", djpeg("-dct", "fast")),
    ("turbo-merged", "djpeg -nosmooth", djpeg("-nosmooth")),
    ("turbo-fast", "djpeg -dct fast -nosmooth", djpeg("-dct", "fast", "-nosmooth")),
    ("turbo-float", "djpeg -dct float", djpeg("-dct", "float")),
    ("stb", "libstb", stb),
    ("ffmpeg", "ffmpeg", ffmpeg("bicubic")),
    ("ffmpeg-accurate", "ffmpeg with accurate flags",
     ffmpeg("bicubic+accurate_rnd+full_chroma_int")),
]
