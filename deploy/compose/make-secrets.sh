#!/bin/sh
# Makes the files with the passwords of the database that compose.yaml mounts, once. What is there is left alone.
set -eu
cd "$(dirname "$0")"
if [ -e secrets ]; then
    echo "secrets/ is there already: nothing was changed" >&2
    exit 1
fi
umask 077
mkdir secrets
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
password=$(random)
random > secrets/postgres_superuser_password
printf '%s' "$password" > secrets/postgres_password
printf 'database_url = "postgres://oneoff:%s@db:5432/oneoff"\n' "$password" > secrets/oneoff.toml
# Compose mounts files as they are, and the containers have users of their own; the directory keeps others out.
chmod 644 secrets/*
