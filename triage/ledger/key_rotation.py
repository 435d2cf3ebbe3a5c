"""Replacing the key that signs a file of checkpoints."""

from __future__ import annotations

from pathlib import Path

from triage.errors import LedgerError, LedgerNotIntact
from triage.ledger.checkpoints import (
    KeyRotation,
    append_record,
    read_checkpoints,
    sign_rotation,
    size_of,
)
from triage.ledger.findings import Findings
from triage.ledger.keys import SigningKey, key_id
from triage.ledger.trust import Trusted, trusted_checkpoints


def rotate_key(path: Path, key: SigningKey, new_key: SigningKey) -> KeyRotation:
    """Append to a file of checkpoints that another key signs from now on.

    Parameters
    ----------
    path : Path
        File of checkpoints, with at least one.
    key : SigningKey
        The key that is replaced; it signs the record.
    new_key : SigningKey

    Raises
    ------
    LedgerError
        If there is no checkpoint, the key is not the one that signs, both keys are the same, or
        another process has appended to the file meanwhile.
    LedgerNotIntact
        If lines of the file were changed or forged.
    """
    after = size_of(path)
    file = read_checkpoints(path)
    if not file.checkpoints:
        raise LedgerError(
            "There is no checkpoint here, so that no key is in use.",
            where=str(path),
            hint="Sign the first checkpoint with the new key.",
        )
    ledger = file.checkpoints[0].ledger
    findings = Findings()
    trusted = trusted_checkpoints(file, ledger, findings)
    if found := findings.listed():
        raise LedgerNotIntact(
            f"{path}: the checkpoints are not intact, so the key is not replaced.",
            findings=tuple(each.what for each in found),
        )
    require_current_key(trusted, key, path)
    if new_key.public == key.public:
        raise LedgerError("The new key is the present one.", where=str(path))
    record = sign_rotation(key, new_key.public, ledger=ledger)
    if not append_record(path, record, after=after):
        raise LedgerError(
            "Another process has appended to the file meanwhile.",
            where=str(path),
            hint="Run it again.",
        )
    return record


def require_current_key(trusted: Trusted, key: SigningKey, path: Path) -> None:
    """Check that a key is the one that signs a file of checkpoints now.

    Raises
    ------
    LedgerError
        If it is another.
    """
    if trusted.keys and key.public not in trusted.keys:
        named = ", ".join(sorted(map(key_id, trusted.keys)))
        raise LedgerError(
            f"These checkpoints are signed with the key {named}, not with {key.id}.",
            where=str(path),
            hint="Give that key, or replace it with triage ledger rotate.",
        )
