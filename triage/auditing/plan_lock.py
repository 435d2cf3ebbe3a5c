"""The lock of a plan: a file beside it that says what the plan was, when, and who signed it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from triage.atomic_write import whole_file
from triage.auditing.audit_plan import AuditPlan
from triage.errors import UsageError
from triage.hashing import canonical_json
from triage.ledger.keys import SigningKey, is_signature, key_id
from triage.named_file import read_named_text

FORMAT = "triage-audit-lock-1"
_MAX_BYTES = 64 << 10


@dataclass(frozen=True)
class PlanLock:
    """What the lock of a plan states.

    Parameters
    ----------
    plan_sha256 : str
    locked_at : str
        ISO 8601, UTC. The clock of whoever locked it; nobody else vouches for it.
    public_key : str, optional
        Of the key whose signature the lock carries, checked.
    """

    plan_sha256: str
    locked_at: str
    public_key: str | None = None


def lock_path(plan: Path) -> Path:
    """Return the file of a plan's lock."""
    return plan.with_suffix(".lock")


def write_lock(
    plan: AuditPlan, path: Path, key: SigningKey | None = None, at: datetime | None = None
) -> None:
    """Write the lock of a plan, whole or not at all.

    Parameters
    ----------
    plan : AuditPlan
    path : Path
        File of the plan.
    key : SigningKey, optional
        Signs the canonical JSON of the lock without its signature.
    at : datetime, optional
        With a time zone; by default when the plan was made.

    Raises
    ------
    OSError
    """
    content: dict[str, Any] = {
        "format": FORMAT,
        "locked_at": (at or plan.created_at).isoformat(),
        "plan_sha256": plan.sha256(),
    }
    if key is not None:
        content |= {"key_id": key.id, "public_key": key.public}
        content["signature"] = key.sign(canonical_json(content))
    with whole_file(lock_path(path)) as partial:
        partial.write_text(canonical_json(content) + "\n", encoding="utf-8")


def read_lock(path: Path) -> PlanLock | None:
    """Return the lock of a plan; None where there is none.

    Parameters
    ----------
    path : Path
        File of the plan.

    Raises
    ------
    UsageError
        If the lock is damaged, or its signature is not that of its key.
    """
    place = lock_path(path)
    if not place.exists():
        return None
    text = read_named_text(place, "lock of a plan", UsageError, _MAX_BYTES)
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise ValueError
        signature = content.pop("signature", None)
        found = PlanLock(
            str(content["plan_sha256"]), str(content["locked_at"]), content.get("public_key")
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            "is not the lock of a plan", where=str(place), hint="Make the plan again."
        ) from error
    if (signature is None) != (found.public_key is None) or (
        signature is not None and not _is_signed(found, content, signature)
    ):
        raise UsageError(
            "its signature is not valid: the lock was changed after it was signed",
            where=str(place),
            hint="Get the lock again from whoever signed it, or make the plan again.",
        )
    return found


def _is_signed(lock: PlanLock, content: dict[str, Any], signature: object) -> bool:
    public = str(lock.public_key)
    try:
        return content["key_id"] == key_id(public) and is_signature(
            public, str(signature), canonical_json(content)
        )
    except (ValueError, LookupError):
        return False
