"""What every type of event shares: a kind, and a payload of plain JSON types."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from pydantic import TypeAdapter

from triage.vocabulary.event_types import EventType


@dataclass(frozen=True)
class LedgerEvent:
    """Base of the types of events; a subclass has a `kind` and the fields of its payload.

    Payloads hold no name, number or picture of a patient: they refer to rows by their numbers.
    """

    kind: ClassVar[EventType]

    def payload(self) -> dict[str, Any]:
        """Return the fields as plain JSON types; numbers are integers, so that text is exact."""
        # Not by pydantic, which turns a number that is not finite into null.
        content: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return content

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Self:
        """Return the event whose payload this is.

        Raises
        ------
        pydantic.ValidationError
            If it is not one of this type.
        """
        event: Self = _adapter(cls).validate_python(payload)
        return event


_ADAPTERS: dict[type[LedgerEvent], TypeAdapter[Any]] = {}


def _adapter(kind: type[LedgerEvent]) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
