#!/usr/bin/env bash
# Makes .venv in the project's folder hold exactly what include/constraints.txt lists. Does nothing where it already does.
#
#   bash include/setup.sh
#   PYTHON=/opt/python3.11/bin/python3 bash include/setup.sh
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
lock=$root/include/constraints.txt

fail() {
    printf 'setup.sh: %s\n' "$@" >&2
    exit 1
}

is_python_311() { [[ $("$1" -c 'import sys; print(*sys.version_info[:2])' 2>/dev/null) == "3 11" ]]; }

find_python() {
    if [[ -n ${PYTHON:-} ]]; then
        is_python_311 "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11."
        printf '%s' "$PYTHON"
        return
    fi
    local name
    for name in python3.11 python3 python; do
        if is_python_311 "$name"; then
            printf '%s' "$name"
            return
        fi
    done
    fail "Python 3.11 is needed and was not found." \
        "Install it (Debian 12: apt-get install python3 python3-venv), or name it: PYTHON=/path/to/python3.11 bash include/setup.sh"
}

python=$(find_python)

# Scripts in a venv hold its absolute path, so a project that was moved needs a new one, as does another Python.
made_for="$root $("$python" -VV | tr '\n' ' ')"
filled_from=$(cat -- "$lock" "${BASH_SOURCE[0]}" | sha256sum)

is_made() { [[ -x $venv/bin/python && $(cat -- "$venv/.made-for" 2>/dev/null) == "$made_for" ]]; }
is_filled() { is_made && [[ $(cat -- "$venv/.filled-from" 2>/dev/null) == "$filled_from" ]]; }

if is_filled; then
    exit 0
fi

# Two at once would fill the same folder: the second waits, and finds it done.
if command -v flock >/dev/null; then
    exec 9>"$root/.venv.lock"
    flock 9
    if is_filled; then
        exit 0
    fi
fi

rm -f -- "$venv/.filled-from"
if ! is_made; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python cannot make virtual environments. Debian and Ubuntu: apt-get install python3-venv"
    echo "Making .venv with $("$python" -V)"
    # What a link leads to is another project's: --clear would empty it.
    [[ ! -L $venv ]] || rm -f -- "$venv"
    "$python" -m venv --clear -- "$venv"
    printf '%s' "$made_for" >"$venv/.made-for"
fi

echo "Installing $(grep -c == "$lock") packages"
uv_pinned=$(grep -m 1 '^uv==' "$lock")
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$uv_pinned"
if ! "$venv/bin/uv" pip sync --quiet --python "$venv/bin/python" "$lock"; then
    # uv does not read pip's own settings. Behind a mirror that only pip knows of, pip gets there, slowly.
    echo "uv could not; trying pip"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$lock"
fi

printf '%s' "$filled_from" >"$venv/.filled-from"
echo "Ready: $venv"
