#!/usr/bin/env bash
# Restores files from every source through a network that breaks, by processes that are killed, again and again, and
# prints a table of what was seen. Takes 20 minutes. What must not happen stands in its last rows.
#
#   bash include/chaos/run.sh                          everything
#   bash include/chaos/run.sh --short                  half a minute of it, from a fixed seed: what the tests run
#   bash include/chaos/run.sh --minutes 3              more or less of it
#   bash include/chaos/run.sh --sources drive s3       some sources alone: s3, minio, drive, slooh
#   bash include/chaos/run.sh --sources s3 --seed 42   begins with the restore that is printed where one failed
#   bash include/chaos/run.sh --keep                   leaves the folders of restores that failed, and prints them
#
# Everything that it writes lies in a folder of its own in TMPDIR, and is gone at the end.
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
