#!/usr/bin/env bash
# Writes docs/results/silicon_bands.md: emulated chips beside what was published for silicon.
#   experiments/silicon_bands.sh docs/results/silicon_bands.md
# About two minutes on two cores. BSS2 names a program to use instead of a fresh build. Needs jq.
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

typed() { echo "bss2 chip probe all --chip 1 --chips 10 --set chip.preset=bss2-calibrated $*" | sed 's/ *$//'; }

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

calibrated="$(run)"
lower="$(run --set chip.circuits.lower_limit_lsb=20)"
nominal="$(run --set chip.residual.gain_mean_rel=0)"
{
    echo '# Emulated chips and silicon'
    echo
    echo "Chips 1 to 10 of the preset \`bss2-calibrated\`, every experiment at its published settings ([what they are](../probes.md))."
    echo "bss2 $(echo "$calibrated" | jq -r .version), $date, written by \`experiments/silicon_bands.sh\`; one command:"
    echo
    echo '```sh'
    typed
    echo '```'
    echo
    table "$calibrated"
    echo
    cat experiments/silicon_bands_remarks.md
    echo
    echo '## The lower limit at 20 instead of 25 CADC LSB'
    echo
    echo "\`$(typed --set chip.circuits.lower_limit_lsb=20)\`"
    echo
    table "$lower"
    echo
    echo '## Synaptic gain in the mean as nominal instead of 8 % above'
    echo
    echo "\`$(typed --set chip.residual.gain_mean_rel=0)\`"
    echo
    table "$nominal"
} >"$page"
mv "$page" "$out"
chmod 644 "$out"
