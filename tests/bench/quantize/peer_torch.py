"""AdaRound and BRECQ in PyTorch, as their authors' repositories do it, in little: the peer
of `gauntlet quantize --method brecq` in tests/bench/quantize/bench.sh.

    /usr/bin/python3 peer_torch.py RESNET.onnx PICTURES.tar SAMPLES ITERATIONS BITS brecq|adaround

ResNet-20 or -56 of the shared data: weights straight from the ONNX file (read with the
protobuf wire format, no onnx module needed), batch norm folded. Calibration pictures are
decoded with Pillow. Prints one JSON line with the seconds of reconstruction and of the rest,
and each block's loss before and after.
"""
import io, json, struct, sys, tarfile, time
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

torch.set_num_threads(int(sys.argv[7]) if len(sys.argv) > 7 else 2)


# --- the network ------------------------------------------------------------------------

def fields(data):
    """(number, value) of a protobuf message; lengths are bytes, varints ints."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 2:
            size = varint()
            yield key >> 3, data[at : at + size]
            at += size
        else:
            size = 8 if key & 7 == 1 else 4
            yield key >> 3, data[at : at + size]
            at += size


def read_onnx(path):
    """Initialisers by name, and (operator, inputs, attributes) of each node."""
    graph = dict(fields(open(path, "rb").read()))[7]
    tensors, nodes = {}, []
    for number, value in fields(graph):
        if number == 5:
            dims, name, raw, kind = [], None, b"", None
            for n, v in fields(value):
                dims += [v] if n == 1 and isinstance(v, int) else []
                if n == 1 and not isinstance(v, int):
                    dims += list(v)
                kind, name, raw = (v if n == 2 else kind, v.decode() if n == 8 else name,
                                   v if n == 9 else raw)
            if kind == 1:
                tensors[name] = torch.tensor(np.frombuffer(raw, "<f4").reshape(dims).copy())
        elif number == 1:
            inputs, op, epsilon = [], None, 1e-5
            for n, v in fields(value):
                inputs += [v.decode()] if n == 1 else []
                op = v.decode() if n == 4 else op
                if n == 5 and b"epsilon" in v:
                    epsilon = struct.unpack("<f", dict(fields(v))[2])[0]
            nodes.append((op, inputs, epsilon))
    return tensors, nodes


def load(path):
    """Folded (weight, bias) of each convolution in order, then of the last layer."""
    tensors, nodes = read_onnx(path)
    layers = []
    for op, inputs, epsilon in nodes:
        if op == "Conv":
            layers.append([tensors[inputs[1]], torch.zeros(tensors[inputs[1]].shape[0])])
        elif op == "BatchNormalization":
            gamma, beta, mean, var = (tensors[i] for i in inputs[1:])
            scale = gamma / torch.sqrt(var + epsilon)
            layers[-1][0] = layers[-1][0] * scale[:, None, None, None]
            layers[-1][1] = (layers[-1][1] - mean) * scale + beta
        elif op == "Gemm":
            layers.append([tensors[inputs[1]], tensors[inputs[2]]])
    return layers


def shortcut(x, channels):
    if x.shape[1] == channels:
        return x
    pad = (channels - x.shape[1]) // 2
    return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, pad, pad))


def block(x, a, b):
    stride = 1 if a[0].shape[0] == x.shape[1] else 2
    y = F.relu(F.conv2d(x, a[0], a[1], stride, 1))
    return F.relu(F.conv2d(y, b[0], b[1], 1, 1) + shortcut(x, b[0].shape[0]))


def head(x, a):
    return F.linear(x.mean((2, 3)), a[0], a[1])


# --- quantization -----------------------------------------------------------------------

def grid(w, bits):
    """Scale and zero point per channel: 80 shrunk ranges, least mean |.|^2.4."""
    flat = w.reshape(w.shape[0], -1)
    low, high = flat.min(1)[0].clamp(max=0), flat.max(1)[0].clamp(min=0)
    best = torch.full((w.shape[0],), float("inf"))
    scale, zero = torch.ones(w.shape[0]), torch.zeros(w.shape[0])
    for i in range(80):
        s = ((high - low) * (1 - 0.01 * i) / (2**bits - 1)).clamp(min=1e-12)
        z = torch.round(-low * (1 - 0.01 * i) / s)
        q = (torch.round(flat / s[:, None]) + z[:, None]).clamp(0, 2**bits - 1)
        error = ((q - z[:, None]) * s[:, None] - flat).abs().pow(2.4).mean(1)
        better = error < best
        best, scale, zero = (torch.where(better, a, b)
                             for a, b in ((error, best), (s, scale), (z, zero)))
    shape = [-1] + [1] * (w.dim() - 1)
    return scale.reshape(shape), zero.reshape(shape)


class Rounding:
    def __init__(self, w, bits):
        self.bits, (self.scale, self.zero) = bits, grid(w, bits)
        self.floor = torch.floor(w / self.scale)
        rest = w / self.scale - self.floor
        self.alpha = (-torch.log(1.2 / (rest + 0.1) - 1)).requires_grad_()

    def h(self):
        return (1.2 * torch.sigmoid(self.alpha) - 0.1).clamp(0, 1)

    def weight(self, hard=False):
        h = (self.alpha >= 0).float() if hard else self.h()
        q = (self.floor + h + self.zero).clamp(0, 2**self.bits - 1)
        return (q - self.zero) * self.scale


def reconstruct(run, layers, x, target, bits, iterations, generator):
    """run(x, layers) of the block; returns the hard weights, and losses at both ends."""
    rounding = [Rounding(w, bits) for w, _ in layers]
    adam = torch.optim.Adam([r.alpha for r in rounding], lr=1e-2)

    def proof():
        """The loss of hard weights on a fixed part of the samples: to nearest at first."""
        with torch.no_grad():
            y = run(x[:256], [(r.weight(True), b) for r, (_, b) in zip(rounding, layers)])
            return (y - target[:256]).pow(2).sum(1).mean().item()

    before = proof()
    for i in range(iterations):
        chosen = torch.randint(len(x), (32,), generator=generator)
        y = run(x[chosen], [(r.weight(), b) for r, (_, b) in zip(rounding, layers)])
        loss = (y - target[chosen]).pow(2).sum(1).mean()
        progress = i / iterations
        if progress >= 0.2:
            beta = 20 - 18 * (progress - 0.2) / 0.8
            loss = loss + 0.01 * sum(
                (1 - (2 * r.h() - 1).abs().pow(beta)).sum() for r in rounding)
        adam.zero_grad()
        loss.backward()
        adam.step()
    hard = [(r.weight(True).detach(), b) for r, (_, b) in zip(rounding, layers)]
    return hard, before, proof()


def batches(run, x, layers):
    with torch.no_grad():
        return torch.cat([run(part, layers) for part in x.split(64)])


def stretches(layers, method):
    """(run, first layer, last layer) behind the stem."""
    for i in range(1, len(layers) - 1, 2):
        if method == "brecq":
            yield (lambda x, l: block(x, *l)), i, i + 2
        else:
            yield None, i, i + 2
    yield (lambda x, l: head(x, l[0])), len(layers) - 1, len(layers)


def layerwise(layers, work, x, full, bits, iterations, generator):
    """Both layers of a residual block, each for itself, as AdaRound does."""
    a, b = layers
    stride = 1 if a[0].shape[0] == x.shape[1] else 2
    first = lambda x, l: F.relu(F.conv2d(x, l[0][0], l[0][1], stride, 1))
    second = lambda x, l: F.conv2d(x, l[0][0], l[0][1], 1, 1)
    hard_a, *_ = reconstruct(first, [a], x, batches(first, full, [a]), bits, iterations, generator)
    middle, full_middle = batches(first, x, hard_a), batches(first, full, [a])
    hard_b, before, after = reconstruct(second, [b], middle, batches(second, full_middle, [b]),
                                        bits, iterations, generator)
    return hard_a + hard_b, before, after


def pictures(path, count):
    tar = tarfile.open(path)
    names = sorted(m.name for m in tar.getmembers() if m.name.endswith(".jpg"))
    names = names[:: max(1, len(names) // count)][:count]
    mean, std = torch.tensor([.485, .456, .406]), torch.tensor([.229, .224, .225])
    out = []
    for name in names:
        image = Image.open(io.BytesIO(tar.extractfile(name).read())).convert("RGB")
        out.append((torch.tensor(np.asarray(image) / 255, dtype=torch.float32) - mean) / std)
    return torch.stack(out).permute(0, 3, 1, 2).contiguous()


def main(path, data, samples, iterations, bits, method, *_):
    samples, iterations, bits = int(samples), int(iterations), int(bits)
    start = time.time()
    layers, generator = load(path), torch.Generator().manual_seed(0)
    x = pictures(data, samples)
    stem = lambda x, l: F.relu(F.conv2d(x, l[0][0], l[0][1], 1, 1))
    eight = Rounding(layers[0][0], 8)
    to_nearest = lambda r: ((torch.round(layers[0][0] / r.scale) + r.zero).clamp(0, 255)
                            - r.zero) * r.scale
    full = batches(stem, x, [layers[0]])
    work = batches(stem, x, [(to_nearest(eight), layers[0][1])])
    spent, blocks, process = 0, [], time.process_time()
    for run, first, last in stretches(layers, method):
        width = 8 if last == len(layers) else bits
        begin = time.time()
        if run:
            target = batches(run, full, layers[first:last])
            hard, before, after = reconstruct(run, layers[first:last], work, target, width,
                                              iterations, generator)
        else:
            run = lambda x, l: block(x, *l)
            target = batches(run, full, layers[first:last])
            hard, before, after = layerwise(layers[first:last], None, work, full, width,
                                            iterations, generator)
        spent += time.time() - begin
        blocks.append([round(before, 4), round(after, 4)])
        full, work = target, batches(run, work, hard)
    print(json.dumps({"reconstruct_s": round(spent, 2), "cpu_s": round(time.process_time() - process, 2),
                      "all_s": round(time.time() - start, 2), "blocks": blocks,
                      "torch": torch.__version__, "threads": torch.get_num_threads()}))


main(*sys.argv[1:])
