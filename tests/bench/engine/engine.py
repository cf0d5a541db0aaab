#!/usr/bin/env python3
"""The engine beside PyTorch and ONNX Runtime, in turn, one thread each.

Usage: engine.py ENGINE [--seconds S] [--only TEXT]
  ENGINE      the program of engine.c (build/tests/bench/engine)
Peers are used where they are: PyTorch for networks and gradients (python3-torch,
python3-torchvision, needed once to export the networks), ONNX Runtime through node with
NODE_PATH pointing at an installed onnxruntime-node.
Rates are images per second of CPU time, medians of five rounds.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CASES = [(name, batch, mode)
         for mode in ("forward", "gradient", "int8", "bf16")
         for name, batches in (("resnet20", (1, 64)), ("mobilenet_v2", (1,)),
                               ("squeezenet1_1", (1,)), ("resnet50", (1, 16)))
         for batch in batches if mode in ("forward", "gradient") or batch == 1]


def run(command, **keywords):
    result = subprocess.run(command, capture_output=True, text=True, **keywords)
    if result.returncode:
        print(f"  {command[0]}: {result.stderr.strip()[-200:]}", file=sys.stderr)
        return {}
    return json.loads(result.stdout.strip().splitlines()[-1])


def ours(engine, folder, name, batch, mode, seconds):
    return run([engine, str(folder / f"{name}.onnx"), str(batch), mode, str(seconds)])


def torch_peer(name, batch, mode, seconds):
    return run([sys.executable, str(HERE / "peer_torch.py"), name, str(batch), mode,
                str(seconds)], cwd=HERE)


def ort_peer(folder, name, batch, seconds):
    if "NODE_PATH" not in os.environ:
        return {}
    return run(["node", str(HERE / "peer_ort.js"), str(folder / f"{name}.onnx"), str(batch),
                str(seconds)])


def ratio(a, b):
    return f"{a / b:5.2f}" if a and b else "    -"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    engine = str(pathlib.Path(options.engine).resolve())
    folder = pathlib.Path(tempfile.gettempdir()) / "gauntlet-engine-bench"
    subprocess.run([sys.executable, str(HERE / "make_networks.py"), str(folder)], check=True,
                   cwd=HERE)
    peak = run([engine, "peak"]).get("peak_gflops")
    print(f"peak of one core: {peak} GFLOP/s (fused multiply-adds, float32)")
    print("network          batch mode      ours/s   torch/s     ort/s  x torch  x ort "
          " x fp32  % of peak")
    floats = {}
    for name, batch, mode in CASES:
        if options.only and options.only not in f"{name} {batch} {mode}":
            continue
        mine = ours(engine, folder, name, batch, mode, options.seconds)
        rate = mine.get("images_per_s")
        if mode == "forward":
            floats[name, batch] = rate
        torch = (torch_peer(name, batch, mode, options.seconds).get("images_per_s")
                 if mode in ("forward", "gradient") else None)
        ort = (ort_peer(folder, name, batch, options.seconds).get("images_per_s")
               if mode == "forward" else None)
        share = 100 * mine.get("gflops", 0) / peak if peak else 0
        print(f"{name:16} {batch:5} {mode:8} {rate or 0:8.1f} {torch or 0:9.1f} {ort or 0:9.1f}"
              f"    {ratio(rate, torch)}  {ratio(rate, ort)}"
              f"   {ratio(rate, floats.get((name, batch)) if mode != 'forward' else None)}"
              f"     {share:5.1f}", flush=True)


if __name__ == "__main__":
    main()
