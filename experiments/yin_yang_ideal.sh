#!/usr/bin/env bash
# Writes docs/results/yin_yang.md: Yin-Yang on the ideal substrate, ten training seeds a recipe.
#   experiments/yin_yang_ideal.sh docs/results/yin_yang.md
# About twenty minutes on two cores. BSS2 names a program to use instead of a fresh build; LINES a file with the results of earlier
# runs, one JSON object a line, to which those that are missing are added. Needs jq.
set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:?usage: $0 RESULT.md}"
date="${DATE:-$(date +%F)}"
if [ -z "${BSS2:-}" ]; then
    cargo build --release --quiet
    BSS2="${CARGO_TARGET_DIR:-target}/release/bss2"
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
lines="${LINES:-$work/lines.jsonl}"
touch "$lines"
seeds="1 2 3 4 5 6 7 8 9 10"
ours="--config experiments/delgrad_recipe.toml"

# name, flags
recipes() {
    cat <<END
yin-yang|--preset yin-yang
yin-yang-best|--preset yin-yang-best
delgrad-30-weights|--preset delgrad-30-weights
delgrad-30-axonal|--preset delgrad-30-axonal
delgrad-30-synaptic|--preset delgrad-30-synaptic
recipe-axonal|--preset delgrad-30-axonal $ours
END
}

while IFS='|' read -r name flags; do
    for seed in $seeds; do
        if ! jq -s -e --arg name "$name" --argjson seed "$seed" 'any(.[]; .preset == $name and .seed == $seed)' "$lines" >"$work/found"; then
            # shellcheck disable=SC2086
            "$BSS2" train $flags --seed "$seed" --out "$work/run" --json </dev/null 2>/dev/null |
                jq -c --arg name "$name" --argjson seed "$seed" \
                    '{preset: $name, seed: $seed, validation: .validation.accuracy, test: .test.accuracy}' >>"$lines"
            rm -rf "$work/run"
        fi
    done
    echo "$name" >&2
done < <(recipes)

statistics='[inputs | select(.preset == $name)] | sort_by(.seed) | map(.test * 100) as $t | ($t | add / length) as $m
    | ($t | map((. - $m) * (. - $m)) | add / (length - 1) | sqrt) as $s
    | "\($m * 100 | round / 100) ± \($s * 100 | round / 100) | \($t | min * 10 | round / 10) | \($t | max * 10 | round / 10) | \($t | map(. * 10 | round / 10 | tostring) | join(" "))"'
row() { echo "| $2 | $3 | **$(jq -nr --arg name "$1" "$statistics" "$lines" | sed 's/ |/** |/') |"; }

{
    cat <<END
# Yin-Yang without a chip

Ideal substrate: equal neurons, no noise, real-valued weights. 5000 training, 1000 validation, 1000 test samples (seeds 42, 41, 40), training seeds
1 to 10, test accuracy in % after the last epoch, mean and standard deviation over seeds. Recipes were chosen on
validation samples of other seeds (21 to 30).

\`experiments/yin_yang_ideal.sh docs/results/yin_yang.md\`, $("$BSS2" --version), $date.

| network | recipe | test | lowest | highest | by seed |
|---|---|---|---|---|---|
$(row yin-yang "5-120-3" "published (\`--preset yin-yang\`; published 95.9 ± 0.7)")
$(row yin-yang-best "5-150-3" "ours (\`--preset yin-yang-best\`; EventProp, 200 hidden: 98.10 ± 0.18)")
$(row delgrad-30-weights "4-30-3, weights" "published (one published seed: 96.7)")
$(row delgrad-30-axonal "4-30-3, axonal delays" "published (97.5)")
$(row delgrad-30-synaptic "4-30-3, synaptic delays" "published (98.2)")
$(row recipe-axonal "4-30-3, axonal delays" "ours")

"Ours" for 30 hidden neurons and axonal delays is \`--preset delgrad-30-axonal --config experiments/delgrad_recipe.toml\`: delays of 0 to 2 tau_syn, batches of 50,
learning rates .01 and .02 along a cosine, 200 epochs, the best of them on validation, and hidden neurons that are silent in more than 70 % of a batch
raised one by one beside the gradient step. That last rule is what matters: with the published settings, and with a tolerance of 95 %, single seeds end
in poor minima (below 95 %), with neurons that are hardly used. Two earlier recipes for this row reached 96.9 and 96.7 % on the same
test samples; each was chosen on validation samples of seeds from 21 on.

The published network of 120 hidden neurons also has a bias spike into its output layer, which training here has not.
END
} >"$work/page"
mv "$work/page" "$out"
chmod 644 "$out"
