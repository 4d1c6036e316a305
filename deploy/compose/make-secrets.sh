#!/bin/sh
# Makes the passwords of the database and the key that seals secrets, which compose.yaml mounts, and names the user of the
# nodes in .env. What is there is left alone, so that it may be run again.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
random() { od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
made() { echo "deploy/compose/$1 is made"; }
if [ ! -e secrets/postgres_superuser_password ]; then
    random 24 > secrets/postgres_superuser_password
    made secrets/postgres_superuser_password
fi
if [ ! -e secrets/postgres_password ]; then
    random 24 > secrets/postgres_password
    made secrets/postgres_password
fi
if [ ! -e secrets/oneoff.toml ]; then
    printf 'database_url = "postgres://oneoff:%s@db:5432/oneoff"\n' "$(cat secrets/postgres_password)" > secrets/oneoff.toml
    made secrets/oneoff.toml
fi
if [ ! -e secrets/sealing_key ]; then
    random 32 > secrets/sealing_key
    made secrets/sealing_key
fi
# Compose mounts files as they are. What is the nodes' own only their user may read, so that they run as whoever runs
# this, or as nobody where that is root. The passwords are read by a user of the database's container too; the directory
# keeps others out.
chmod 644 secrets/postgres_superuser_password secrets/postgres_password
chmod 600 secrets/oneoff.toml secrets/sealing_key
user=$(id -u):$(id -g)
if [ "$(id -u)" = 0 ]; then
    user=65534:65534
    chown "$user" secrets/oneoff.toml secrets/sealing_key
fi
if ! grep -qs '^ONEOFF_USER=' .env; then
    printf 'ONEOFF_USER=%s\n' "$user" >> .env
    made .env
fi
