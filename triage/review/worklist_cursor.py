"""Where the next part of a worklist begins, as a text that pages keep in their address."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from triage.errors import UsageError
from triage.review.worklist_items import WorklistOrder

_LONGEST = 400
_LARGEST = 2**63 - 1  # of an integer in either database


def cursor_text(order: WorklistOrder, place: Sequence[Any]) -> str:
    """Return the text of a place: the sort key of the last case before it.

    It holds times and the number of a case, and a class only in an order by class.
    """
    plain = [each.isoformat() if isinstance(each, datetime) else each for each in place]
    return urlsafe_b64encode(json.dumps([order.value, *plain]).encode()).decode().rstrip("=")


def place_of(cursor: str, order: WorklistOrder) -> tuple[Any, ...]:
    """Return the place that a text states.

    Raises
    ------
    UsageError
        If the text is none of `cursor_text`, or of another order than the worklist has now.
    """
    try:
        if len(cursor) > _LONGEST:
            raise ValueError("too long")
        padded = cursor + "=" * (-len(cursor) % 4)
        named, *rest = json.loads(urlsafe_b64decode(padded.encode("ascii")))
        place = _parsed(WorklistOrder(named), rest)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise UsageError(
            "this is no place in the worklist", where="after", hint="Begin with the first page."
        ) from None
    if WorklistOrder(named) is not order:
        raise UsageError(
            "the worklist has another order now", where="after", hint="Begin with the first page."
        )
    return place


def _parsed(order: WorklistOrder, values: Sequence[Any]) -> tuple[Any, ...]:
    kinds = {
        WorklistOrder.ARRIVAL: (_moment, _number),
        WorklistOrder.URGENCY: (_number, _moment, _moment, _number),
    }[order]
    return tuple(kind(value) for kind, value in zip(kinds, values, strict=True))


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.utcoffset() is None or moment.utcoffset():
        raise ValueError("not in UTC")
    return moment


def _number(value: Any) -> int:
    if type(value) is not int or not -_LARGEST <= value <= _LARGEST:
        raise ValueError("no number")
    return value
