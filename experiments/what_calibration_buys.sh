#!/usr/bin/env bash
# Writes docs/results/what_calibration_buys.md: one network on raw chips, on calibrated chips, and trained in their loop.
#   experiments/what_calibration_buys.sh docs/results/what_calibration_buys.md
# About three minutes on two cores; what was trained in the loop is read from docs/results/yin_yang_in_the_loop.jsonl. BSS2 names a program to use instead of a fresh build. Needs jq.
set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:?usage: $0 RESULT.md}"
date="${DATE:-$(date +%F)}"
if [ -z "${BSS2:-}" ]; then
    cargo build --release --quiet
    BSS2="${CARGO_TARGET_DIR:-target}/release/bss2"
fi
trained=docs/results/yin_yang_in_the_loop.jsonl
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

accuracy() { jq -r '.test.accuracy * 100 * 10 | round / 10'; }
silent() { jq -r '.test.silent * 100 * 10 | round / 10'; }

for seed in 42 1 2; do
    "$BSS2" train --set chip.preset=ideal --seed "$seed" --out "$work/ideal-$seed" --json >"$work/ideal-$seed.json" 2>/dev/null
done
for chip in 1 2 3 4 5; do
    calibrated="calibration/fast-and-deep/chip-$chip.bss2cal"
    "$BSS2" calib convert "$calibrated" "$work/raw-$chip.bss2cal" --uncalibrated >/dev/null
    "$BSS2" chip draw --seed "$chip" -o "$work/chip-$chip.toml" >/dev/null
    for seed in 42 1 2; do
        infer() { "$BSS2" infer "$work/ideal-$seed" --chip "$work/chip-$chip.toml" --calibration "$1" --json 2>/dev/null; }
        raw="$(infer "$work/raw-$chip.bss2cal")"
        deployed="$(infer "$calibrated")"
        loop="$(jq -r --argjson chip "$chip" --argjson seed "$seed" \
            'select(.chip.seed == $chip and .training_seed == $seed and .epochs == 100) | .test.accuracy * 1000 | round / 10' "$trained")"
        echo "$chip $seed $(accuracy <<<"$raw") $(silent <<<"$raw") $(accuracy <<<"$deployed") $(silent <<<"$deployed") $loop"
    done
done | tee "$work/rows" >&2

{
    cat <<END
# What calibration buys

Yin-Yang, 5-120-3, test accuracy in %. A network is trained on the ideal chip (the exact model with the nominal threshold, weights
on the chip's grid) and put on a chip as it is, at one code for all neurons (*raw*: the medians of the calibrated codes, the CADC as it
comes) and at the codes of its calibration (*calibrated*); *in the loop*: trained on the calibrated
chip ([Yin-Yang in the loop](yin_yang_in_the_loop.md)). Silent: share of samples without any
output spike. Chips 1 to 5 of the preset \`bss2\`, tables of \`calibration/fast-and-deep\`, three training seeds. Weights are not
scaled to the chip's own strength.

\`experiments/what_calibration_buys.sh docs/results/what_calibration_buys.md\`, $("$BSS2" --version), $date.

| chip | training seed | ideal | raw | silent | calibrated | silent | in the loop |
|---|---|---|---|---|---|---|---|
END
    while read -r chip seed raw raw_silent deployed silent loop; do
        ideal="$(accuracy <"$work/ideal-$seed.json")"
        echo "| $chip | $seed | $ideal | $raw | $raw_silent | $deployed | $silent | $loop |"
    done <"$work/rows"
    awk '
        function add(k, v) { n[k]++; s[k] += v; q[k] += v * v }
        function show(k) { m = s[k] / n[k]; return sprintf("%.1f ± %.1f", m, sqrt(q[k] / n[k] - m * m)) }
        { add("raw", $3); add("deployed", $5); add("loop", $7) }
        END {
            print "\nMean and standard deviation over all rows:\n"
            print "| raw | calibrated | in the loop |\n|---|---|---|"
            print "| " show("raw") " | " show("deployed") " | **" show("loop") "** |"
        }' "$work/rows"
} >"$work/page"
mv "$work/page" "$out"
chmod 644 "$out"
