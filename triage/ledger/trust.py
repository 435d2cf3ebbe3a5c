"""Which checkpoints of a file count: signed by a trusted key, of this ledger, in order.

With a list of trusted keys, those count and no others. Without one, the key of the first checkpoint
is trusted, and others where a rotation record that is signed by the trusted key names them. A key
that was replaced does not count afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from triage.ledger.checkpoints import Checkpoint, CheckpointFile, KeyRotation
from triage.ledger.findings import FindingKind, Findings
from triage.ledger.keys import key_id


@dataclass(frozen=True)
class Trusted:
    """The checkpoints that count.

    Parameters
    ----------
    checkpoints : tuple of Checkpoint
        In the order of the file.
    keys : frozenset of str
        Public keys that may sign the next one.
    statement : str
        Why these keys are trusted.
    """

    checkpoints: tuple[Checkpoint, ...]
    keys: frozenset[str]
    statement: str


def trusted_checkpoints(
    file: CheckpointFile,
    ledger: str | None,
    findings: Findings,
    trusted_keys: frozenset[str] | None = None,
) -> Trusted:
    """Return the checkpoints that count, and add what is wrong with the others to the findings.

    Parameters
    ----------
    file : CheckpointFile
    ledger : str or None
        Identifier of the ledger; None where the database states none.
    findings : Findings
    trusted_keys : frozenset of str, optional
        Public keys; without them the first in the file is trusted.
    """
    keys = trusted_keys
    accepted: list[Checkpoint] = []
    for line, record in file.records:
        place = f"Line {line} of the checkpoints"
        if not record.is_signed():
            findings.add(
                FindingKind.FORGED_CHECKPOINT,
                f"{place} does not carry the signature of the key that it names: it was changed "
                "or forged.",
            )
            continue
        if ledger is not None and record.ledger != ledger:
            findings.add(
                FindingKind.OTHER_LEDGER,
                f"{place} belongs to another ledger ({record.ledger[:8]}..., this database has "
                f"{ledger[:8]}...).",
            )
            continue
        if keys is None:
            keys = frozenset({record.public_key})
        if record.public_key not in keys:
            findings.add(
                FindingKind.UNTRUSTED_CHECKPOINT,
                f"{place} is signed by the key {record.key_id}, which is not trusted here.",
            )
            continue
        if isinstance(record, KeyRotation):
            keys = _rotated(keys, record, listed=trusted_keys)
            continue
        _check_order(accepted, record, place, findings)
        accepted.append(record)
    findings.extend(
        FindingKind.STRANGE_LINE,
        (f"Line {line} of the checkpoints is no checkpoint of this version." for line in
         file.strange_lines),
    )  # fmt: skip
    return Trusted(tuple(accepted), keys or frozenset(), _statement(keys, trusted_keys))


def _rotated(
    keys: frozenset[str], rotation: KeyRotation, listed: frozenset[str] | None
) -> frozenset[str]:
    left = keys - {rotation.public_key}
    # A list says which keys are trusted; a rotation cannot add one to it.
    return left if listed is not None else left | {rotation.new_public_key}


def _check_order(
    accepted: list[Checkpoint], record: Checkpoint, place: str, findings: Findings
) -> None:
    if accepted and (record.seq < accepted[-1].seq or record.at < accepted[-1].at):
        findings.add(
            FindingKind.CHECKPOINT_ORDER,
            f"{place} is out of order: {record.seq} events at {record.at} follow "
            f"{accepted[-1].seq} events at {accepted[-1].at}.",
        )


def _statement(keys: frozenset[str] | None, listed: frozenset[str] | None) -> str:
    if listed is not None:
        return f"Trusted are the {len(listed)} keys of the given list."
    if not keys:
        return "The file of checkpoints has no checkpoint of this ledger."
    named = ", ".join(sorted(key_id(key) for key in keys))
    return (
        "Trusted are the key of the first checkpoint in the file and those that replaced it, now "
        f"{named}; give a list of trusted keys to rely on the file less."
    )
