#!/usr/bin/env bash
# Restores files from every source over a network with faults, by processes that are killed again and again, and prints
# a table of the counts. Takes 20 minutes. The last rows count what must not happen.
#
#   bash include/chaos/run.sh                          everything
#   bash include/chaos/run.sh --short                  half a minute, from a fixed seed: what the tests run
#   bash include/chaos/run.sh --minutes 3              more or fewer minutes
#   bash include/chaos/run.sh --sources drive s3       only some of the sources s3, minio, drive, slooh
#   bash include/chaos/run.sh --sources s3 --seed 42   starts with the seed that was printed for a failed restore
#   bash include/chaos/run.sh --keep                   keeps the folders of failed restores, and prints their paths
#
# Everything is written to a new folder in TMPDIR, which is deleted at the end.
set -euo pipefail

case " $* " in
*" -h "* | *" --help "*)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"
    exit
    ;;
esac

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
bash "$root/include/setup.sh" >&2
cd -- "$root"
PYTHONPATH=$root/plugins exec .venv/bin/python -m include.chaos "$@"
