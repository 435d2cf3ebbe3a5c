#!/bin/sh
# Puts a copy that backup.sh made in the place of the case database, and verifies its ledger.
# Needs `triage` in PATH, and for PostgreSQL pg_restore.
#
#   restore.sh COPY [--trusted-keys FILE] [--as NAME] [--overwrite] [--earlier-release]
#
# The database is that of TRIAGE_DATABASE_URL, TRIAGE_DATABASE_URL_FILE and
# TRIAGE_DATABASE_PASSWORD_FILE. On PostgreSQL it has to be empty; a file of SQLite may exist with
# --overwrite. --earlier-release: the copy is of an earlier release, whose ledger can be verified
# only after `triage db upgrade`.
# Exit codes: 0 restored and verified, 2 wrong usage or not restored, 4 the copy is damaged or its
# ledger is not intact.
set -eu

copy='' trusted='' account='' overwrite='' earlier=''

say() { printf 'restore: %s\n' "$*" >&2; }
refuse() {
    say "$*"
    exit 2
}
damaged() {
    say "$*"
    exit 4
}

while [ $# -gt 0 ]; do
    case $1 in
    --overwrite) overwrite=yes ;;
    --earlier-release) earlier=yes ;;
    --trusted-keys | --as)
        [ $# -ge 2 ] || refuse "$1 needs a value"
        if [ "$1" = --as ]; then account=$2; else trusted=$2; fi
        shift
        ;;
    -*) refuse "there is no option $1" ;;
    *)
        [ -z "$copy" ] || refuse 'name one copy'
        copy=$1
        ;;
    esac
    shift
done
[ -n "$copy" ] || refuse 'name the folder of a copy'
[ -d "$copy" ] || refuse "there is no folder $copy"
copy=$(cd "$copy" && pwd -P)
command -v triage >/dev/null || refuse 'there is no program triage in PATH'
case $copy in
*.NOT-INTACT) damaged "the ledger in $copy was not intact when it was copied; take an earlier copy" ;;
esac
for one in database.backup SHA256SUMS; do
    [ -f "$copy/$one" ] || damaged "$copy has no $one"
done
(cd "$copy" && sha256sum --check --strict --quiet SHA256SUMS >&2) ||
    damaged "$copy is damaged; nothing was restored"

verify() { # of the database that the arguments name
    set -- ledger verify "$@"
    if [ -f "$copy/checkpoints.jsonl" ]; then
        set -- "$@" --checkpoints "$copy/checkpoints.jsonl"
        [ -z "$trusted" ] || set -- "$@" --trusted-keys "$trusted"
    else
        say 'the copy has no checkpoints: a ledger that was rewritten as a whole is not seen'
    fi
    triage "$@" >&2
}

sqlite=''
[ "$(head -c 15 "$copy/database.backup")" != 'SQLite format 3' ] || sqlite=yes
if [ -n "$sqlite" ] && [ -z "$earlier" ]; then # before anything is replaced
    verify --db "sqlite:///$copy/database.backup" ||
        damaged "THE LEDGER IN $copy IS NOT INTACT; nothing was restored"
fi
set -- db restore --from "$copy/database.backup"
[ -z "$overwrite" ] || set -- "$@" --overwrite
[ -z "$account" ] || set -- "$@" --as "$account"
triage "$@" >&2 || refuse 'nothing was restored'
if [ -n "$earlier" ]; then
    say 'restored, NOT verified: now run triage db upgrade, triage db check and triage ledger verify'
    exit 0
fi
triage db check >&2 || damaged 'THE RESTORED DATABASE IS NOT WHOLE: do not use it'
verify || damaged 'THE LEDGER OF THE RESTORED DATABASE IS NOT INTACT: do not use it'
say "restored from $copy, and the ledger is intact"
