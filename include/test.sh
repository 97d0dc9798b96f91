#!/usr/bin/env bash
# Sets up what is lacking and runs the tests. Arguments go to pytest: bash include/test.sh -k catalogue -x
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/include/setup.sh"
cd -- "$root"
exec .venv/bin/python -m pytest tests "$@"
