#!/usr/bin/env python3
"""ResNet-20 on JPEGs the way it is usually done: Pillow decodes, PyTorch predicts.

Reads a tar of CLASS/NAME.jpg in place, batches of 64, one thread, inference mode; the
network is the ONNX file's, built from its own weights and traced, frozen and optimised.
With --eager it is left as scripts usually leave it, with PyTorch's own threads.
Prints top-1, images per second, images per CPU second and peak memory. Packages:
python3-torch python3-pil python3-onnx python3-numpy.

Usage: peer.py NETWORK.onnx DATA.tar [LIMIT] [--eager]
"""
import io
import resource
import sys
import tarfile
import time

import numpy as np
import onnx
from onnx import numpy_helper
from PIL import Image
import torch
import torch.nn.functional as F

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
BATCH = 64


class Network(torch.nn.Module):
    """The graph's nodes in order: Conv, BatchNormalization, Relu, Add, Slice + Pad
    (option-A shortcut), GlobalAveragePool, Flatten, Gemm."""

    def __init__(self, path):
        super().__init__()
        graph = onnx.load(path).graph
        self.nodes = list(graph.node)
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.output = graph.output[0].name
        for name, value in self.constants.items():
            if value.dtype == np.float32 and value.ndim:
                self.register_buffer("w_" + name.replace(".", "_"), torch.from_numpy(value.copy()))

    def weight(self, name):
        return getattr(self, "w_" + name.replace(".", "_"))

    def forward(self, x):
        values = {"input": x}
        for node in self.nodes:
            a = {p.name: onnx.helper.get_attribute_value(p) for p in node.attribute}
            v = values[node.input[0]]
            if node.op_type == "Conv":
                bias = self.weight(node.input[2]) if len(node.input) > 2 else None
                y = F.conv2d(v, self.weight(node.input[1]), bias, tuple(a["strides"]),
                             tuple(a["pads"][:2]))
            elif node.op_type == "BatchNormalization":
                w, b, m, s = (self.weight(n) for n in node.input[1:5])
                y = F.batch_norm(v, m, s, w, b, False, 0.0, a.get("epsilon", 1e-5))
            elif node.op_type == "Relu":
                y = F.relu(v)
            elif node.op_type == "Add":
                y = v + values[node.input[1]]
            elif node.op_type == "Slice":
                y = v[:, :, ::2, ::2]
            elif node.op_type == "Pad":
                pads = self.constants[node.input[1]]
                y = F.pad(v, (0, 0, 0, 0, int(pads[1]), int(pads[5])))
            elif node.op_type == "GlobalAveragePool":
                y = v.mean((2, 3), keepdim=True)
            elif node.op_type == "Flatten":
                y = torch.flatten(v, 1)
            elif node.op_type == "Gemm":
                y = F.linear(v, self.weight(node.input[1]) if a.get("transB")
                             else self.weight(node.input[1]).t(), self.weight(node.input[2]))
            else:
                raise SystemExit("peer: no " + node.op_type)
            values[node.output[0]] = y
        return values[self.output]


def main(network, data, limit=0, eager=False):
    if not eager:
        torch.set_num_threads(1)
    with torch.no_grad():
        net = Network(network).eval()
        if not eager:
            net = torch.jit.trace(net, torch.zeros(BATCH, 3, 32, 32))
            net = torch.jit.optimize_for_inference(torch.jit.freeze(net))
        for _ in range(3):
            net(torch.zeros(BATCH, 3, 32, 32))

        start, cpu = time.perf_counter(), time.process_time()
        right = count = 0
        with tarfile.open(data) as tar:
            members = [m for m in tar.getmembers() if m.isfile()]
            classes = sorted({m.name.split("/")[-2] for m in members})
            members = members[:limit or None]
            for first in range(0, len(members), BATCH):
                part = members[first:first + BATCH]
                pixels = [np.asarray(Image.open(io.BytesIO(tar.extractfile(m).read()))
                                     .convert("RGB")) for m in part]
                x = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float().div_(255)
                top1 = net((x - MEAN) / STD).argmax(1).tolist()
                right += sum(t == classes.index(m.name.split("/")[-2])
                             for t, m in zip(top1, part))
                count += len(part)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{100 * right / count:.2f} {count / wall:.1f} {count / cpu:.1f} {peak // 1024}")


words = [word for word in sys.argv[1:] if word != "--eager"]
main(words[0], words[1], int(words[2]) if len(words) > 2 else 0, "--eager" in sys.argv)
