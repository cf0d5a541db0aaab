#!/bin/sh
# Time per method of post-training quantization, beside the same method in PyTorch: same
# network, number of pictures, batches and iterations per block, one thread each. Seconds
# of CPU, so that other work on the machine matters little: of our whole command; of the
# peer's quantization alone, without importing PyTorch and decoding.
#
#   tests/bench/quantize/bench.sh NETWORK.onnx PICTURES.tar [SAMPLES [ITERATIONS [BITS]]]
#
# NETWORK is ResNet-20 or -56 of ../shared/data/models: the peer knows their blocks.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
gauntlet=${GAUNTLET:-$here/../../../build/harness/gauntlet}
network=$1 pictures=$2 samples=${3:-256} iterations=${4:-100} bits=${5:-2}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export OMP_NUM_THREADS=1

cpu() { # command...: its CPU seconds; its output goes to $scratch/out
    bash -c 'TIMEFORMAT="%U %S"; time "$@" >"$0/out" 2>"$0/err"' "$scratch" "$@" 2>&1 |
        awk '{ printf "%.2f", $1 + $2 }'
}

# sed: the losses of our last block, for a look that both do the same.
for method in brecq adaround; do
    us=$(cpu "$gauntlet" quantize "$network" --method $method --weights "$bits" --acts 32 \
        --calib "$pictures" --samples "$samples" --iterations "$iterations" --threads 1 \
        --output "$scratch/out.onnx")
    losses=$(sed -n 's/.*up to logits.*loss //p' "$scratch/err")
    /usr/bin/python3 "$here/peer_torch.py" "$network" "$pictures" "$samples" \
        "$iterations" "$bits" $method 1 > "$scratch/out"
    them=$(sed 's/.*"cpu_s": \([0-9.]*\).*/\1/' "$scratch/out")
    echo "$method, $samples pictures, $iterations iterations a block, $bits bits: gauntlet $us s," \
        "PyTorch $them s of CPU, ratio $(echo "$them $us" | awk '{ printf "%.2f", $1 / $2 }');" \
        "loss of the last block $losses; PyTorch $(sed 's/.*\[\([0-9.]*\), \([0-9.]*\)\]\].*/\1 -> \2/' "$scratch/out")"
done
