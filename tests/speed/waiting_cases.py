"""Long worklists for measurements, written by bulk SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    case,
    cast,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import Session

from tests.store.make import NOON, bundle, opinion
from triage.ledger.canonical import FIRST_PREVIOUS, canonical_text
from triage.ledger.event import LedgerEvent
from triage.ledger.events.case_events import CaseReceived, CaseScored, ImagesChecked
from triage.store import Store, register_bundle
from triage.store.base import Base, UtcDateTime, utc_now
from triage.store.ledger import SYSTEM, sealed_row
from triage.store.predictions import prediction_columns, prediction_sha256
from triage.store.records import ImageRecord
from triage.store.tables import Case, Event, Image, Patient, Prediction
from triage.store.worklist_order import hold_order, set_order
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency

SITES = ("clinic", "practice", "ward")
_NO_FILE = (ImageRecord("a.png", "/root", None),)
_MINUTES = 120 * 1440
_CLASSES = tuple(Urgency)
_EVENTS_AT_ONCE = 3000


def fill(
    store: Store, count: int, images: Sequence[ImageRecord] = _NO_FILE, until: datetime = NOON
) -> None:
    """Write waiting cases of three sites, four classes and 120 days, without events.

    Parameters
    ----------
    store : Store
        Without cases.
    count : int
    images : sequence of ImageRecord
        Each case has one of them, in turn.
    until : datetime
        When the last case was received.
    """
    numbers = select(literal(1).label("i")).cte("n", recursive=True)
    numbers = numbers.union_all(select(numbers.c.i + 1).where(numbers.c.i < count))
    i = numbers.c.i
    patient = {"id": i, "source": "all", "external_id": _named("P-", i)}
    waiting = {
        "id": i,
        "patient_id": i,
        "external_id": _named("C-", i),
        "groups": {"sex": None},
        "source": _nth(i % 3, SITES),
        "state": CaseState.INFERRED,
        "version": 0,
        "received_at": _minutes_before(store, until, i * 1009 % _MINUTES),
    }
    image: dict[str, Any] = {"case_id": i, "position": 0}
    for name in ("path", "root", "sha256"):
        values = [getattr(one, name) for one in images]
        image[name] = values[0] if len(images) == 1 else _nth(i % len(images), values)
    with store.transaction() as session:
        assert register_bundle(session, bundle()) == 1
        for table, row in ((Patient, patient), (Case, waiting), (Image, image)):
            _insert(session, table, row, select().select_from(numbers))
        for at, urgency in enumerate(_CLASSES):
            given = {
                "id": i,
                "case_id": i,
                "bundle_id": 1,
                **prediction_columns(opinion(urgency), None),
            }
            of_class = select().select_from(numbers).where(_class_place(i) == at)
            _insert(session, Prediction, given, of_class)
        hold_order(session)
        set_order(session)
    if store.engine.dialect.name == "postgresql":  # as the server does by itself in time
        with store.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))


def add_events(store: Store, count: int, images: Sequence[ImageRecord]) -> None:
    """Append the events of what `fill` wrote, so that its cases can be opened and read.

    On PostgreSQL the database's user has to be a superuser.
    """
    hashes = {
        urgency: prediction_sha256(prediction_columns(opinion(urgency), None) | {"bundle_id": 1})
        for urgency in _CLASSES
    }
    moment = utc_now()
    with store.transaction() as session:
        if store.engine.dialect.name == "postgresql":  # the guards of each row take minutes
            session.execute(text("SET LOCAL session_replication_role = replica"))
        last = session.execute(
            select(Event.id, Event.hash).order_by(Event.id.desc()).limit(1)
        ).first()
        number, previous = (last.id, last.hash) if last else (0, FIRST_PREVIOUS)
        rows: list[dict[str, Any]] = []
        for case_id, event in _events(count, images, hashes):
            number += 1
            payload = canonical_text(event.payload())
            row = sealed_row(number, moment, SYSTEM, event.kind, case_id, payload, previous)
            previous = row["hash"]
            rows.append(row)
            if len(rows) == _EVENTS_AT_ONCE:
                session.connection().execute(insert(Event.__table__), rows)  # type: ignore[arg-type]
                rows.clear()
        if rows:
            session.connection().execute(insert(Event.__table__), rows)  # type: ignore[arg-type]


def _events(
    count: int, images: Sequence[ImageRecord], hashes: Mapping[Urgency, str]
) -> Iterator[tuple[int, LedgerEvent]]:
    for number in range(1, count + 1):
        sha256 = hashes[_CLASSES[_class_place(number)]]
        received = {"0": images[number % len(images)].sha256}
        yield number, CaseReceived(1, number, received)
        yield number, ImagesChecked(1)
        yield number, CaseScored(1, number, sha256)


def _class_place(number: Any) -> Any:
    return number * 31 % 101 % 4


def _insert(session: Session, table: type[Base], row: Mapping[str, Any], of: Any) -> None:
    kinds = {name: getattr(table, name).type for name in row}
    columns = [
        each if isinstance(each, ColumnElement) else literal(each, kinds[name])
        for name, each in row.items()
    ]
    session.execute(insert(table).from_select(list(row), of.add_columns(*columns)))


def _named(prefix: str, number: ColumnElement[int]) -> ColumnElement[str]:
    return literal(prefix, String).op("||")(cast(number, String))


def _nth(place: ColumnElement[int], words: Sequence[str]) -> ColumnElement[str]:
    return case({n: literal_column(f"'{word}'") for n, word in enumerate(words)}, value=place)


def _minutes_before(
    store: Store, moment: datetime, minutes: ColumnElement[int]
) -> ColumnElement[datetime]:
    if store.engine.dialect.name == "postgresql":
        return literal(moment, UtcDateTime) - func.make_interval(0, 0, 0, 0, 0, minutes)
    until, back = f"{moment:%Y-%m-%d %H:%M:%S}", literal("-").op("||")(cast(minutes, String))
    found = func.strftime("%Y-%m-%d %H:%M:%S", until, back.op("||")(" minutes"))
    return found.op("||")(".000000")
