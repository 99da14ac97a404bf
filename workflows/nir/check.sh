#!/usr/bin/env bash
# Writes networks with the program and reads them with the Python package nir, and the other way round, and compares all arrays.
#   workflows/nir/check.sh PROGRAM        needs Python with venv, and PyPI unless NIR_PYTHON names a Python that has nir 1.0.8
set -euo pipefail
cd "$(dirname "$0")/../.."
bss2="$(realpath "${1:?usage: $0 PROGRAM}")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python="${NIR_PYTHON:-}"
if [ -z "$python" ]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "nir==1.0.8" "numpy==2.4.6" "h5py==3.16.0"
    python="$work/venv/bin/python"
fi
"$bss2" train --substrate ideal --epochs 1 --out "$work/run" \
    --set data.train_size=200 --set data.validation_size=50 --set data.test_size=60 >/dev/null
"$python" workflows/nir/check.py "$bss2" "$work"
