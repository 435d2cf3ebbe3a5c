"""What the verification of a ledger found, limited in length and counted in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MOST_OF_A_KIND = 20


class FindingKind(StrEnum):
    """Kinds of findings; stable codes of the machine-readable output."""

    GAP = "gap"
    REORDERED = "reordered"
    EDITED = "edited"
    BROKEN_CHAIN = "broken_chain"
    CLOCK_SET_BACK = "clock_set_back"
    NO_BEGINNING = "no_beginning"
    UNREADABLE = "unreadable"
    REWRITTEN = "rewritten"
    EVENTS_MISSING = "events_missing"
    FORGED_CHECKPOINT = "forged_checkpoint"
    UNTRUSTED_CHECKPOINT = "untrusted_checkpoint"
    OTHER_LEDGER = "other_ledger"
    CHECKPOINT_ORDER = "checkpoint_order"
    STRANGE_LINE = "strange_line"
    GUARDS = "guards"
    FACT = "fact"


@dataclass(frozen=True)
class Finding:
    """One thing that shows that a ledger is not intact.

    Parameters
    ----------
    kind : FindingKind
    what : str
        One sentence, without names or contents.
    """

    kind: FindingKind
    what: str


class Findings:
    """Collects findings: all are counted, and the first of each kind are kept."""

    def __init__(self, most_of_a_kind: int = MOST_OF_A_KIND) -> None:
        self.counts: Counter[FindingKind] = Counter()
        self._most = most_of_a_kind
        self._kept: list[Finding] = []

    def add(self, kind: FindingKind, what: str) -> None:
        """Add one."""
        self.counts[kind] += 1
        if self.counts[kind] <= self._most:
            self._kept.append(Finding(kind, what))

    def extend(self, kind: FindingKind, sentences: Iterable[str]) -> None:
        """Add several of one kind."""
        for what in sentences:
            self.add(kind, what)

    def listed(self) -> tuple[Finding, ...]:
        """Return those that were kept, and a line for each kind with how many more there are."""
        more = [
            Finding(kind, f"{count - self._most} more findings of the kind {kind.value}.")
            for kind, count in self.counts.items()
            if count > self._most
        ]
        return (*self._kept, *more)
