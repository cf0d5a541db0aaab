#!/usr/bin/python3
"""Does an independent runtime see the same top-1?

    npm install --ignore-scripts onnxruntime-node@1.20.1     (in a scratch folder)
    NODE_PATH=SCRATCH/node_modules scripts/agreement.py --db results.db \\
        --dataset PICTURES.tar NETWORK.onnx...

For each network: the predictions for `clean` that `gauntlet run` has stored in results.db,
beside those of ONNX Runtime on the same pictures, decoded by Pillow and prepared here after
NETWORK.yaml. Once with ONNX Runtime's optimizations (integer kernels), once without (the
float arithmetic that a QDQ file says literally).
"""
import argparse, io, os, sqlite3, subprocess, tarfile, tempfile
import numpy as np
from PIL import Image


def record(path):
    """The keys of NAME.yaml: one a line, JSON-like values."""
    keys = {}
    for line in open(path):
        key, _, value = line.partition(":")
        value = value.strip().strip('"')
        if value.startswith("["):
            value = [float(v) for v in value[1:-1].split(",")]
        keys[key.strip()] = value
    return keys


def prepare(data, keys):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    width, height = (int(v) for v in keys["input"])
    short = int(keys.get("resize", 0))
    if keys.get("resize_rule", "none") != "none" and short:
        scale = short / min(image.size)
        size = [short if s == min(image.size) else round(s * scale) for s in image.size]
        image = image.resize(size, Image.BILINEAR)
    left, top = (image.size[0] - width) // 2, (image.size[1] - height) // 2
    pixels = np.asarray(image)[top : top + height, left : left + width]
    x = pixels.astype(np.float64) * float(keys["scale"])
    x = (x.astype(np.float32) - np.float32(keys["mean"])) / np.float32(keys["std"])
    if keys["order"] == "bgr":
        x = x[:, :, ::-1]
    return x if keys["layout"] == "nhwc" else x.transpose(2, 0, 1)


def ours(db, model):
    return db.execute(
        "SELECT key, label, top1 FROM pred_row WHERE cell_id = (SELECT cell_id FROM result "
        "WHERE model = ? AND condition = 'clean' ORDER BY finished DESC LIMIT 1) ORDER BY pos",
        [model],
    ).fetchall()


def theirs(path, inputs, level):
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.NamedTemporaryFile(suffix=".f32") as file:
        inputs.astype("<f4").tofile(file.name)
        shape = "x".join(str(s) for s in inputs.shape[1:])
        out = subprocess.run(
            ["node", here + "/agreement_ort.js", path, file.name, shape, level],
            capture_output=True, text=True)
    if out.returncode:
        return None, out.stderr.strip().splitlines()[-1]
    lines = out.stdout.split()
    return lines[0], np.array([int(v) for v in lines[1:]])


def main():
    args = argparse.ArgumentParser(description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--db", required=True)
    args.add_argument("--dataset", required=True)
    args.add_argument("networks", nargs="+")
    args = args.parse_args()
    db, tar = sqlite3.connect(args.db), tarfile.open(args.dataset)
    names, version = {m.name for m in tar.getmembers()}, "?"
    print(f"{'NETWORK':40} {'N':>5} {'OURS':>6} {'ORT int':>8} {'differ':>6} "
          f"{'ORT float':>9} {'differ':>6}")
    for path in args.networks:
        stem = os.path.basename(path)[: -len(".onnx")]
        keys, rows = record(path[: -len(".onnx")] + ".yaml"), ours(db, stem)
        rows = [r for r in rows if r[0] in names]
        if not rows:
            print(f"{stem:40} no clean predictions in {args.db}")
            continue
        inputs = np.stack([prepare(tar.extractfile(r[0]).read(), keys) for r in rows])
        label, top1 = np.array([r[1] for r in rows]), np.array([r[2] for r in rows])
        line = f"{stem:40} {len(rows):5} {100 * np.mean(top1 == label):6.2f}"
        for level in ("all", "disabled"):
            found, top = theirs(path, inputs, level)
            if found is None:
                line += f"  {top}"
                continue
            version = found
            line += f" {100 * np.mean(top == label):8.2f} {int(np.sum(top != top1)):6}"
        print(line)
    print(f"ONNX Runtime {version}")


main()
