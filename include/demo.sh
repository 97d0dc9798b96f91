#!/usr/bin/env bash
# Shows a downloader at work on this machine. Sets up what is lacking, starts a real S3 server and Airflow, brings files
# home through Airflow, and prints the reports. Needs no account and, once set up, no internet.
#
#   bash include/demo.sh                        raw files from S3: runs, prints the reports, stops
#   bash include/demo.sh minio                  the same with FHIR exports from MinIO
#   bash include/demo.sh drive                  ... with data sets from Google Drive
#   bash include/demo.sh slooh                  ... with pictures from Slooh
#   bash include/demo.sh minio --ui             starts Airflow's web interface, and stops it at Ctrl-C
#   bash include/demo.sh --seconds-to-report    measures a run for one small file, from the trigger to its report
#
# The options go with each demo; without a word it is s3. The page of --ui shows all four.
#
# Everything that it writes lies in .demo, in the project's folder, but for a DOWNLOAD_DIR of yours; DEMO_HOME=/another/folder
# moves it. Delete the folder to begin anew.
#
# minio takes the exports from a MinIO server of yours, which it only ever reads, where MINIO_ENDPOINT is set, here or in
# the file .env at the top level: with MINIO_ACCESS_KEY and MINIO_SECRET_KEY, and if you like MINIO_BUCKET_NAME
# (fhir-data), MINIO_SECURE (true or false) and DOWNLOAD_DIR (the folder that files come to). What is set here goes
# before .env: MINIO_ENDPOINT= takes the demo's own server.
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
