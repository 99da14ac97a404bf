#!/usr/bin/env bash
# Writes docs/results/silicon_bands.md: emulated chips beside what was published for silicon.
#   experiments/silicon_bands.sh docs/results/silicon_bands.md
# About ten minutes on two cores. BSS2 names a program to use instead of a fresh build. Needs jq.
set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:?usage: $0 RESULT.md}"
date="${DATE:-$(date +%F)}"
if [ -z "${BSS2:-}" ]; then
    cargo build --release --quiet
    BSS2="${CARGO_TARGET_DIR:-target}/release/bss2"
fi
page="$(mktemp)"
trap 'rm -f "$page"' EXIT

typed() { echo "bss2 chip probe all --chip 1 --chips 10 $*"; }

# One row per band: name, published range, mean, spread over the chips, extremes, verdict.
rows='.summary[]
    | def r: . * 1000 | round / 1000;
    "| `\(.experiment)` | \(.name) (\(.unit)) | \(.low | r) to \(.high | r) | \(.mean | r) | \(.sd | r) | \(.min | r) to \(.max | r) | \(
        if .inside == .chips then "PASS" else "\(.inside) of \(.chips) inside" end) |"'

table() {
    echo '| experiment | number (unit) | published | mean of 10 chips | sd over chips | from - to | verdict |'
    echo '|---|---|---|---|---|---|---|'
    echo "$1" | jq -r "$rows"
}

run() { $(typed "$@" | sed "s|^bss2|$BSS2|") --json 2>/dev/null; }

preset=(--set chip.preset=bss2-calibrated)
calibrated="$(run "${preset[@]}")"
lower="$(run "${preset[@]}" --set chip.circuits.lower_limit_lsb=20)"
nominal="$(run "${preset[@]}" --set chip.residual.gain_mean_rel=0)"
codes="$(run --set chip.preset=bss2)"
{
    cat <<END
# Emulated chips and silicon

Chips 1 to 10, every experiment at its published settings ([what they are](../probes.md)), each chip beside the range published for
silicon. bss2 $(echo "$calibrated" | jq -r .version), $date, written by \`experiments/silicon_bands.sh\`.

## Calibrated chips that are set directly: \`bss2-calibrated\`

\`$(typed "${preset[@]}")\`

$(table "$calibrated")

What lies outside, and why:

- *Weight spread.* All parts of what calibration leaves behind add up to weights that spread by 8 to 9 % of their mean, at the lower end
  of the published 2 to 3 LSB at a mean of 24 (8.3-12.4 %). In LSB they fall short where the mean weight is low, since this preset has a synaptic gain 8 % above
  nominal, from recordings at other settings; and the published figure has two outliers (10 and 35) that no emulated chip has.
- *Inhibition.* Up to a total weight of 192 all chips follow the published points. Beyond, the emulated membrane stands at its lower limit of 25 LSB, while
  silicon still bends down. On the published scale, which excitation fixes, a larger gain lifts the limit. The limit was published as 25 +- 20
  LSB: with 20 all chips agree (below). Relative to the span of the whole figure (372 MADC LSB) all points agree anyway.
- The rates of \`leak-over-threshold\` are not trimmed, as the published ones are; its regime is less sensitive instead.

## The same with a lower limit of 20 instead of 25 LSB

\`$(typed "${preset[@]}" --set chip.circuits.lower_limit_lsb=20)\`

$(table "$lower")

## The same with the synaptic gain at its nominal value in the mean

\`$(typed "${preset[@]}" --set chip.residual.gain_mean_rel=0)\`

$(table "$nominal")

## Chips that are set by codes, after calibration: \`bss2\`

\`$(typed --set chip.preset=bss2)\`

$(table "$codes")

The chips' own calibration matches the neurons of a chip to their own median strength, so chips differ more in strength than those above, and
the same two numbers lie at the edge: the relative spread of the weights and the end of the inhibitory curve.
END
} >"$page"
mv "$page" "$out"
chmod 644 "$out"
