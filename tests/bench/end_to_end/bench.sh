#!/usr/bin/env bash
# JPEG to prediction, 5,000 pictures through ResNet-20: us and Pillow + PyTorch in turn on
# the same core, one thread each. CPU time is what is compared: wall clock depends on who
# else is on the machine. Ours is the whole program: start, index and hash of the data,
# database on disk included. Then peak memory at 500 and 5,000 pictures.
#   tests/bench/end_to_end/bench.sh [ROUNDS] [BUILD]
set -euo pipefail
cd "$(dirname "$0")/../../.."
rounds=${1:-3} gauntlet=${2:-build}/harness/gauntlet
net=../shared/data/models/cifar10_resnet20_fp32.onnx data=../shared/data/cifar10-test.tar
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
core=$(taskset -pc $$ | sed 's/.*: \([0-9]*\).*/\1/')

ours() { # [LIMIT]: top-1, images/s, images per CPU second, peak MiB
    rm -f "$place"/b.db*
    local usage
    usage=$( { TIMEFORMAT='%R %U %S'; time taskset -c "$core" "$gauntlet" run --model "$net" \
        --dataset "$data" ${1:+--limit "$1"} --threads 1 --db "$place/b.db" --json --quiet \
        >"$place/out"; } 2>&1 )
    local n=${1:-5000} top1
    top1=$(sqlite3 "$place/b.db" 'SELECT printf("%.2f", 100*acc) FROM result')
    awk -v n="$n" -v top1="$top1" -v kb="$(sed 's/.*"peak_kb":\([0-9]*\).*/\1/' "$place/out")" \
        '{ printf "%s %.1f %.1f %d\n", top1, n/$1, n/($2+$3), kb/1024 }' <<<"$usage"
}
peer() {
    taskset -c "$core" /usr/bin/python3 tests/bench/end_to_end/peer.py "$net" "$data" ${1:+"$1"}
}

printf '%-9s %6s %10s %12s %5s\n' '' top-1 images/s images/CPU-s MiB
for ((i = 0; i < rounds; i++)); do
    read -r -a a <<<"$(ours)"
    read -r -a b <<<"$(peer)"
    printf '%-9s %6s %10s %12s %5s\n' ours "${a[@]}" peer "${b[@]}"
    awk -v a="${a[2]}" -v b="${b[2]}" 'BEGIN { printf "%-9s %30.2f\n", "ratio", a/b }' | tee -a "$place/ratios"
done
awk '{print $2}' "$place/ratios" | sort -n | awk '{v[NR]=$1} END {printf "median ratio %.2f (goal 3)\n", v[int((NR+1)/2)]}'
echo "all cores, the script as it is usually written (eager, PyTorch's own threads):"
read -r _ rate _ _ <<<"$(/usr/bin/python3 tests/bench/end_to_end/peer.py "$net" "$data" --eager)"
rm -f "$place"/b.db*
seconds=$( { TIMEFORMAT=%R; time "$gauntlet" run --model "$net" --dataset "$data" \
    --db "$place/b.db" --quiet 2>/dev/null; } 2>&1 )
awk -v s="$seconds" -v r="$rate" 'BEGIN { printf "%-9s %.0f images/s, peer %.0f: %.2f\n", "ours", 5000/s, r, 5000/s/r }'
for n in 500 5000; do
    read -r -a a <<<"$(ours "$n")"
    echo "peak memory at $n pictures: ${a[3]} MiB"
done
