#!/usr/bin/env bash
# The runs behind docs/results/yin_yang_in_the_loop.md: one JSON line each (summary and timings) into the file given.
#   experiments/yin_yang_in_the_loop.sh docs/results/yin_yang_in_the_loop.jsonl
# About ten minutes on two cores. Run folders go to runs/yin-yang-in-the-loop and are kept.
set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:?usage: $0 RESULTS.jsonl}"
cargo build --release --quiet
bss2="${BSS2:-${CARGO_TARGET_DIR:-target}/release/bss2}"
folder=runs/yin-yang-in-the-loop
lines="$(mktemp)"
trap 'rm -f "$lines"' EXIT

run() {
    local name="$1"
    shift
    echo "$name" >&2
    "$bss2" train --json --out "$folder/$name" "$@" >>"$lines"
}

for seed in 42 1 2; do
    for chip in 1 2 3 4 5; do
        run "chip$chip-seed$seed" --chip "$chip" --seed "$seed"
    done
done
for chip in 1 2 3 4 5; do
    run "published-chip$chip" --chip "$chip" --config experiments/yin_yang_published.toml
done
mv "$lines" "$out"
chmod 644 "$out"
