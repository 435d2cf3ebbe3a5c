"""Whether what a signature covers is still what was signed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.ledger.events import event_of
from triage.ledger.events.review_events import CaseSigned
from triage.ledger.review_history import CaseHistory
from triage.ledger.review_replay import replay
from triage.review.case_work import history_events
from triage.review.signed_content import signed_sha256
from triage.store import Store
from triage.store.cases import get_case
from triage.store.signatures import SignatureRecord, signatures
from triage.store.tables import Addendum, Read, Review
from triage.vocabulary.reader_names import reader_key


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """A signature and whether it holds.

    Parameters
    ----------
    signature : SignatureRecord
        Printed name, time, meaning and hash.
    content_intact : bool
        Whether the hash is that of what the events before the signature say, and the signature in
        the table is that of its event.
    rows_intact : bool
        Whether reads and addenda in the tables are those of the events.
    current : bool
        Whether it covers the case as it stands: no addendum came after it.
    """

    signature: SignatureRecord
    content_intact: bool
    rows_intact: bool
    current: bool

    @property
    def holds(self) -> bool:
        """Whether what was signed is unchanged."""
        return self.content_intact and self.rows_intact


def verify_signature(store: Store, case_id: int) -> tuple[SignatureCheck, ...]:
    """Check every signature of a case, the oldest first; empty where it was never signed.

    The events themselves are checked by verifying the ledger.

    Raises
    ------
    StoreError
        If there is no such case.
    """
    with store.reading() as session:
        get_case(session, case_id)
        records = history_events(session, case_id)
        expected: dict[int, tuple[str, str, str, str, object, str]] = {}
        for place, record in enumerate(records):
            typed = event_of(record.kind, dict(record.payload))
            if isinstance(typed, CaseSigned):
                computed = signed_sha256(replay(records[:place]), case_id)
                expected[typed.signature] = (
                    record.actor,
                    typed.printed_name,
                    typed.meaning,
                    typed.sha256,
                    record.at,
                    computed,
                )
        history = replay(records)
        intact = _rows_follow(session, case_id, history)
        found = signatures(session, case_id)
        current = signed_sha256(history, case_id)
        missing = len(expected) != len(found)
        return tuple(
            SignatureCheck(
                one,
                content_intact=not missing
                and expected.get(one.id)
                == (one.signed_by, one.printed_name, one.meaning, one.sha256, one.at, one.sha256),
                rows_intact=intact,
                current=one.sha256 == current,
            )
            for one in found
        )


def _rows_follow(session: Session, case_id: int, history: CaseHistory) -> bool:
    """Whether reads and addenda of a case in the tables are those of its events."""
    rows = session.execute(
        select(Read, Review.reviewer)
        .join(Review)
        .where(Review.case_id == case_id)
        .order_by(Read.id)
    )
    stored_reads = [
        (
            row.id,
            row.review_id,
            reader_key(reviewer),
            (row.kind, row.round, row.at, row.withdrawn_at),
            tuple(row.conditions),
            (row.urgency, row.certainty, row.reason_code, row.comment),
            dict(row.rubric),
            row.follow_up,
        )
        for row, reviewer in rows
    ]
    stated_reads = [
        (
            one.facts.read,
            one.review,
            reader_key(one.reader),
            (one.kind, one.round, one.at, one.withdrawn_at),
            tuple(one.facts.conditions),
            (one.facts.urgency, one.facts.certainty, one.facts.reason_code, one.facts.comment),
            dict(one.facts.rubric),
            one.facts.follow_up and asdict(one.facts.follow_up),
        )
        for one in sorted(history.reads, key=lambda one: one.facts.read)
    ]
    added = session.scalars(
        select(Addendum).where(Addendum.case_id == case_id).order_by(Addendum.id)
    )
    stored_addenda = [(row.id, row.author, row.text, row.at) for row in added]
    stated_addenda = [(one.addendum, one.author, one.text, one.at) for one in history.addenda]
    return stored_reads == stated_reads and stored_addenda == stated_addenda
