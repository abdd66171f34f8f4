#!/bin/sh
# Makes a virtual environment that holds what a lock names and the demo data, unless it is there and up to date.
#
#   deploy/local/environment.sh VENV LOCK
#
# PYTHON names the interpreter; without it the first of python3, python3.13, python3.12, python3.11 that is new enough.
set -eu

venv=$1
lock=$2
demo_lock=requirements/demo.txt

fail() {
    echo "aurelius: $1" >&2
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

candidates=${PYTHON:-python3 python3.13 python3.12 python3.11}

find_python() {
    for candidate in $candidates; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

install() {
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input \
        --require-hashes --no-deps --only-binary :all: "$@"
}

python=$(find_python)
[ -n "$python" ] || fail "needs Python 3.11 or newer, which $candidates is not; install one or name one: make ... PYTHON=python3.12"

# One at a time: another make waits here, and then finds the environment made.
exec 9<"$lock"
if command -v flock >/dev/null; then flock 9; fi

stamp=$({
    "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
    pwd
    cat "$lock" "$demo_lock" "$0"
} | cksum)
if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi

"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"

echo "aurelius: making $venv from $lock with $("$python" --version) (once; it takes a minute or two)"
"$python" -m venv --clear "$venv" || fail "cannot make $venv: see above"
echo '*' >"$venv/.gitignore"
install -r "$lock" || fail "cannot install what $lock names: see above"
install --target "$venv/share/demo-data" -r "$demo_lock" || fail "cannot install the demo data: see above"
echo "$stamp" >"$venv/.stamp"
