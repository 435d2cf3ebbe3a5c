#!/bin/sh
# Run once by the image of PostgreSQL, when its data folder is empty: the role and the database of
# triage. The role is no superuser; it owns its database, since migrations make tables.
set -eu

# psql quotes the password (:'password'), and reads it from its input: no command line shows it.
{
# shellcheck disable=SC2016 # psql expands it
    printf '\\set password `cat %s`\n' /run/secrets/database_password
    cat <<'SQL'
CREATE ROLE triage LOGIN PASSWORD :'password';
CREATE DATABASE triage OWNER triage ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE triage FROM PUBLIC;
SQL
} | psql --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres
