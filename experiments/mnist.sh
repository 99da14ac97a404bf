#!/usr/bin/env bash
# Trains MNIST with our recipes and writes one JSON object a line to a file: accuracies on validation and test images, and what they cost.
#   experiments/mnist.sh LINES.jsonl [GROUP ...]
# Groups: chip (256-246-10 in the loop of the chips 1 to 5), mnist16, mnist, deep (ideal substrate, training seeds 1 to 3 or 1 to 2); default: all.
# Runs whose line is there already are skipped, so that an interrupted series goes on where it was. BSS2 names a program to use instead of a
# fresh build; FLAGS more flags for every run. The images are looked for in BSS2_DATA. Needs jq.
set -euo pipefail
lines="$(realpath -m "${1:?usage: $0 LINES.jsonl [chip|mnist16|mnist|deep ...]}")"
shift
cd "$(dirname "$0")/.."
export BSS2_DATA="${BSS2_DATA:-$PWD/data}"
if [ -z "${BSS2:-}" ]; then
    cargo build --release --quiet
    BSS2="${CARGO_TARGET_DIR:-target}/release/bss2"
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
touch "$lines"

# group, preset, seeds: of the chips in the loop, of the training on the ideal substrate
runs() {
    cat <<END
chip|mnist16-chip|--chip|1 2 3 4 5
mnist16|mnist16-best|--seed|1 2 3
mnist|mnist-best|--seed|1 2 3
deep|mnist-400x4-best|--seed|1 2
END
}

for group in "${@:-all}"; do
    case "$group" in all | chip | mnist16 | mnist | deep) ;; *)
        echo "$0: there is no group $group: chip, mnist16, mnist, deep" >&2
        exit 2
        ;;
    esac
done

while IFS='|' read -r group preset flag seeds; do
    case " ${*:-all} " in *" $group "* | *" all "*) ;; *) continue ;; esac
    for seed in $seeds; do
        if jq -s -e --arg preset "$preset" --argjson seed "$seed" --arg flags "${FLAGS:-}" \
            'any(.[]; .preset == $preset and .seed == $seed and .flags == $flags)' "$lines" >"$work/found"; then
            continue
        fi
        rm -rf "$work/run"
        # shellcheck disable=SC2086
        "$BSS2" train --preset "$preset" "$flag" "$seed" ${FLAGS:-} --out "$work/run" --json </dev/null >"$work/summary.json"
        jq -c --arg preset "$preset" --argjson seed "$seed" --arg flags "${FLAGS:-}" --slurpfile epochs "$work/run/metrics.jsonl" \
            '{preset: $preset, seed: $seed, flags: $flags, epochs, network, substrate, training_seed, validation, test,
              ideal: .elsewhere.ideal, other_chip: .elsewhere.other_chip, chip, hardware, sessions: .timings.sessions, versions,
              course: [$epochs[] | .validation.accuracy]}' "$work/summary.json" >"$work/line.json"
        cat "$work/line.json" >>"$lines"
        jq -r '"\(.preset) \(.seed): validation \(.validation.accuracy), test \(.test.accuracy)"' "$work/line.json" >&2
    done
done < <(runs)
