"""The attacks of AutoAttack once more, in PyTorch and for whole batches, written from the
papers (arXiv:2003.01690, 1907.02044, 1912.00049): what ours are compared with. Networks are
read from ONNX and rebuilt from torch functions, batch norms folded.

Everything here returns a bool per sample: still right after the attack.
"""
import math

import numpy as np
import onnx
import onnx.numpy_helper
import torch
import torch.nn.functional as F


class Network:
    """Pixels in [0,1] to logits, computed on `device`, wherever the pixels are."""

    def __init__(self, path, mean, std, scale=1.0, device="cpu"):
        model = onnx.load(path)
        self.device = device
        self.constants = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy())
                          for t in model.graph.initializer}
        self.nodes = [(n.op_type, list(n.input), n.output[0],
                       {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute})
                      for n in model.graph.node]
        self.input = [i.name for i in model.graph.input if i.name not in self.constants][0]
        self.output = model.graph.output[0].name
        self.mean = torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1)
        self.std = torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1)
        self.scale = scale
        self.fold()
        for name, value in self.constants.items():
            if value.is_floating_point():
                self.constants[name] = value.to(device)
        self.mean, self.std = self.mean.to(device), self.std.to(device)

    def fold(self):
        """Conv followed by BatchNormalization becomes one Conv."""
        made_by = {out: k for k, (_, _, out, _) in enumerate(self.nodes)}
        uses = {}
        for _, inputs, _, _ in self.nodes:
            for name in inputs:
                uses[name] = uses.get(name, 0) + 1
        kept = []
        for op, inputs, out, attributes in self.nodes:
            k = made_by.get(inputs[0]) if op == "BatchNormalization" else None
            if k is None or self.nodes[k][0] != "Conv" or uses[inputs[0]] != 1:
                kept.append((op, inputs, out, attributes))
                continue
            gamma, beta, mean, var = (self.constants[i].double() for i in inputs[1:5])
            factor = gamma / torch.sqrt(var + attributes.get("epsilon", 1e-5))
            conv_in = self.nodes[k][1]
            weight = self.constants[conv_in[1]].double() * factor.view(-1, 1, 1, 1)
            bias = self.constants[conv_in[2]].double() if len(conv_in) > 2 else 0
            self.constants[out + ".w"] = weight.float()
            self.constants[out + ".b"] = (beta + (bias - mean) * factor).float()
            at = next(i for i, n in enumerate(kept) if n[2] == inputs[0])
            kept[at] = ("Conv", [conv_in[0], out + ".w", out + ".b"], out,
                        self.nodes[k][3])
        self.nodes = kept

    def __call__(self, x):
        values = dict(self.constants)
        values[self.input] = (x.to(self.device) * self.scale - self.mean) / self.std
        for op, inputs, out, attributes in self.nodes:
            values[out] = self.apply(op, [values[i] if i else None for i in inputs],
                                     attributes)
        return values[self.output].to(x.device)

    def apply(self, op, a, at):
        if op == "Conv":
            pads = at.get("pads", [0, 0, 0, 0])
            x = a[0]
            if pads[:2] != pads[2:]:
                x = F.pad(x, (pads[1], pads[3], pads[0], pads[2]))
                pads = [0, 0]
            return F.conv2d(x, a[1], a[2] if len(a) > 2 else None, at.get("strides", 1),
                            pads[:2], at.get("dilations", 1), at.get("group", 1))
        if op == "BatchNormalization":
            return F.batch_norm(a[0], a[3], a[4], a[1], a[2], eps=at.get("epsilon", 1e-5))
        if op == "Relu":
            return F.relu(a[0])
        if op == "Add":
            return a[0] + a[1]
        if op == "Mul":
            return a[0] * a[1]
        if op == "MatMul":
            return a[0] @ a[1]
        if op == "Gemm":
            b = a[1].t() if at.get("transB") else a[1]
            return a[0] @ b + a[2]
        if op == "GlobalAveragePool":
            return a[0].mean((2, 3), keepdim=True)
        if op == "Flatten":
            return a[0].flatten(1)
        if op == "Transpose":
            return a[0].permute(*at["perm"])
        if op == "Softmax":
            return a[0].softmax(at.get("axis", -1))
        if op == "ReduceMean":
            return a[0].mean(at["axes"], keepdim=bool(at.get("keepdims", 1)))
        if op == "Reshape":
            shape = [a[0].shape[i] if s == 0 else int(s) for i, s in enumerate(a[1])]
            return a[0].reshape(shape)
        if op == "Pad":
            pads = a[1].tolist()
            rank = len(pads) // 2
            flat = [p for i in reversed(range(rank)) for p in (pads[i], pads[i + rank])]
            return F.pad(a[0], flat)
        if op == "Slice":
            axes = a[3].tolist()
            steps = a[4].tolist() if len(a) > 4 else [1] * len(axes)
            x = a[0]
            for start, end, axis, step in zip(a[1].tolist(), a[2].tolist(), axes, steps):
                index = [slice(None)] * x.dim()
                index[axis] = slice(start, min(end, x.shape[axis]), step)
                x = x[tuple(index)]
            return x
        raise NotImplementedError(op)


def flat_norm(v, norm):
    v = v.flatten(1)
    return v.abs().amax(1) if norm == "linf" else v.square().sum(1).sqrt()


def column(v):
    return v.view(-1, 1, 1, 1)


def into(x, clean, eps, norm):
    """Ball, then box."""
    if norm == "linf":
        return torch.minimum(torch.maximum(x, clean - eps), clean + eps).clamp(0, 1)
    delta = x - clean
    length = column(flat_norm(delta, norm))
    return (clean + delta * (eps / length.clamp_min(1e-12)).clamp_max(1)).clamp(0, 1)


def losses(z, y, kind, target=None):
    rows = torch.arange(len(z))
    own = z[rows, y]
    if kind == "ce":
        return F.cross_entropy(z, y, reduction="none")
    if kind == "ce*":  # rises with it, and never saturates in float
        rest = z.clone()
        rest[rows, y] = -math.inf
        return rest.logsumexp(1) - own
    top = z.sort(1)[0]
    if target is not None:
        return -(own - z[rows, target]) / (top[:, -1] - (top[:, -3] + top[:, -4]) / 2 + 1e-12)
    rest = z.clone()
    rest[rows, y] = -math.inf
    return -(own - rest.max(1)[0]) / (top[:, -1] - top[:, -3] + 1e-12)


def gradient(network, x, y, kind, target):
    x = x.detach().requires_grad_(True)
    z = network(x)
    loss = losses(z, y, kind, target)
    g, = torch.autograd.grad(loss.sum(), x)
    return z.detach(), loss.detach(), g


def checkpoints(steps):
    window, least, less = max(int(0.22 * steps), 1), max(int(0.06 * steps), 1), max(
        int(0.03 * steps), 1)
    at, out = 0, []
    while at + window <= steps:
        at += window
        out.append((at, window))
        window = max(window - less, least)
    return out


def apgd(network, x0, y, eps, norm, kind, target=None, steps=100, seed=0):
    """One run of Auto-PGD, untargeted or towards target [n]. Broken samples leave."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(x0.shape, generator=generator) if norm == "l2" else \
        2 * torch.rand(x0.shape, generator=generator) - 1
    x = into(x0 + eps * noise / column(flat_norm(noise, norm)), x0, eps, norm)
    right = torch.ones(len(x0), dtype=torch.bool)
    live = torch.arange(len(x0))
    z, loss, g = gradient(network, x, y, kind, target)
    state = dict(x=x, old=x.clone(), best=x.clone(), g=g, g_best=g.clone(), x0=x0, y=y,
                 best_loss=loss.clone(), before=loss.clone(), checked=loss.clone(),
                 eta=torch.full((len(x0),), 2.0 * eps), rises=torch.zeros(len(x0)),
                 reduced=torch.ones(len(x0), dtype=torch.bool), live=live)
    if target is not None:
        state["target"] = target

    def leave(z):
        wrong = z.argmax(1) != state["y"]
        right[state["live"][wrong]] = False
        for key in state:
            state[key] = state[key][~wrong]
        return ~wrong

    leave(z)
    marks = dict(checkpoints(steps))
    for k in range(1, steps + 1):
        if len(state["live"]) == 0:
            break
        s = state
        direction = s["g"].sign() if norm == "linf" else \
            s["g"] / column(flat_norm(s["g"], norm)).clamp_min(1e-12)
        u = into(s["x"] + column(s["eta"]) * direction, s["x0"], eps, norm)
        a = 0.75 if k > 1 else 1.0
        new = into(s["x"] + a * (u - s["x"]) + (1 - a) * (s["x"] - s["old"]), s["x0"], eps,
                   norm)
        s["old"], s["x"] = s["x"], new
        z, loss, s["g"] = gradient(network, new, s["y"], kind, s.get("target"))
        stay = leave(z)
        s, loss = state, loss[stay]
        s["rises"] = s["rises"] + (loss > s["before"])
        s["before"] = loss
        better = loss > s["best_loss"]
        s["best_loss"] = torch.where(better, loss, s["best_loss"])
        s["best"] = torch.where(column(better), s["x"], s["best"])
        s["g_best"] = torch.where(column(better), s["g"], s["g_best"])
        if k in marks:
            slow = s["rises"] <= 0.75 * marks[k]
            stuck = ~s["reduced"] & (s["checked"] >= s["best_loss"])
            halve = slow | stuck
            s["reduced"], s["checked"] = halve, s["best_loss"].clone()
            s["eta"] = torch.where(halve, s["eta"] / 2, s["eta"])
            s["x"] = torch.where(column(halve), s["best"], s["x"])
            s["g"] = torch.where(column(halve), s["g_best"], s["g"])
            s["rises"] = torch.zeros_like(s["rises"])
    return right


def wrong_classes(network, x, y):
    with torch.no_grad():
        z = network(x).clone()
    z[torch.arange(len(y), device=y.device), y] = -math.inf
    return z.sort(1, descending=True)[1]


def apgd_t(network, x, y, eps, norm, steps=100, seed=0):
    right = torch.ones(len(x), dtype=torch.bool)
    order = wrong_classes(network, x, y)
    for k in range(9):
        left = right.nonzero().flatten()
        if len(left):
            right[left] = apgd(network, x[left], y[left], eps, norm, "dlr",
                               order[left, k], steps, seed + k)
    return right


def plane_step(x, w, b, norm):
    """Smallest delta with w·(x + delta) = b and x + delta in the box, by bisection on the
    common step; everything flat [n, d]."""
    gap = b - (w * x).sum(1)
    sign = torch.sign(gap)[:, None] * torch.sign(w)
    room = torch.where(sign > 0, 1 - x, x).double()
    a = w.abs().double()
    unit = torch.ones_like(a) if norm == "linf" else a
    want = gap.abs().double()
    low = torch.zeros_like(want)
    high = (room / unit.clamp_min(1e-30)).where(a > 0, torch.zeros_like(a)).amax(1)
    for _ in range(30):
        mid = (low + high) / 2
        reach = (a * torch.minimum(mid[:, None] * unit, room)).sum(1)
        low = torch.where(reach < want, mid, low)
        high = torch.where(reach < want, high, mid)
    return (sign * torch.minimum(high[:, None] * unit, room)).float()


def fab_t(network, x0, y, norm, steps=100, targets=9):
    """Smallest distance found per sample, inf where none. All on the network's device."""
    x0, y = x0.to(network.device), y.to(network.device)
    order = wrong_classes(network, x0, y)
    smallest = torch.full((len(x0),), math.inf, device=network.device)
    rows = torch.arange(len(y), device=network.device)
    flat0 = x0.flatten(1)
    for k in range(min(targets, order.shape[1] - 1)):
        target = order[:, k]
        x = x0.clone()
        for _ in range(steps):
            leaf = x.detach().requires_grad_(True)
            z = network(leaf)
            f = z[rows, y] - z[rows, target]
            w, = torch.autograd.grad(f.sum(), leaf)
            w, flat = w.flatten(1), x.flatten(1)
            b = (w * flat).sum(1) - f.detach()
            d1, d2 = plane_step(flat, w, b, norm), plane_step(flat0, w, b, norm)
            n1, n2 = flat_norm(d1, norm), flat_norm(d2, norm)
            a = (n1 / (n1 + n2).clamp_min(1e-12)).clamp(0, 0.1)[:, None]
            x = ((1 - a) * (flat + 1.05 * d1) + a * (flat0 + 1.05 * d2)).clamp(0, 1)
            x = x.view_as(x0)
            with torch.no_grad():
                wrong = network(x).argmax(1) != y
            distance = flat_norm(x - x0, norm)
            smallest = torch.where(wrong & (distance < smallest), distance, smallest)
            x = torch.where(column(wrong), x0 + 0.9 * (x - x0), x)
    return smallest.cpu()


def share(i, p=0.8):
    for k, end in enumerate((10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)):
        if i <= end:
            return p / 2 ** k
    return p / 512


def bump(side, rng):
    def pile(rows, columns):
        out = np.zeros((rows, columns))
        r0, c0 = rows // 2 + 1, columns // 2 + 1
        for k in range(max(r0, c0)):
            out[max(r0 - 1 - k, 0):max(r0 + k, 0), max(c0 - 1 - k, 0):max(c0 + k, 0)] += \
                1 / (k + 1) ** 2
        return out / np.sqrt((out ** 2).sum())
    out = np.zeros((side, side))
    if side // 2:
        out[:side // 2] = pile(side // 2, side)
    out[side // 2:] = -pile(side - side // 2, side)
    out /= np.sqrt((out ** 2).sum())
    return out.T if rng.integers(2) else out


def margins(network, x, y):
    with torch.no_grad():
        z = network(x)
    own = z[torch.arange(len(y)), y]
    rest = z.clone()
    rest[torch.arange(len(y)), y] = -math.inf
    return rest.max(1)[0] - own, z.argmax(1) != y


def square(network, x0, y, eps, norm, queries=5000, seed=0):
    """Windows and signs are drawn for each sample, not for the batch."""
    rng = np.random.default_rng(seed)
    right = torch.ones(len(x0), dtype=torch.bool)
    clean, label, live = x0, y, torch.arange(len(x0))
    n, c, h, w = x0.shape
    if norm == "linf":
        signs = torch.from_numpy(rng.choice([-1.0, 1.0], (n, c, 1, w))).float()
        best = (clean + eps * signs).clamp(0, 1)
    else:
        delta = np.zeros((n, c, h, w))
        side = h // 5
        first = (h - side * (h // side)) // 2
        for i in range(n):
            for r in range(first, h - side + 1, side):
                for q in range(first, w - side + 1, side):
                    delta[i, :, r:r + side, q:q + side] += \
                        bump(side, rng) * rng.choice([-1.0, 1.0], (c, 1, 1))
        delta = torch.from_numpy(delta).float()
        best = (clean + eps * delta / column(flat_norm(delta, norm))).clamp(0, 1)
    score, wrong = margins(network, best, label)
    for i in range(1, queries):
        if wrong.any():
            right[live[wrong]] = False
            keep = ~wrong
            clean, label, live, best, score = (v[keep] for v in
                                               (clean, label, live, best, score))
        if len(live) == 0:
            return right
        side = round(math.sqrt(share(i) * h * w))
        trial = best.clone()
        for k in range(len(live)):
            if norm == "linf":
                s = max(side, 1)
                r, q = rng.integers(h - s + 1), rng.integers(w - s + 1)
                sign = torch.from_numpy(rng.choice([-1.0, 1.0], (c, 1, 1))).float()
                trial[k, :, r:r + s, q:q + s] = \
                    clean[k, :, r:r + s, q:q + s] + eps * sign
            else:
                s = max(side, 3)
                s = min(s + (s % 2 == 0), h)
                r, q, r2, q2 = (rng.integers(h - s + 1) for _ in range(4))
                delta = (best[k] - clean[k]).numpy().astype(np.float64)
                used = (delta ** 2).sum()
                window = np.sqrt((delta[:, r:r + s, q:q + s] ** 2).sum())
                both = np.zeros((h, w), bool)
                both[r:r + s, q:q + s] = both[r2:r2 + s, q2:q2 + s] = True
                freed = (delta ** 2 * both).sum((1, 2))
                shape = bump(s, rng) * rng.choice([-1.0, 1.0], (c, 1, 1)) + \
                    delta[:, r:r + s, q:q + s] / (1e-12 + window)
                length = np.sqrt((shape ** 2).sum((1, 2)))
                budget = np.sqrt(max(eps * eps - used, 0) / c + freed)
                delta[:, r2:r2 + s, q2:q2 + s] = 0
                delta[:, r:r + s, q:q + s] = \
                    shape * (budget / (1e-12 + length))[:, None, None]
                delta *= eps / np.sqrt((delta ** 2).sum())
                trial[k] = clean[k] + torch.from_numpy(delta).float()
        trial = trial.clamp(0, 1)
        value, now = margins(network, trial, label)
        better = (value > score) | now
        best = torch.where(column(better), trial, best)
        score = torch.where(better, value, score)
        wrong = now
    right[live[wrong]] = False
    return right
