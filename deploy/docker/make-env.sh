#!/bin/sh
# Writes the secrets of one deployment, all random, and the addresses they are part of:
#
#   sh deploy/docker/make-env.sh                                    .env, for compose.yaml
#   sh deploy/docker/make-env.sh deploy/k8s/overlays/dev/secret.env    for the overlay of that name
#
# A file that is there is never changed: its secrets are in use.
set -eu

file=${1:-.env}

if [ -e "$file" ]; then
    echo "make-env: $file is there already; its secrets are in use, so it stays as it is" >&2
    exit 1
fi

# 32 bytes as hexadecimal digits, which need no escaping in an address.
secret() {
    od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n'
}

umask 077
unfinished=$file.$$
trap 'rm -f "$unfinished"' EXIT
trap 'exit 1' HUP INT TERM
owner=$(secret)

cat >"$unfinished" <<END
# Secrets, made by deploy/docker/make-env.sh. Keep this file to yourself and out of version control.
# What else can be set here: docs/deployment.md.

# Signs access tokens. To replace it, move it to SECRET_KEY_PREVIOUS for as long as tokens live.
SECRET_KEY=$(secret)

# Postgres: its owner, who migrates, and each service's own login.
POSTGRES_PASSWORD=$owner
DATABASE_URL=postgresql://aurelius:$owner@postgres:5432/aurelius
STRATEGY_DATABASE_URL=postgresql://aurelius_strategy:$(secret)@postgres:5432/aurelius
BACKTEST_DATABASE_URL=postgresql://aurelius_backtest:$(secret)@postgres:5432/aurelius

# The bus: each service, you, and who reads events from outside.
GATEWAY_BUS_URL=redis://gateway:$(secret)@redis-bus:6379/0
STRATEGY_BUS_URL=redis://strategy:$(secret)@redis-bus:6379/0
BACKTEST_BUS_URL=redis://backtest:$(secret)@redis-bus:6379/0
INVALIDATOR_BUS_URL=redis://invalidator:$(secret)@redis-bus:6379/0
METRICS_BUS_URL=redis://metrics:$(secret)@redis-bus:6379/0
OPERATOR_BUS_URL=redis://operator:$(secret)@redis-bus:6379/0
CONSUMER_BUS_URL=redis://consumer:$(secret)@redis-bus:6379/0

# The cache.
GATEWAY_REDIS_URL=redis://gateway:$(secret)@redis-cache:6379/0
STRATEGY_REDIS_URL=redis://strategy:$(secret)@redis-cache:6379/0
BACKTEST_REDIS_URL=redis://backtest:$(secret)@redis-cache:6379/0
INVALIDATOR_REDIS_URL=redis://invalidator:$(secret)@redis-cache:6379/0
METRICS_REDIS_URL=redis://metrics:$(secret)@redis-cache:6379/0
OPERATOR_REDIS_URL=redis://operator:$(secret)@redis-cache:6379/0
END

# A link fails when the name was taken meanwhile; a rename would replace it.
ln "$unfinished" "$file"
echo "make-env: wrote $file" >&2
