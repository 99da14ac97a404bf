#!/usr/bin/env bash
# Runs the shipped studies; what is there already is not done again, so a stopped run goes on.
#   experiments/robustness.sh [STUDY...]       default: all; runs/robustness keeps the folders, docs/figures/robustness the figures,
# docs/results/robustness the summaries
# BSS2 names a program to use instead of a fresh build, BSS2_DATA the folder of data sets, OPTIONS more options of `study run` (--quick).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${BSS2:-}" ]; then
    cargo build --release --quiet
    BSS2="${CARGO_TARGET_DIR:-target}/release/bss2"
fi
if [ -z "${BSS2_DATA:-}" ] && [ -d ../shared/data ]; then
    export BSS2_DATA="$PWD/../shared/data"
fi
studies=("$@")
[ $# -gt 0 ] || studies=(deploy-without-retraining fig5-weight-clipping fig5-weight-resolution fig5-tau-ratio fig5-tau-spread
    protocols estimators refractory serialisation transfer)
for study in "${studies[@]}"; do
    folder="runs/robustness/$study"
    date +"%F %T $study"
    # shellcheck disable=SC2086
    "$BSS2" study run "$study" --out "$folder" ${OPTIONS:-}
    mkdir -p docs/figures/robustness docs/results/robustness
    for figure in "$folder"/figures/*.png; do
        cp "$figure" "docs/figures/robustness/$study-$(basename "$figure")"
    done
    cp "$folder/summary.csv" "docs/results/robustness/$study.csv"
done
date +"%F %T done"
