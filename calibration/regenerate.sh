#!/usr/bin/env bash
# Makes the shipped calibration tables, byte for byte, whatever the machine and the number of threads.
#
#   calibration/regenerate.sh [FOLDER]      (default: the folder of this script)
#
# BSS2     the program                    (default: built here, release)
# TARGETS  presets of targets             (default: fast-and-deep hxtorch)
# SEEDS    chips                          (default: 1 2 3 4 5 6 7 8)
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
folder="${1:-$here}"
targets="${TARGETS:-fast-and-deep hxtorch}"
seeds="${SEEDS:-1 2 3 4 5 6 7 8}"
if [ -z "${BSS2:-}" ]; then
    (cd "$here/.." && cargo build --release --locked --package bss2)
    BSS2="${CARGO_TARGET_DIR:-$here/../target}/release/bss2"
fi

for target in $targets; do
    mkdir -p "$folder/$target"
    for seed in $seeds; do
        "$BSS2" calib run --chip "$seed" --target "$target" -o "$folder/$target/chip-$seed.bss2cal"
    done
done
