#!/bin/sh
# Makes the database at the first start, from POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB, then becomes the server.
set -eu
umask 077

if [ ! -d "$PGDATA" ]; then
    : "${POSTGRES_USER:?is not set}" "${POSTGRES_PASSWORD:?is not set}" "${POSTGRES_DB:?is not set}"
    # Under another name until it is complete.
    rm -rf "$PGDATA.new"
    mkdir -p "$PGDATA.new"
    printf '%s\n' "$POSTGRES_PASSWORD" >"$PGDATA.password"
    initdb --pgdata="$PGDATA.new" --username="$POSTGRES_USER" --pwfile="$PGDATA.password" \
        --auth=scram-sha-256 --encoding=UTF8 --data-checksums
    rm "$PGDATA.password"
    echo "host all all all scram-sha-256" >>"$PGDATA.new/pg_hba.conf"
    echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$PGDATA.new" postgres
    mv "$PGDATA.new" "$PGDATA"
fi

exec "$@" -c "listen_addresses=*"
