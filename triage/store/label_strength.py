"""Which labels of a case count where it has several, and which read of each person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.reader_names import reader_key

# Strongest first: where one case has several labels, the first kind found counts.
_STRENGTH = (
    LabelSource.HISTOLOGY,
    LabelSource.ADJUDICATED,
    LabelSource.BLIND,
    LabelSource.AI_VISIBLE,
)


class GivenLabel(Protocol):
    """What is needed of a label to say whether it counts."""

    @property
    def source(self) -> LabelSource:
        """Where it comes from."""

    @property
    def given_by(self) -> str:
        """The person or laboratory."""

    @property
    def read_id(self) -> int | None:
        """The read it comes from, if any."""


LabelT = TypeVar("LabelT", bound=GivenLabel)


def strongest(labels: Iterable[LabelT]) -> list[LabelT]:
    """Return the labels of the strongest kind, of each person those of the newest read.

    Parameters
    ----------
    labels : iterable of GivenLabel
        Of one case, oldest first, at least one. The order of kinds is: histology, adjudicated,
        blind, given with the AI visible. Of a case read without AI, the first read and the
        decision are both blind, and the decision is what the reader came to.
    """
    given = list(labels)
    best = min(_STRENGTH.index(label.source) for label in given)
    return newest_reads(label for label in given if _STRENGTH.index(label.source) == best)


def newest_reads(labels: Iterable[LabelT]) -> list[LabelT]:
    """Return the labels of the last read of each person, and those that come from no read."""
    by_person: dict[str, list[LabelT]] = {}
    others = []
    for label in labels:
        if label.read_id is None:
            others.append(label)
            continue
        given = by_person.setdefault(reader_key(label.given_by), [])
        if given and label.read_id != given[-1].read_id:
            given.clear()
        given.append(label)
    return [*others, *(label for given in by_person.values() for label in given)]
