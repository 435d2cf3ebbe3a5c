#!/bin/sh
# Makes the secrets of docker/compose.yaml that are not there yet, for user and group 10001 of the
# containers. Run it as root, so that it can give the files to them.
#
#   make_secrets.sh [FOLDER]
#
# Of TLS it makes nothing: put the certificate chain and its key there as tls_certificate and
# tls_key, and run it again for their owner and rights. The key of the ledger is made by
# `triage ledger keygen`, see docs/deployment.md.
set -eu
umask 077

folder=${1:-$(dirname "$0")/secrets}
owner=10001:10001

mkdir -p "$folder"
for name in postgres_password database_password scorer_password monitor_password; do
    [ -e "$folder/$name" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$folder/$name"
done
if [ ! -e "$folder/orthanc_users" ]; then
    printf '{"RegisteredUsers": {"triage": "%s"}}\n' "$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')" \
        >"$folder/orthanc_users"
fi
chmod 0750 "$folder"
missing=''
for name in postgres_password database_password scorer_password monitor_password orthanc_users \
    tls_certificate tls_key ledger_key; do
    if [ ! -e "$folder/$name" ]; then
        missing="$missing $name"
        continue
    fi
    mode=0440 # the database and the proxy read theirs as members of the group
    [ "$name" != ledger_key ] || mode=0400 # refused where others than its owner have rights
    chmod "$mode" "$folder/$name"
    [ "$(id -u)" -ne 0 ] || chown "$owner" "$folder/$name"
done
if [ "$(id -u)" -eq 0 ]; then
    chown "$owner" "$folder"
else
    printf 'make_secrets: run it as root, or the containers cannot read %s\n' "$folder" >&2
fi
[ -z "$missing" ] || printf 'make_secrets: still missing:%s\n' "$missing" >&2
