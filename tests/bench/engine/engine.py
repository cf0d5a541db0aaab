#!/usr/bin/env python3
"""The engine beside PyTorch and ONNX Runtime, in turn, one thread each.

Usage: engine.py ENGINE [--seconds S] [--rounds R] [--only TEXT]
  ENGINE      the program of engine.c (build/tests/bench/engine)
Peers are used where they are: PyTorch for networks and gradients (python3-torch,
python3-torchvision, needed once to export the networks), ONNX Runtime through node with
NODE_PATH pointing at an installed onnxruntime-node.

Rates are images per second of CPU time, medians of five within each of the rounds, in which
all take their turn; the median round is printed.
  ours    what a session does: one picture after another, whatever the batch (train: the
          trainer's parts of the batch)
  wide    one plan for the whole batch, which no session uses: the reason is this column
  peers   the whole batch at once, in the best way that they have
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BATCHES = {"resnet20": (1, 64), "mobilenet_v2": (1, 16), "squeezenet1_1": (1,),
           "resnet50": (1, 16)}
CASES = ([(n, b, mode) for mode in ("forward", "gradient") for n, bs in BATCHES.items()
          for b in bs]
         + [(n, 64 if n == "resnet20" else 16, "train") for n in BATCHES]
         + [(n, 1, mode) for mode in ("int8", "bf16-native") for n in BATCHES])


def run(command, **keywords):
    result = subprocess.run(command, capture_output=True, text=True, **keywords)
    if result.returncode:
        print(f"  {command[0]}: {result.stderr.strip()[-200:]}", file=sys.stderr)
        return {}
    return json.loads(result.stdout.strip().splitlines()[-1])


def ours(engine, folder, name, batch, mode, seconds):
    end = "_train" if mode == "train" else ""
    return run([engine, str(folder / f"{name}{end}.onnx"), str(batch), mode, str(seconds)])


def torch_peer(name, batch, mode, seconds):
    return run([sys.executable, str(HERE / "peer_torch.py"), name, str(batch), mode,
                str(seconds)], cwd=HERE)


def ort_peer(folder, name, batch, seconds):
    if "NODE_PATH" not in os.environ:
        return {}
    return run(["node", str(HERE / "peer_ort.js"), str(folder / f"{name}.onnx"), str(batch),
                str(seconds)])


def turn(engine, folder, name, batch, mode, seconds):
    """One round: whoever takes part, by column."""
    parts = {"ours": ours(engine, folder, name, batch if mode == "train" else 1, mode, seconds)}
    if mode in ("forward", "gradient", "train"):
        parts["torch"] = torch_peer(name, batch, mode, seconds)
    if mode == "forward":
        parts["ort"] = ort_peer(folder, name, batch, seconds)
    if batch > 1 and mode != "train":
        parts["wide"] = ours(engine, folder, name, batch, mode, seconds)
    if mode in ("int8", "bf16-native"):
        parts["fp32"] = ours(engine, folder, name, 1, "forward", seconds)
    return {key: part["images_per_s"] for key, part in parts.items() if part}, parts["ours"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    engine = str(pathlib.Path(options.engine).resolve())
    folder = pathlib.Path(tempfile.gettempdir()) / "gauntlet-engine-bench"
    subprocess.run([sys.executable, str(HERE / "make_networks.py"), str(folder)], check=True,
                   cwd=HERE, stderr=subprocess.DEVNULL)
    peak = run([engine, "peak"]).get("peak_gflops")
    print(f"peak of one core: {peak} GFLOP/s (fused multiply-adds, float32)")
    print("network       batch mode          ours/s   wide/s  torch/s    ort/s  x torch  x ort"
          " x fp32  % of peak")
    for name, batch, mode in CASES:
        if options.only and options.only not in f"{name} {batch} {mode}":
            continue
        rounds = [turn(engine, folder, name, batch, mode, options.seconds)
                  for _ in range(options.rounds)]
        rate = {key: statistics.median(r[0][key] for r in rounds if key in r[0])
                for key in ("ours", "wide", "torch", "ort", "fp32")
                if any(key in r[0] for r in rounds)}
        mine = rounds[0][1]
        flops = mine["gflops"] / mine["images_per_s"] * rate["ours"] if mine else 0
        ratio = {key: f"{rate['ours'] / rate[key]:.2f}" if key in rate else "-"
                 for key in ("torch", "ort", "fp32")}
        rates = " ".join(f"{rate[key]:8.1f}" if key in rate else "       -"
                         for key in ("ours", "wide", "torch", "ort"))
        print(f"{name:13} {batch:5} {mode:11} {rates}    {ratio['torch']:>5}  {ratio['ort']:>5}"
              f"  {ratio['fp32']:>5}      {100 * flops / peak if peak else 0:5.1f}", flush=True)


if __name__ == "__main__":
    main()
