#!/usr/bin/env bash
# Makes .env for docker-compose.yaml: .env.example, with secrets that are made up here and known nowhere else.
#
#   bash include/compose/env.sh
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)

if [[ -e $root/.env ]]; then
    echo "env.sh: $root/.env is there already, and is left as it is: the databases know its passwords." >&2
    exit 1
fi

secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
fernet_key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_'; }

# Airflow runs as whoever calls this, so that its files are theirs; as the image's own user for root.
user=$(id -u)
((user)) || user=50000

text=$(while IFS= read -r line; do
    case $line in
    AIRFLOW_UID=) line+=$user ;;
    AIRFLOW_FERNET_KEY=) line+=$(fernet_key) ;;
    AIRFLOW_JWT_SECRET= | AIRFLOW_SECRET_KEY= | AIRFLOW_ADMIN_PASSWORD= | AIRFLOW_DATABASE_PASSWORD= | \
        CATALOGUE_PASSWORD= | POSTGRES_PASSWORD= | REDIS_PASSWORD= | MINIO_SECRET_KEY=) line+=$(secret) ;;
    esac
    printf '%s\n' "$line"
done <"$root/.env.example")
(umask 077 && printf '%s\n' "$text" >"$root/.env")

install --directory --mode=0755 "$root/logs"
[[ $(id -u) != 0 ]] || chown "$user" "$root/logs"

echo "$root/.env is made. Go through it, and make the folders that it names; the user with the id $user writes there."
