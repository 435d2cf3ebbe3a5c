"""Events of audits: what was planned, and what was run."""

from __future__ import annotations

from dataclasses import dataclass

from triage.ledger.event import LedgerEvent
from triage.vocabulary.event_types import EventType


@dataclass(frozen=True)
class AuditPlanned(LedgerEvent):
    """The plan of an audit, before its data were read.

    Parameters
    ----------
    plan_sha256 : str
        Hash of the plan's content.
    plan : dict
        The whole plan; numbers with a fraction as text.
    """

    kind = EventType.AUDIT_PLANNED
    plan_sha256: str
    plan: dict[str, object]


@dataclass(frozen=True)
class AuditRun(LedgerEvent):
    """An audit was run, and its report written.

    Parameters
    ----------
    plan_sha256 : str
    data_sha256 : str
        Of the file or of the cases that were audited.
    report : str
        Identifier of the report, which follows from its content.
    public : bool
        Whether small cells were suppressed in it.
    """

    kind = EventType.AUDIT_RUN
    plan_sha256: str
    data_sha256: str
    report: str
    public: bool
