#!/bin/sh
# Makes the passwords of the database and the key that seals secrets, which compose.yaml mounts, once. What is there is
# left alone.
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
od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n' > secrets/sealing_key
# Compose mounts files as they are. What is the nodes' own only their user may read, so that they run as whoever runs
# this, or as nobody where that is root. The passwords are read by a user of the database's container too; the directory
# keeps others out.
chmod 644 secrets/postgres_superuser_password secrets/postgres_password
user=$(id -u):$(id -g)
if [ "$(id -u)" = 0 ]; then
    user=65534:65534
    chown "$user" secrets/oneoff.toml secrets/sealing_key
fi
printf 'ONEOFF_USER=%s\n' "$user" > .env
