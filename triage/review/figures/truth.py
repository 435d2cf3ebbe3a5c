"""What a case has, as far as it is known independently of one reader and the AI.

A label of a single reader is no truth to measure readers by: under the AI it repeats what the AI
said, and a blind one is as fallible as what it would judge. Histology counts, else the outcome of
an adjudication.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from triage.data.spec import DataSpec
from triage.vocabulary.clinical import Risk, Urgency
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.reader_names import reader_key

TRUTH_SOURCES = (LabelSource.HISTOLOGY, LabelSource.ADJUDICATED)
"""Strongest first: the first kind that a case has counts."""

POSITIVE = (Urgency.URGENT, Urgency.SEMI_URGENT)
"""Urgencies that are not to be missed."""


@dataclass(frozen=True, slots=True)
class TruthLabel:
    """A standing label of one of `TRUTH_SOURCES`.

    Parameters
    ----------
    condition : str
    source : LabelSource
    given_by : str
    read : int or None
        The read that it comes from.
    urgency : Urgency or None
        Of that read.
    """

    condition: str
    source: LabelSource
    given_by: str
    read: int | None = None
    urgency: Urgency | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth about a case.

    Parameters
    ----------
    source : LabelSource
    conditions : frozenset of str
    urgency : Urgency or None
        None where it is not known.
    high_risk : frozenset of str
        Those of the conditions that the data spec rates as of high risk.
    """

    source: LabelSource
    conditions: frozenset[str]
    urgency: Urgency | None
    high_risk: frozenset[str]

    @property
    def positive(self) -> bool:
        """Whether it is a case not to be missed: urgent, semi-urgent or of high risk."""
        return self.urgency in POSITIVE or bool(self.high_risk)


def truth_of(labels: Iterable[TruthLabel], spec: DataSpec | None = None) -> Truth | None:
    """Return the truth that the labels of one case state; None if there is none or they disagree.

    Parameters
    ----------
    labels : iterable of TruthLabel
        Oldest first. Of each person the newest counts.
    spec : DataSpec, optional
        Has the risk of each condition, and the urgency where no read states it: that of the most
        urgent of the conditions.
    """
    given = list(labels)
    for source in TRUTH_SOURCES:
        stated = {
            (frozenset(one.condition for one in newest), newest[-1].urgency)
            for newest in _newest(label for label in given if label.source is source).values()
        }
        if stated:
            return _truth(source, *stated.pop(), spec) if len(stated) == 1 else None
    return None


def _newest(labels: Iterable[TruthLabel]) -> Mapping[str, list[TruthLabel]]:
    """The labels that each person gave last: those of one read, or one that comes from none."""
    by_person: dict[str, list[TruthLabel]] = {}
    for label in labels:
        given = by_person.setdefault(reader_key(label.given_by), [])
        if given and (label.read is None or label.read != given[-1].read):
            given.clear()
        given.append(label)
    return by_person


def _truth(
    source: LabelSource,
    conditions: frozenset[str],
    urgency: Urgency | None,
    spec: DataSpec | None,
) -> Truth:
    known = [] if spec is None else [spec.by_name[one] for one in conditions if one in spec.by_name]
    if urgency is None and len(known) == len(conditions):
        urgency = min((one.urgency for one in known), key=lambda each: each.rank)
    high = frozenset(one.name for one in known if one.risk is Risk.HIGH)
    return Truth(source, conditions, urgency, high)
