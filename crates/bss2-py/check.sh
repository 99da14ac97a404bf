#!/usr/bin/env bash
# What must hold of the Python package: it installs into a fresh environment, its tests pass, its types are right, its notebooks run.
# usage: crates/bss2-py/check.sh [PROGRAM]   the program bss2 that results must equal (default: the one that the package installs)
# BSS2_PY_EXTRAS names the optional packages to test with (default: pandas neo nir torch); tests of others are skipped.
set -euo pipefail
program="${1:+$(realpath "$1")}"
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../../target}"
extras="${BSS2_PY_EXTRAS-pandas neo nir torch}"

step() { printf '\n-- python: %s\n' "$*"; }

step "lints of the extension"
cargo fmt --check
cargo clippy --locked -- -D warnings

step "a fresh environment"
venv="$(mktemp -d)"
trap 'rm -rf "$venv"' EXIT
"${PYTHON:-python3}" -m venv "$venv"
export PATH="$venv/bin:$PATH" PIP_DISABLE_PIP_VERSION_CHECK=1
pip install --quiet "maturin>=1.8,<2"
# The profile with checks, whose dependencies the workspace has built already.
MATURIN_PEP517_ARGS="--profile dev --locked" pip install --quiet --no-build-isolation \
    ".[$(tr ' ' ',' <<<"test checks notebooks $extras")]"

step types
mypy
python -m mypy.stubtest bss2_emu._core --mypy-config-file pyproject.toml

step tests
pytest ${program:+--program "$program"}

step notebooks
case " $extras " in
*" torch "*) python notebooks/execute.py ;;
*) python notebooks/execute.py --without train_in_the_loop ;;
esac
