#!/usr/bin/env bash
# Makes include/constraints.txt: every package with its version, for Linux on x86_64 and Python 3.11.
#
#   bash include/lock.sh                     keeps what the lock holds, adds and removes what the requirements ask for
#   bash include/lock.sh --upgrade           takes the newest version of everything without a fixed version
#   bash include/lock.sh -P boto3            takes the newest boto3 that the requirements allow
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd -- "$root"

# One lock for all three, so that tests and benchmark run on exactly what is deployed.
inputs=(requirements.txt include/requirements-test.txt include/requirements-benchmark.txt)

# setup.sh takes uv from the lock. Where there is no lock yet, any uv on the PATH makes the first.
uv=.venv/bin/uv
[[ -x $uv ]] || uv=$(command -v uv) || {
    echo "lock.sh: no uv here. Run 'bash include/setup.sh' first, or install uv." >&2
    exit 1
}

"$uv" pip compile --quiet "$@" "${inputs[@]}" \
    --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
    --no-emit-index-url --no-emit-find-links \
    --custom-compile-command "bash include/lock.sh" \
    --output-file include/constraints.txt

echo "include/constraints.txt: $(grep -c == include/constraints.txt) packages"
