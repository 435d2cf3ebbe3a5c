"""Events of the ledger itself."""

from __future__ import annotations

from dataclasses import dataclass

from triage.ledger.event import LedgerEvent
from triage.vocabulary.event_types import EventType


@dataclass(frozen=True)
class LedgerBegun(LedgerEvent):
    """The hash chain of a database began.

    Parameters
    ----------
    ledger : str
        Random identifier of this database's ledger, 32 hexadecimal digits; checkpoints name it.
    earlier_events : int
        Events of earlier releases before this one. They were chained as they were found.
    """

    kind = EventType.LEDGER_BEGUN
    ledger: str
    earlier_events: int
