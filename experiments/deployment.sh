#!/usr/bin/env bash
# Rehearses the deployment of the three published networks: docs/results/deployment.md.
#   experiments/deployment.sh runs/deployment [yinyang|mnist16|mnist28 ...]
# Goes on where it was stopped, and prints the tables at the end (also those of parts that are done). BSS2_DATA names the folder with
# networks/ and mnist/; BSS2 a program to use instead of a fresh build. Needs jq. See the page for how long each part takes.
set -euo pipefail
out="${1:?usage: $0 FOLDER [NETWORK ...]}"
shift
cd "$(dirname "$0")/.."
data="${BSS2_DATA:?BSS2_DATA names the folder with networks/ and mnist/}"
if [ -z "${BSS2:-}" ]; then
    cargo build --release --quiet
    BSS2="${CARGO_TARGET_DIR:-target}/release/bss2"
fi
mkdir -p "$out"

# name, flags: chips, what is trained on, and what is tested on
parts() {
    cat <<END
yinyang|--chips 50 --repeats 3 --sensitivity-chips 20 --fine-tune 50
mnist16|--chips 50 --sensitivity-chips 10 --fine-tune 50 --fine-tune-chips 5 --set data.train_size=20000
mnist28|--chips 50 --sensitivity-chips 3 --fine-tune 5 --fine-tune-chips 2 --set data.train_size=5000 --set data.test_size=1000
END
}

while IFS='|' read -r name flags; do
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
        continue
    fi
    network="$data/networks/fast_and_deep_$name.npz"
    # A mapping is chosen once.
    if [ ! -f "$out/$name.toml" ]; then
        "$BSS2" deploy scale "$network" -o "$out/$name.toml" --json </dev/null >"$out/$name-scale.json"
    fi
    # shellcheck disable=SC2086
    "$BSS2" deploy run "$network" --scale "$out/$name.toml" $flags --out "$out/$name" </dev/null
    if [ ! -d "$out/$name-export" ]; then
        "$BSS2" deploy export "$network" --scale "$out/$name.toml" --out "$out/$name-export" </dev/null >/dev/null
    fi
done < <(parts)

echo
echo "| network | threshold in codes | ideal model | mapped, ideal chip (validation) | raw | calibrated | worst decile |"
echo "|---|---|---|---|---|---|---|"
for summary in "$out"/*/summary.json; do
    name="$(basename "$(dirname "$summary")")"
    jq -r --arg name "$name" --slurpfile scale "$out/$name-scale.json" '
        def pc: if . == null then "-" else (. * 10000 | round / 100 | tostring) end;
        def pm(a; b): (a | pc) + " +- " + (b | pc);
        "| \($name) | \(.check.codes_per_threshold * 10 | round / 10) | \(.ideal_accuracy | pc) | \($scale[0].validation.mapped | pc) | " +
        pm(.results.raw.accuracy_mean; .results.raw.accuracy_sd_chips) + " | " +
        pm(.results.calibrated.accuracy_mean; .results.calibrated.accuracy_sd_chips) + " | \(.results.calibrated.accuracy_worst_decile | pc) |"' "$summary"
done
echo
echo "| network | chips | epochs | mean | sd | worst decile |"
echo "|---|---|---|---|---|---|"
for summary in "$out"/*/summary.json; do
    name="$(basename "$(dirname "$summary")")"
    jq -r --arg name "$name" '
        def pc: if . == null then "-" else (. * 10000 | round / 100 | tostring) end;
        .fine_tuning[] | "| \($name) | \(.chips) | \(.epochs) | \(.mean | pc) | \(.sd | pc) | \(.worst_decile | pc) |"' "$summary"
done
echo
echo "| network | without | points of accuracy |"
echo "|---|---|---|"
for summary in "$out"/*/summary.json; do
    name="$(basename "$(dirname "$summary")")"
    jq -r --arg name "$name" '
        .sensitivity | sort_by(-.gain_mean)[] | "| \($name) | \(.without) | \(.gain_mean * 10000 | round / 100) |"' "$summary"
done
