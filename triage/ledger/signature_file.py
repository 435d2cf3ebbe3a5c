"""Ed25519 signatures in files of their own, beside what they sign.

`triage.systems.bundle_signature` and `triage.gating.policy_signature` say what is signed, and what
an absent signature means.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from triage.atomic_write import whole_file
from triage.errors import TriageError
from triage.ledger.keys import is_signature, key_id, read_trusted_keys
from triage.named_file import read_named_text

_MOST_BYTES = 4096
_Content = TypeVar("_Content", bound=BaseModel)


class Signed(Protocol):
    """What a file of a signature holds besides what it signs."""

    @property
    def key_id(self) -> str:
        """Identifier of the public key, see `triage.ledger.keys.key_id`."""

    @property
    def signature(self) -> str:
        """64 bytes in hexadecimal digits."""


def write_signature_file(path: Path, content: BaseModel) -> None:
    """Write a signature, whole, in the place of a former one.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with whole_file(path) as partial:
        partial.write_text(content.model_dump_json(indent=2) + "\n", encoding="utf-8", newline="\n")


def read_signature_file(
    path: Path, kind: type[_Content], what: str, error: type[TriageError]
) -> _Content | None:
    """Return the content of a signature's file, not yet checked; None where there is none.

    Parameters
    ----------
    path : Path
    kind : type
        Of the content.
    what : str
        What it is, for messages, such as 'signature of a bundle'.
    error : type

    Raises
    ------
    TriageError
        Of the type `error`, if the file cannot be read or is malformed.
    """
    if not os.path.lexists(path):
        return None
    text = read_named_text(path, what, error, _MOST_BYTES)
    try:
        return kind.model_validate(json.loads(text))
    except (ValueError, ValidationError, RecursionError) as cause:
        raise error(f"is no {what}", where=str(path), hint="Delete it and sign again.") from cause


def trusted_keys(variable: str) -> frozenset[str] | None:
    """Return the public keys of the file that a variable names; None where it is not set.

    Raises
    ------
    LedgerError
        If the file cannot be read, names no key, or a line is no key.
    """
    place = os.environ.get(variable)
    return read_trusted_keys(Path(place)) if place else None


def is_by_trusted_key(found: Signed, text: str, trusted: frozenset[str]) -> bool | None:
    """Return whether a signature of a text is right; None if its key is not trusted."""
    keys = [key for key in trusted if key_id(key) == found.key_id]
    if not keys:
        return None
    return any(is_signature(key, found.signature, text) for key in keys)
