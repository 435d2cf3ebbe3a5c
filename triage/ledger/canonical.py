"""The canonical text of an event (RFC 8785) and its hash.

The text of an event is the canonical JSON of the object with the members `actor`, `at`, `case`,
`kind`, `payload`, `previous` and `seq`. `previous` is the hash of the event before it, so that each
hash covers all events up to its own: a hash chain. The hash of an event is the SHA-256 of the
UTF-8 encoding of its text.

Reference: A. Rundgren, B. Jordan and S. Erdtman, "JSON Canonicalization Scheme (JCS)", RFC 8785.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import rfc8785

from triage.errors import StoreError
from triage.hashing import hash_bytes

FIRST_PREVIOUS = "0" * 64
"""`previous` of the first event."""


class CanonicalTextError(StoreError):
    """A value has no canonical text; the message does not quote it."""


def canonical_text(value: Any) -> str:
    """Return the canonical JSON text (RFC 8785) of a value of plain JSON types.

    Raises
    ------
    CanonicalTextError
        For an integer beyond 2**53, a number that is not finite, a lone surrogate in a text or a
        key, a key that is not a text, or a value of another type.
    """
    try:
        return rfc8785.dumps(value).decode()
    except ValueError as error:
        raise CanonicalTextError(
            "A value has no canonical JSON text.",
            where="event",
            hint="Integers beyond 2^53, numbers that are not finite and lone surrogates are not "
            "taken; write large numbers as text.",
        ) from error


def time_text(moment: datetime) -> str:
    """Return a moment in UTC as ``YYYY-MM-DDTHH:MM:SS.ffffffZ``.

    Raises
    ------
    CanonicalTextError
        If it has no time zone.
    """
    if moment.tzinfo is None:
        raise CanonicalTextError("The time of an event needs a time zone.", where="event")
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds')}Z"


_quoted = lru_cache(maxsize=4096)(canonical_text)
"""Canonical text of a string; actors and kinds occur again and again."""


def event_text(
    *,
    seq: int,
    at: str,
    actor: str,
    kind: str,
    case_id: int | None,
    payload: str,
    previous: str,
) -> str:
    """Return the canonical text of an event.

    Parameters
    ----------
    seq : int
        Sequence number, from 1.
    at : str
        From `time_text`.
    actor, kind : str
    case_id : int or None
    payload : str
        Canonical text of the payload. It is inserted as it is, so that verifying many events does
        not parse them.
    previous : str
        Hash of the event before, `FIRST_PREVIOUS` of the first.

    Raises
    ------
    CanonicalTextError
        If the actor or the kind has no canonical text.
    """
    case = "null" if case_id is None else case_id
    # The members in the order of RFC 8785: by UTF-16 code units, here that of the alphabet.
    return (
        f'{{"actor":{_quoted(actor)},"at":"{at}","case":{case},"kind":{_quoted(kind)},'
        f'"payload":{payload},"previous":"{previous}","seq":{seq}}}'
    )


def text_hash(text: str) -> str:
    """Return the SHA-256 of the UTF-8 encoding of a text, 64 hexadecimal digits."""
    return hash_bytes(text.encode())
