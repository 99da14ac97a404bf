#!/usr/bin/env bash
# Runs a tiny study with Snakemake in several local jobs and compares the result with the same study run at once, byte by byte.
#   workflows/snakemake/check.sh PROGRAM        needs Python with venv, and PyPI unless SNAKEMAKE names an installed one
set -euo pipefail
cd "$(dirname "$0")/../.."
bss2="$(realpath "${1:?usage: $0 PROGRAM}")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
snakemake="${SNAKEMAKE:-}"
if [ -z "$snakemake" ]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "snakemake>=9,<10"
    snakemake="$work/venv/bin/snakemake"
fi
options="--quick --set training.epochs=1 --set data.train_size=200 --set data.validation_size=100 --set data.test_size=200"
"$bss2" study run fig5-weight-resolution --out "$work/whole" $options >/dev/null
XDG_CACHE_HOME="$work/cache" "$snakemake" -s workflows/snakemake/Snakefile --profile workflows/snakemake/local --directory "$work" --quiet all \
    --config study=fig5-weight-resolution shards=3 out=joined bss2="$bss2" options="$options"
for file in results.csv results.npz summary.csv plan.jsonl study.toml report.html figures; do
    diff -r "$work/whole/$file" "$work/joined/$file"
done
diff -r "$work/whole/trials" "$work/joined/trials"
echo "snakemake: $(wc -l <"$work/joined/plan.jsonl") trials in 3 shares, the same bytes as at once"
