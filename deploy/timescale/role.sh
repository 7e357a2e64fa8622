#!/bin/sh
# The role and the database of the programs. The image runs this once, as its superuser, when the volume is empty.
# The role owns its own database and nothing else: no superuser, no new roles, no new databases. In a subshell, because a
# file that is not executable (a ConfigMap's) is read into the image's own script.
(
  set -eu
  : "${FIRETOWER_DATABASE_PASSWORD:?}"
  psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres <<'SQL'
\getenv password FIRETOWER_DATABASE_PASSWORD
set client_min_messages = warning;
create role firetower login nosuperuser nocreatedb nocreaterole noreplication password :'password';
grant pg_monitor, pg_signal_backend to firetower;
create database firetower owner firetower template template0 encoding 'UTF8';
revoke connect, temporary on database firetower from public;
\connect firetower
set client_min_messages = warning;
create extension if not exists timescaledb;
SQL
)
