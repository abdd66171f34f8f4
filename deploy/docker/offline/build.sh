#!/bin/sh
# Makes the images of others that compose.yaml is based on from Debian's packages, for a site that reaches a mirror of
# those but no container registry:
#
#   sh deploy/docker/offline/build.sh
#
# It prints the variables with which compose.yaml takes them. Needs mmdebstrap; ENGINE=docker uses Docker rather than
# Podman, MIRROR=URL takes the packages from there rather than from where mmdebstrap would.
set -eu

here=$(dirname "$0")
engine=${ENGINE:-podman}
suite=trixie
authorities=/etc/ssl/certs/ca-certificates.crt

if ! command -v mmdebstrap >/dev/null; then
    echo "offline: mmdebstrap is missing; on Debian and Ubuntu: apt install mmdebstrap" >&2
    exit 1
fi

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
trap 'exit 1' HUP INT TERM
cp "$here"/*.Dockerfile "$here/postgres-start.sh" "$context"

# image NAME TAG PACKAGES: whom this machine trusts, such as a site's own authority, is trusted in the image too.
image() {
    echo "offline: making $1:$2" >&2
    mmdebstrap --quiet --variant=minbase --include="ca-certificates,$3" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --customize-hook="if [ -e $authorities ]; then cp $authorities \"\$1$authorities\"; fi" \
        "$suite" "$context/$1.tar" ${MIRROR:+"$MIRROR"}
    "$engine" build --quiet --tag "localhost/aurelius-$1:$2" --file "$context/$1.Dockerfile" "$context" >&2
    rm "$context/$1.tar"
}

image python 3.13 python3,python3-pip,python3-venv
image postgres 17 postgresql-17
image valkey 8.1 valkey-server

echo "BASE_IMAGE=localhost/aurelius-python:3.13"
echo "POSTGRES_IMAGE=localhost/aurelius-postgres:17"
echo "VALKEY_IMAGE=localhost/aurelius-valkey:8.1"
