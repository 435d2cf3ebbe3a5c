#!/bin/sh
# Copies the case database and the file of the ledger's checkpoints into a folder of its own, and
# verifies the ledger against these checkpoints. Needs `triage` in PATH, and for PostgreSQL pg_dump.
#
#   backup.sh --to FOLDER [--checkpoints FILE] [--trusted-keys FILE] [--keep N] [--every MINUTES]
#
# The database is that of TRIAGE_DATABASE_URL, TRIAGE_DATABASE_URL_FILE and
# TRIAGE_DATABASE_PASSWORD_FILE, so that no password stands on a command line.
# Exit codes: 0 done, 2 wrong usage or no copy was made, 4 a copy was made, and the ledger in it is
# not intact.
set -eu
umask 077

to='' checkpoints='' trusted='' keep=0 every=0

say() { printf '%s backup: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >&2; }
refuse() {
    say "$*"
    exit 2
}
number() {
    case $2 in
    '' | *[!0-9]*) refuse "$1 needs a whole number, not '$2'" ;;
    esac
}

while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || refuse "$1 is no option, or its value is missing"
    case $1 in
    --to) to=$2 ;;
    --checkpoints) checkpoints=$2 ;;
    --trusted-keys) trusted=$2 ;;
    --keep) number "$1" "$2" && keep=$2 ;;
    --every) number "$1" "$2" && every=$2 ;;
    *) refuse "there is no option $1" ;;
    esac
    shift 2
done
[ -n "$to" ] || refuse 'say with --to where the copies go'
[ -z "$trusted" ] || [ -n "$checkpoints" ] || refuse '--trusted-keys needs --checkpoints'
command -v triage >/dev/null || refuse 'there is no program triage in PATH'

# A program in the background, so that SIGTERM ends it and this script at once.
wait_for() {
    "$@" >&2 &
    running=$!
    code_of=0
    wait "$running" || code_of=$?
    running=''
    return $code_of
}

# triage ledger verify, of the copy itself if it is a SQLite file, else of the live database.
verify() {
    set -- ledger verify
    if [ "$(head -c 15 "$work/database.backup")" = 'SQLite format 3' ]; then
        set -- "$@" --db "sqlite:///$work/database.backup"
    fi
    if [ -n "$checkpoints" ]; then
        set -- "$@" --checkpoints "$work/checkpoints.jsonl"
        [ -z "$trusted" ] || set -- "$@" --trusted-keys "$trusted"
    fi
    wait_for triage "$@"
}

# Called in a condition, where set -e does nothing: every command says what follows if it fails.
back_up() {
    mkdir -p "$to" || return 2
    to=$(cd "$to" && pwd -P) || return 2
    while name=triage-$(date -u +%Y%m%dT%H%M%SZ) && [ -e "$to/$name" ]; do sleep 1; done
    work=$to/.partial-$name
    mkdir "$work" || return 2
    # Before the database: no checkpoint in the copy may cover events that the copy lacks.
    [ -z "$checkpoints" ] || cp "$checkpoints" "$work/checkpoints.jsonl" || return 2
    wait_for triage db backup --to "$work/database.backup" || return 2
    intact=0
    verify || intact=$?
    case $intact in
    0 | 4) ;;
    *) return 2 ;;
    esac
    (cd "$work" && sha256sum -- * >.sums && mv .sums SHA256SUMS) || return 2
    [ $intact -eq 0 ] || name=$name.NOT-INTACT # kept, to be looked at, and never deleted from here
    sync
    mv "$work" "$to/$name" || return 2
    if [ $intact -ne 0 ]; then
        say "THE LEDGER IS NOT INTACT. The copy is $to/$name; no earlier one is deleted."
        return 4
    fi
    prune || return 2
    [ -z "${TRIAGE_HEARTBEAT:-}" ] || touch "$TRIAGE_HEARTBEAT" || return 2
    say "$to/$name"
}

# Keep the newest copies; names are in the order of time. What an end without warning, such as of
# the machine, left half-made is deleted once no run can still be at it.
prune() {
    find "$to" -maxdepth 1 -type d -name '.partial-triage-*' -mtime +6 -exec rm -rf -- {} + || return 2
    [ "$keep" -gt 0 ] || return 0
    set --
    for one in "$to"/triage-[0-9]*Z; do
        [ ! -d "$one" ] || set -- "$@" "$one"
    done
    while [ $# -gt "$keep" ]; do
        rm -rf -- "$1" || return 2
        shift
    done
}

clean() { [ -z "$work" ] || [ ! -d "$work" ] || rm -rf -- "$work"; }

run() {
    work='' code=0
    back_up || code=$?
    clean
    [ $code -ne 2 ] || say 'FAILED: no copy was made'
    return $code
}

stopped() {
    if [ -n "$running" ]; then
        kill "$running" 2>/dev/null || :
        wait "$running" 2>/dev/null || :
    fi
    [ "$every" -gt 0 ] || exit 2 # no copy was made
    exit 0
}

work='' running=''
trap clean EXIT
trap stopped TERM INT
if [ "$every" -eq 0 ]; then
    run
    exit
fi
while :; do
    run || say "the next try is in $every minutes"
    wait_for sleep $((every * 60)) || :
done
