#!/bin/sh
# Run by the image of PostgreSQL when its directory is empty: makes the role of the nodes and their database.
set -eu
psql --username="${POSTGRES_USER:-postgres}" --dbname=postgres --set=ON_ERROR_STOP=1 --set=password="$(cat /run/secrets/postgres_password)" <<'SQL'
CREATE ROLE oneoff LOGIN PASSWORD :'password';
CREATE DATABASE oneoff OWNER oneoff;
SQL
