"""Verbs on the ledger of events: its keys, checkpoints and verification."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.console import Db, Json, say
from triage.errors import ExitCode

if TYPE_CHECKING:
    from triage.store.ledger_checkpoints import CheckpointOutcome
    from triage.store.ledger_verification import LedgerVerification

Key = Annotated[Path, typer.Option("--key", help="Private key that signs, from keygen.")]
Out = Annotated[Path, typer.Option("--out", help="File of checkpoints; it is only appended to.")]


def ledger_keygen(
    out: Annotated[Path, typer.Option("--out", help="File of the private key to write.")],
    as_json: Json = False,
) -> None:
    """Make a key that signs checkpoints: FILE for its owner only, and FILE.pub beside it.

    Keep it outside the database's machine. Example: triage ledger keygen --out ledger.key
    """
    from triage.ledger.keys import make_key, public_file

    key = make_key(out)
    public = public_file(out)
    value = {
        "key": str(out),
        "public_file": str(public),
        "key_id": key.id,
        "public_key": key.public,
    }
    say(
        as_json, value, f"{out}: the private key {key.id}", f"{public}: its public key {key.public}"
    )


def ledger_checkpoint(
    key: Key,
    out: Out,
    db: Db = None,
    accept_clock: Annotated[
        bool,
        typer.Option("--accept-clock", help="Sign although the clock was set back."),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on signing until interrupted (Ctrl-C).")
    ] = False,
    every_events: Annotated[
        int, typer.Option("--every-events", min=1, help="With --watch: after so many events.")
    ] = 1000,
    every_minutes: Annotated[
        float, typer.Option("--every-minutes", min=0.01, help="With --watch: or so many minutes.")
    ] = 10.0,
    as_json: Json = False,
) -> None:
    """Verify the ledger and append a signed checkpoint; exit code 4 if it is not intact.

    The key is what allows it: the database is only read, so no account is needed.

    Example: triage ledger checkpoint --db sqlite:///triage.db --key ledger.key --out ledger.jsonl
    """
    from triage.ledger.keys import load_key
    from triage.store.ledger_checkpoints import append_checkpoint

    signing = load_key(key)
    outcome = append_checkpoint(db, signing, out, accept_clock=accept_clock)
    _say_checkpoint(as_json, outcome, out)
    if watch:
        import threading

        from triage.store.checkpoint_schedule import CheckpointSchedule

        schedule = CheckpointSchedule(
            db,
            signing,
            out,
            every_events=every_events,
            every_minutes=every_minutes,
            on_checkpoint=lambda done: _say_checkpoint(as_json, done, out),
        )
        schedule.run(threading.Event())


def _say_checkpoint(as_json: bool, outcome: CheckpointOutcome, out: Path) -> None:
    made = outcome.appended
    value: dict[str, Any] = {
        "checkpoints": str(out),
        "appended": None if made is None else made.model_dump(),
        "events": outcome.events,
    }
    if made is None:
        line = f"{out}: nothing new since the last checkpoint ({outcome.events} events)"
    else:
        line = f"{out}: {made.seq} events, signed with the key {made.key_id}, root {made.root}"
    say(as_json, value, line)


def ledger_rotate(
    key: Key,
    new_key: Annotated[Path, typer.Option("--new-key", help="Private key that signs from now on.")],
    out: Out,
    as_json: Json = False,
) -> None:
    """Replace the key that signs a file of checkpoints; the old key signs that.

    Example: triage ledger rotate --key ledger.key --new-key new.key --out ledger.jsonl
    """
    from triage.ledger.key_rotation import rotate_key
    from triage.ledger.keys import load_key

    old, new = load_key(key), load_key(new_key)
    rotate_key(out, old, new)
    value = {"checkpoints": str(out), "key_id": old.id, "new_key_id": new.id}
    say(as_json, value, f"{out}: the key {old.id} is replaced by {new.id}")


def ledger_verify(
    db: Db = None,
    checkpoints: Annotated[
        Path | None, typer.Option("--checkpoints", help="File of checkpoints to compare with.")
    ] = None,
    trusted_keys: Annotated[
        Path | None,
        typer.Option("--trusted-keys", help="File of trusted public keys, one a line."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify that no event and no fact was changed; exit code 4 if one was. Nothing is changed.

    Example: triage ledger verify --db sqlite:///triage.db --checkpoints ledger.jsonl
    """
    from triage.errors import UsageError
    from triage.store.ledger_verification import verify_ledger

    if trusted_keys is not None and checkpoints is None:
        raise UsageError("--trusted-keys is about checkpoints", hint="Give --checkpoints, too.")
    found = verify_ledger(db, checkpoints=checkpoints, trusted_keys=trusted_keys)
    say(as_json, _value(found), *_lines(found))
    if not found.intact:
        raise typer.Exit(ExitCode.ANSWERED_NO)


def _value(found: LedgerVerification) -> dict[str, Any]:
    chain = found.chain
    return {
        "database": found.place,
        "intact": found.intact,
        "ledger": chain.ledger,
        "events": chain.events,
        "head": chain.head,
        "root": chain.root,
        "checkpoints": len(chain.trusted.checkpoints) if chain.trusted else 0,
        "unsealed": chain.unsealed,
        "findings": [{"kind": each.kind.value, "what": each.what} for each in chain.findings],
        "counts": chain.counts,
        "notes": list(chain.notes),
        "unseen": list(chain.unseen),
    }


def _lines(found: LedgerVerification) -> list[str]:
    chain = found.chain
    used = len(chain.trusted.checkpoints) if chain.trusted else 0
    verdict = "intact" if found.intact else "NOT INTACT"
    lines = [f"{found.place}: {chain.events} events, {used} checkpoints used: {verdict}"]
    lines += [f"  finding: {each.what}" for each in chain.findings]
    lines += [f"  note: {note}" for note in chain.notes]
    if used and chain.unsealed:
        lines.append(
            f"  note: No checkpoint covers the last {chain.unsealed} events; whether they were "
            "rewritten or cut off cannot be seen."
        )
    lines += [f"  not seen without checkpoints: {attack}" for attack in chain.unseen]
    return lines
