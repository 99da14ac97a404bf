#!/usr/bin/env bash
# Measures the numbers of docs/results/twin.md and draws its figure: the twin of one real chip, and whether the population of emulated
# chips could have produced its recording.
#   experiments/twin.sh NUMBERS.md [FIGURE.png]
# Some twenty minutes on two cores (a guess; its parts were run apart). BSS2 and POPULATION name programs to use instead of fresh builds; BSS2_DATA the folder with the
# recordings; WORK a folder that keeps trained networks, so that a second call goes on where the first one stopped. Needs jq.
set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:?usage: $0 NUMBERS.md [FIGURE]}"
figure="${2:-docs/figures/twin_fit.png}"
date="${DATE:-$(date +%F)}"
target="${CARGO_TARGET_DIR:-target}"
if [ -z "${BSS2:-}" ] || [ -z "${POPULATION:-}" ]; then
    cargo build --release --quiet -p bss2
    cargo build --release --quiet -p bss2-twin --example population
    BSS2="$target/release/bss2"
    POPULATION="$target/release/examples/population"
fi
recording="${BSS2_DATA:-../shared/data}/recordings/w66f3_yinyang_weights.npz"
if [ -n "${WORK:-}" ]; then
    work="$WORK"
    mkdir -p "$work"
else
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
fi

"$BSS2" twin fit "$recording" -o "$work/twin.npz" --figure "$figure" >"$work/fit.txt"
"$BSS2" twin score "$recording" "$work/twin.npz" >"$work/score.txt"
"$BSS2" twin score "$recording" "$work/twin.npz" --no-noise | grep 'emulated trials' >"$work/quiet.txt"
"$POPULATION" "$recording" 48 >"$work/population.txt"

# Training in the loop: on random chips, and on the twin.
own_recipe="--hidden 30 --set encoding.bias=none --epochs 100"
recorded_recipe="--config experiments/twin_recipe.toml --set engine=fast --set training.keep=best --epochs 300"
# name, recipe, chip...
train() {
    name="$1"
    recipe="$2"
    shift 2
    if [ ! -f "$work/$name.line" ]; then
        rm -rf "${work:?}/$name"
        # shellcheck disable=SC2086
        "$BSS2" train $recipe "$@" --out "$work/$name" --json 2>/dev/null </dev/null >/dev/null
        own="$("$BSS2" infer "$work/$name" --json 2>/dev/null | jq .test.accuracy)"
        ideal="$("$BSS2" infer "$work/$name" --substrate ideal --json 2>/dev/null | jq .test.accuracy)"
        printf '| %s | %.1f | %.1f |\n' "$name" "$(jq -n "100 * $own")" "$(jq -n "100 * $ideal")" >"$work/$name.line"
    fi
    cat "$work/$name.line"
}
for chip in 1 2 3 4 5 6 7 8 9 10; do
    train "chip-$chip-own-recipe" "$own_recipe" --chip "$chip" --set chip.preset=bss2-calibrated
    train "chip-$chip-recorded-recipe" "$recorded_recipe" --chip "$chip" --set chip.preset=bss2-calibrated
done >"$work/loop.txt"
train twin-own-recipe "$own_recipe" --chip "$work/twin.npz" >>"$work/loop.txt"
train twin-recorded-recipe "$recorded_recipe" --chip "$work/twin.npz" >>"$work/loop.txt"

{
    echo "# The twin of a real chip: numbers"
    echo
    echo "\`experiments/twin.sh\`, version $("$BSS2" --version | cut -d' ' -f2) (commit $(git rev-parse --short HEAD)), $date."
    for part in fit score quiet; do
        echo
        echo '```text'
        sed "s#$recording#w66f3_yinyang_weights.npz#; s#$work/##" "$work/$part.txt"
        echo '```'
    done
    echo
    cat "$work/population.txt"
    echo
    echo "Training 20-30-3 in the loop (own recipe: 100 epochs; recorded recipe: 300, the best by validation), accuracy in %:"
    echo
    echo "| chip | on the chip | the same weights on the ideal model |"
    echo "|---|---|---|"
    cat "$work/loop.txt"
} >"$out"
