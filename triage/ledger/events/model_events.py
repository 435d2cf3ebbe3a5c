"""Events of trained systems."""

from __future__ import annotations

from dataclasses import dataclass

from triage.ledger.event import LedgerEvent
from triage.vocabulary.event_types import EventType


@dataclass(frozen=True)
class BundleRegistered(LedgerEvent):
    """A bundle scored or was trained for this database; the hash of its manifest."""

    kind = EventType.BUNDLE_REGISTERED
    bundle: str


@dataclass(frozen=True)
class ChampionSet(LedgerEvent):
    """Another bundle came into use; the hashes of both."""

    kind = EventType.CHAMPION_SET
    bundle: str
    former: str | None


@dataclass(frozen=True)
class BundleWithdrawn(LedgerEvent):
    """A bundle is shown to readers no more: its hash, and why."""

    kind = EventType.BUNDLE_WITHDRAWN
    bundle: str
    reason: str
