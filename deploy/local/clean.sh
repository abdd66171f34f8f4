#!/bin/sh
# Deletes what `make` has made in this folder and can make again; what people have stored only when asked to.
#
#   deploy/local/clean.sh [1]
#
# With 1 the data folder (DATA_DIR, .data by default) goes too. Nothing is deleted while a launcher is using the folder:
# it runs from these environments. Needs no environment itself.
set -eu

with_data=${1:-0}
data=${DATA_DIR:-.data}
root_homes=/var/lib/aurelius

fail() {
    echo "aurelius: $1; nothing was deleted" >&2
    exit 1
}

# Both locks of data_dir_lock.py are held from here to the end, so that no launcher starts meanwhile.
take_locks() {
    command -v flock >/dev/null || fail "needs the program flock (package util-linux), to see whether $data is in use"
    exec 8<"$data/launcher.lock" 9<"$data/servers.lock"
    { flock --nonblock 8 && flock --nonblock 9; } || fail "$data is in use: stop the platform first"
}

# Where Postgres has another account, its folder is a link to a place outside (postgres_home.py).
delete_data() {
    postgres=$(readlink -f "$data/postgres" || true)
    case $postgres in "$root_homes"/postgres-*) rm -rf "$postgres" ;; esac
    rm -rf "$(readlink -f "$data")" "$data"
}

case $with_data in
0 | 1) ;;
*) fail "DATA=$with_data: must be 1 (delete the data too) or 0" ;;
esac
[ -f pyproject.toml ] && [ -f deploy/local/clean.sh ] || fail "run it in the folder of the checkout, as make clean does"

is_data_folder=no
if [ -e "$data/launcher.lock" ] && [ -e "$data/servers.lock" ]; then
    is_data_folder=yes
    take_locks
fi
if [ "$with_data" = 1 ] && [ -e "$data" ]; then
    [ $is_data_folder = yes ] || fail "$data is no data folder of AURELIUS"
    delete_data
    echo "aurelius: deleted the data in $data"
fi

rm -rf .venv .venv-dev .venv-dev-* .venv-bench .coverage .coverage.* htmlcov build dist
rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis ./*.egg-info __pycache__
for folder in deploy services shared tests bench cli; do
    [ ! -d "$folder" ] || find "$folder" -name __pycache__ -type d -prune -exec rm -rf {} +
done
echo "aurelius: deleted the environments and caches"

if [ -e "$data" ]; then echo "aurelius: the data are kept in $data; to delete them too: make clean DATA=1"; fi
