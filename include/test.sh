#!/usr/bin/env bash
# Sets up what is lacking and runs the tests, on all processors. Arguments go to pytest, which then runs on one:
#
#   bash include/test.sh tests/limits -k catalogue -x
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/include/setup.sh"
cd -- "$root"
# Hundreds of programs start here. Each would compile again all that it imports.
unset PYTHONDONTWRITEBYTECODE
(($#)) || set -- tests --numprocesses auto --dist loadfile
exec .venv/bin/python -m pytest "$@"
