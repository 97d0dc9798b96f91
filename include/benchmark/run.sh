#!/usr/bin/env bash
# Measures ours against rclone, s5cmd, aws-cli, curl, minio-py and md5sum, and prints one table. Takes some 40 minutes and
# 10 GB of disk.
#
#   bash include/benchmark/run.sh                 everything
#   bash include/benchmark/run.sh --quick         smaller sizes, to check that it works
#   bash include/benchmark/run.sh --only large    one case: small, far, large, far-large, there, growth, listing, bucket,
#                                                 drive, ndjson, report; and those that run only if they are named:
#                                                 million and many (some 15 minutes each), long (10 minutes and 20 GB
#                                                 of disk), dag
#   bash include/benchmark/run.sh --install       installs nginx (with its Lua module) and curl first (Debian, as root)
#   bash include/benchmark/run.sh --help          the rest
#
# BENCHMARK_WORK names a folder to work in; BENCHMARK_PYTHON a Python that has everything, so that nothing is set up.
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)

if [[ ${1:-} == --install ]]; then
    shift
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        echo "run.sh: --install needs root and apt-get. Install nginx and curl in another way." >&2
        exit 1
    fi
    apt-get update --quiet=2
    apt-get install --yes --quiet=2 --no-install-recommends nginx-light libnginx-mod-http-lua curl
fi

python=${BENCHMARK_PYTHON:-}
if [[ -z $python ]]; then
    bash "$root/include/setup.sh"
    python=$root/.venv/bin/python
fi

PYTHONPATH=$root exec "$python" -m include.benchmark "$@"
