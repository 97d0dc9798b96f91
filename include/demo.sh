#!/usr/bin/env bash
# Shows the downloader at work on this machine. Sets up what is lacking, starts a real S3 server and Airflow, restores a
# few raw files through Airflow, and prints the reports. Needs no account and, once set up, no internet.
#
#   bash include/demo.sh                        runs, prints the reports, stops
#   bash include/demo.sh --ui                   starts Airflow's web interface, and stops it at Ctrl-C
#   bash include/demo.sh --seconds-to-report    measures a run for one small file, from the trigger to its report
#
# Everything that it writes lies in .demo, in the project's folder; DEMO_HOME=/another/folder moves it. Delete the folder
# to begin anew.
set -euo pipefail

case " $* " in
*" -h "* | *" --help "*)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"
    exit
    ;;
esac

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
home=${DEMO_HOME:-$root/.demo}
case $home in /*) ;; *) home=$PWD/$home ;; esac

bash "$root/include/setup.sh" >&2
cd -- "$root"
# exec: Ctrl-C and a kill reach the program that stops what it started.
DEMO_HOME=$home exec .venv/bin/python -m include.demo "$@"
