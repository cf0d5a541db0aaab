"""Our side of the comparisons: a pipe to tests/system/serve."""
import subprocess

import numpy as np


class Failed(Exception):
    pass


class Ours:
    def __init__(self, program):
        self.pipe = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.us = 0.0  # CPU time of the last answer

    def ask(self, line, data):
        self.pipe.stdin.write(line.encode() + b"\n")
        self.pipe.stdin.write(data)
        self.pipe.stdin.flush()
        answer = self.pipe.stdout.readline().decode().rstrip("\n")
        if not answer.startswith("ok "):
            raise Failed(answer)
        width, height, us = answer.split()[1:]
        self.us = float(us)
        width, height = int(width), int(height)
        pixels = self.pipe.stdout.read(width * height * 3)
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)

    def resize(self, name, a, w, h, window=None, gap=0, light=0):
        x, y, ww, wh = window or (0, 0, w, h)
        return self.ask(f"resize {name} {a.shape[1]} {a.shape[0]} {w} {h} {x} {y} {ww} {wh} "
                        f"{gap} {light}", np.ascontiguousarray(a).tobytes())

    def decode(self, name, data, strict=0, orient=0):
        return self.ask(f"decode {name} {strict} {orient} {len(data)}", data)

    def prepare(self, decoder, resizer, short, crop, data):
        return self.ask(f"prepare {decoder} {resizer} {short} {crop} {len(data)}", data)

    def colour(self, name, a):
        return self.ask(f"colour {name} {a.shape[1]} {a.shape[0]}",
                        np.ascontiguousarray(a).tobytes())
