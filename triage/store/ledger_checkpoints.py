"""Signing a checkpoint of a database's ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from triage.errors import LedgerError, LedgerNotIntact
from triage.ledger.checkpoints import Checkpoint, append_record, sign_checkpoint, size_of
from triage.ledger.key_rotation import require_current_key
from triage.ledger.keys import SigningKey
from triage.ledger.verification import CLOCK_TOLERANCE_S
from triage.store.ledger_verification import LedgerVerification, verify_ledger


@dataclass(frozen=True)
class CheckpointOutcome:
    """What `append_checkpoint` did.

    Parameters
    ----------
    appended : Checkpoint or None
        None where there was no event after the last one.
    events : int
        Events of the ledger.
    verification : LedgerVerification
        From before it was signed.
    """

    appended: Checkpoint | None
    events: int
    verification: LedgerVerification


def append_checkpoint(
    url: str | None, key: SigningKey, out: Path, *, accept_clock: bool = False
) -> CheckpointOutcome:
    """Verify the chain of a database and the earlier checkpoints, and sign one more.

    Several processes may append to one file at once.

    Parameters
    ----------
    url : str, optional
        As for `triage.store.open_store`.
    key : SigningKey
    out : Path
        File of checkpoints to append to.
    accept_clock : bool
        Whether to sign although the clock was set back; these times are then no finding any more.

    Raises
    ------
    LedgerNotIntact
        If the chain is not intact, or does not agree with the earlier checkpoints.
    LedgerError
        If the key is not the one that signs this file, a file cannot be read or written, or the
        last checkpoint is of a later time than the clock shows.
    StoreError
        If there is no database of this version.
    """
    while True:
        after = size_of(out)
        outcome = _signed(url, key, out, accept_clock)
        if outcome.appended is None or append_record(out, outcome.appended, after=after):
            return outcome
        # Another process has appended meanwhile; what it signed may cover more events than this.


def _signed(url: str | None, key: SigningKey, out: Path, accept_clock: bool) -> CheckpointOutcome:
    """Verify, and sign a checkpoint that is not appended yet."""
    # Events that are committed during the verification are not before the checkpoint.
    now = datetime.now(UTC)
    found = verify_ledger(
        url,
        checkpoints=out if out.exists() else None,
        facts=False,
        clock_tolerance_s=None if accept_clock else CLOCK_TOLERANCE_S,
    )
    chain = found.chain
    if not found.intact or chain.ledger is None:
        raise LedgerNotIntact(
            "The ledger is not intact, so no checkpoint is signed.",
            findings=tuple(each.what for each in chain.findings),
            hint="docs/ledger.md says what to do.",
        )
    earlier: tuple[Checkpoint, ...] = ()
    if chain.trusted is not None:
        require_current_key(chain.trusted, key, out)
        earlier = chain.trusted.checkpoints
    accepted = max((each.clock_accepted for each in earlier), default=0)
    if accept_clock:
        accepted = chain.events
    if earlier and earlier[-1].seq == chain.events and earlier[-1].clock_accepted == accepted:
        return CheckpointOutcome(None, chain.events, found)
    checkpoint = sign_checkpoint(
        key,
        ledger=chain.ledger,
        seq=chain.events,
        head=chain.head,
        root=chain.root,
        clock_accepted=accepted,
        at=_time(now, earlier, out),
    )
    return CheckpointOutcome(checkpoint, chain.events, found)


def _time(now: datetime, earlier: tuple[Checkpoint, ...], out: Path) -> datetime:
    """Return the time of a checkpoint; never before that of the last one."""
    if not earlier:
        return now
    last = datetime.fromisoformat(earlier[-1].at)
    if (last - now).total_seconds() > CLOCK_TOLERANCE_S:
        raise LedgerError(
            f"The last checkpoint is of a later time ({earlier[-1].at}) than the clock shows.",
            where=str(out),
            hint="Correct the clock. If it was wrong then, begin a new file (another --out), and "
            "keep this one.",
        )
    return max(now, last)
