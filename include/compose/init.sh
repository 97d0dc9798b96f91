#!/usr/bin/env bash
# What the service init of docker-compose.yaml does at each start, before the rest of Airflow runs. All of it may be done
# again: what stands in .env and include/pools.json replaces what an earlier start made of them.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

# In memory, for its owner alone, and gone when this ends. First of all: a mistake in .env is reported at once.
folder=$(mktemp -d -p /dev/shm)
trap 'rm -rf -- "$folder"' EXIT
(
    umask 077
    python "$here/settings.py" connections >"$folder/connections.json"
    python "$here/settings.py" passwords >"$folder/passwords.json"
)

airflow db migrate
airflow pools import "$here/../pools.json"
airflow connections import --overwrite "$folder/connections.json"
mv -- "$folder/passwords.json" "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
