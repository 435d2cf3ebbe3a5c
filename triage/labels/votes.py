"""What each reader of a case called it, as a distribution.

Each reader counts once, with the newest standing read. Reads before the AI's opinion was shown are
kept apart from those after: a reader who read blind and then decided with the AI visible has one
vote in each. A read that names several diagnoses votes for the first, the main one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from triage.store.planted import of_planted_case
from triage.store.tables import Bundle, Label, Prediction, Read, Review
from triage.vocabulary.label_sources import LabelSource
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadKind

NO_READ = 0
_CHUNK = 500
"""Cases of one query; a database allows only so many values in it."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one reader called a case.

    Parameters
    ----------
    reader : str
        `reader_key` of the name.
    condition : str
    ai_visible : bool
        Whether the reader had seen the AI's opinion.
    read : int
        Row of `read`; `NO_READ` of a label that comes from none.
    bundle : str or None
        Digest of the bundle that the reader was shown before this read.
    """

    reader: str
    condition: str
    ai_visible: bool
    read: int
    bundle: str | None = None


@dataclass(frozen=True)
class CaseVotes:
    """The votes on one case.

    Parameters
    ----------
    reads : tuple of Vote
        The newest blind and the newest AI-visible read of each reader, oldest first.
    stated : dict of int
        Votes of readers whose reads are not in this database, as imported labels state them, who
        had not seen the AI's opinion.
    stated_visible : dict of int
        Those of readers who had.
    """

    reads: tuple[Vote, ...] = ()
    stated: Mapping[str, int] = field(default_factory=dict)
    stated_visible: Mapping[str, int] = field(default_factory=dict)

    @property
    def blind(self) -> dict[str, int]:
        """How many readers named each condition without having seen the AI's opinion."""
        return self._counts(visible=False)

    @property
    def ai_visible(self) -> dict[str, int]:
        """How many readers named each condition after they had seen the AI's opinion."""
        return self._counts(visible=True)

    @property
    def bundles(self) -> tuple[str, ...]:
        """Digests of the bundles that readers were shown, in alphabetical order."""
        return tuple(sorted({vote.bundle for vote in self.reads if vote.bundle}))

    def bundle_of(self, read: int | None) -> str | None:
        """Return the digest of the bundle that was shown before a read, if any was."""
        return next((vote.bundle for vote in self.reads if vote.read == read), None)

    def _counts(self, *, visible: bool) -> dict[str, int]:
        counts = Counter(vote.condition for vote in self.reads if vote.ai_visible is visible)
        counts.update(self.stated_visible if visible else self.stated)
        return dict(sorted(counts.items()))


def agreement(votes: Mapping[str, int]) -> float | None:
    """Share of the votes for the condition that most readers name; None without votes."""
    total = sum(votes.values())
    return max(votes.values()) / total if total else None


def votes_of_case(session: Session, case_id: int) -> CaseVotes:
    """Return the votes on one case; none of a planted one, which trains nothing."""
    return votes_of_cases(session, [case_id]).get(case_id, CaseVotes())


def votes_of_cases(session: Session, cases: Collection[int] | None = None) -> dict[int, CaseVotes]:
    """Return the votes on each of some cases that has any.

    Parameters
    ----------
    session : Session
    cases : collection of int, optional
        Rows of `case`; every case by default.
    """
    votes: dict[int, list[Vote]] = defaultdict(list)
    stated: dict[int, tuple[Counter[str], Counter[str]]] = defaultdict(
        lambda: (Counter(), Counter())
    )
    for part in _parts(cases):
        for case_id, vote in _votes(session, part):
            votes[case_id].append(vote)
        for case_id, visible, given in _stated(session, part):
            if isinstance(given, Vote):
                votes[case_id].append(given)
            else:
                stated[case_id][visible].update(given)
    return {
        case_id: CaseVotes(
            newest_of_each(votes.get(case_id, ())),
            *(dict(counts) for counts in stated[case_id]),
        )
        for case_id in sorted({*votes, *stated})
    }


def newest_of_each(votes: Iterable[Vote]) -> tuple[Vote, ...]:
    """Return the newest vote of each reader, blind ones apart from the others."""
    newest: dict[tuple[str, bool], Vote] = {}
    for vote in sorted(votes, key=lambda one: one.read):
        newest[vote.reader, vote.ai_visible] = vote
    return tuple(sorted(newest.values(), key=lambda one: one.read))


def _parts(cases: Collection[int] | None) -> Iterable[list[int] | None]:
    if cases is None:
        return [None]
    numbers = sorted(set(cases))
    return [numbers[at : at + _CHUNK] for at in range(0, len(numbers), _CHUNK)]


def _votes(session: Session, cases: list[int] | None) -> Iterable[tuple[int, Vote]]:
    query = (
        select(
            Review.case_id,
            Review.reviewer,
            Review.revealed_at,
            Bundle.digest,
            Read.id,
            Read.kind,
            Read.conditions,
            Read.at,
        )
        .join(Read, Read.review_id == Review.id)
        .outerjoin(Prediction, Review.prediction_id == Prediction.id)
        .outerjoin(Bundle, Prediction.bundle_id == Bundle.id)
        .where(Read.withdrawn_at.is_(None), ~of_planted_case(Review.case_id))
    )
    query = _of(query, Review.case_id, cases)
    for case_id, reader, revealed_at, bundle, number, kind, conditions, at in session.execute(
        query
    ):
        if not conditions:
            continue
        visible = _saw_ai(kind, at, revealed_at)
        yield (
            case_id,
            Vote(reader_key(reader), conditions[0], visible, number, bundle if visible else None),
        )


def _saw_ai(kind: str, at: datetime, revealed_at: datetime | None) -> bool:
    """Whether the AI's opinion was shown before a read; a first read is locked before."""
    return kind != ReadKind.FIRST and revealed_at is not None and revealed_at <= at


def _stated(
    session: Session, cases: list[int] | None
) -> Iterable[tuple[int, bool, dict[str, int] | Vote]]:
    """Votes of labels that come from no read: those they state, or the one of their giver.

    A finding of histology and an adjudication without votes are no reader's vote. A label of a
    reader whose reads are here too gives way to these.
    """
    columns = (Label.case_id, Label.condition, Label.source, Label.ai_visible, Label.votes)
    query = select(*columns, Label.given_by).where(
        Label.withdrawn_at.is_(None), Label.read_id.is_(None), ~of_planted_case(Label.case_id)
    )
    of_a_reader = (LabelSource.BLIND, LabelSource.AI_VISIBLE)
    for row in session.execute(_of(query.order_by(Label.id), Label.case_id, cases)):
        case_id, condition, source, visible, votes, given_by = row
        if votes:
            yield case_id, visible, votes
        elif source in of_a_reader:
            yield case_id, visible, Vote(reader_key(given_by), condition, visible, NO_READ)


def _of(query: Any, column: InstrumentedAttribute[int], cases: list[int] | None) -> Any:
    return query if cases is None else query.where(column.in_(cases))
