#!/usr/bin/env bash
# Demonstrates a downloader on this machine. Installs what is missing, starts a real S3 server and Airflow, downloads
# files through Airflow, and prints the reports. Needs no account and, once set up, no internet.
#
#   bash include/demo.sh                        raw files from S3: runs, prints the reports, stops
#   bash include/demo.sh minio                  the same with FHIR exports from MinIO, and a schedule for each minute
#   bash include/demo.sh drive                  ... with data sets from Google Drive
#   bash include/demo.sh slooh                  ... with pictures from Slooh
#   bash include/demo.sh minio --ui             starts Airflow's web interface, and stops it at Ctrl-C
#   bash include/demo.sh --seconds-to-report    measures a run for one small file, from the trigger to its report
#
# Each demo takes the options; the default is s3. The page of --ui has all four DAGs with all that they need.
#
# Everything except a DOWNLOAD_DIR of yours is written to .demo in the project's folder, or to DEMO_HOME=/another/folder.
# Delete the folder to start from scratch.
#
# minio takes the exports from a MinIO server of yours, which it only ever reads, where MINIO_ENDPOINT is set, here or in
# the file .env at the top level: with MINIO_ACCESS_KEY and MINIO_SECRET_KEY, and if you like MINIO_BUCKET_NAME
# (fhir-data), MINIO_SECURE (true or false) and DOWNLOAD_DIR (the folder that files are downloaded to). The environment
# takes precedence over .env: MINIO_ENDPOINT= selects the demo's own server.
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
