"""A case that is said to be unchanged is one that adding it again leaves as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from tests.store.databases import database_url
from tests.store.make import abstention, bundle, case, opinion
from triage.errors import StoreError
from triage.intake.new_cases import ScoredCase, add_new_cases
from triage.intake.unchanged_cases import unchanged_cases
from triage.store import (
    ImageRecord,
    Laterality,
    ReadingRecord,
    Store,
    add_case,
    add_prediction,
    open_store,
    register_bundle,
)
from triage.store.base import Base

TWO = (ImageRecord("b/1.png", "/root", "b" * 64, ("srgb",)), ImageRecord("b/2.png", "/root", None))
READING = ReadingRecord("/readings/1.safetensors", "e" * 64)
NOT_READ = abstention(condition=None, p_condition=None, differential=())
STORED = [
    ScoredCase(case("c1", patient="z1"), opinion()),
    ScoredCase(case("c2", patient=None, images=TWO), NOT_READ),
    ScoredCase(
        case("c3", visit=3, age=41.5, laterality=Laterality.LEFT, id_derived=True),
        opinion(),
        READING,
    ),
    ScoredCase(case("c4", patient=None, images=(), decoded=False), abstention()),
]
FIRST, TWICE, VOLUME, WITHOUT = STORED


def of(one: ScoredCase, **changes: Any) -> ScoredCase:
    return replace(one, case=replace(one.case, **changes))


MOVED = (replace(FIRST.case.images[0], root="/elsewhere"),)
OTHER = (replace(FIRST.case.images[0], sha256="d" * 64),)
UNCHANGED = {
    "the same": FIRST,
    "without its patient": of(FIRST, patient=None),
    "scored otherwise": replace(FIRST, decision=abstention()),
    "several images": TWICE,
    "facts": VOLUME,
    "fewer facts": of(VOLUME, visit=None, age=None, laterality=None),
    "another age": of(VOLUME, age=42.0),
    "without a reading": replace(VOLUME, reading=None),
    "without images": WITHOUT,
}
CHANGED = {
    "new": of(FIRST, external_id="c9"),
    "of another source": of(FIRST, source="elsewhere"),
    "read at last": replace(TWICE, decision=opinion()),
    "stated patient": of(TWICE, patient="p7"),
    "stated visit": of(FIRST, visit=2),
    "stated laterality": of(FIRST, laterality=Laterality.RIGHT),
    "stated age": of(FIRST, age=3.0),
    "moved images": of(FIRST, images=MOVED),
    "moved reading": replace(VOLUME, reading=replace(READING, path="/elsewhere")),
}
REFUSED = {
    "another patient": of(FIRST, patient="p8"),
    "another visit": of(VOLUME, visit=4),
    "another laterality": of(VOLUME, laterality=Laterality.RIGHT),
    "other images": of(FIRST, images=OTHER),
    "more images": of(FIRST, images=(*FIRST.case.images, *TWO)),
}
EVERY = {**UNCHANGED, **CHANGED, **REFUSED}


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    with database_url(request.param, tmp_path_factory.mktemp("unchanged")) as url:
        opened = open_store(url, create=True)
        opened.write(lambda session: register_bundle(session, bundle()))
        opened.write(lambda session: add_new_cases(session, 1, STORED))
        yield opened
        opened.close()


class _Undo(Exception):
    pass


def rows(session: Any) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table.name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
        for table in Base.metadata.sorted_tables
    }


def test_these_and_no_others(store: Store) -> None:
    names = list(EVERY)
    with store.reading() as session:
        found = unchanged_cases(session, 1, dict(enumerate(EVERY.values())))
        assert unchanged_cases(session, 2, dict(enumerate(STORED))) == {}  # not scored by this one
        assert unchanged_cases(session, 1, {}) == {}
    assert [names[place] for place in found] == list(UNCHANGED)
    assert set(found.values()) == {1, 2, 3, 4}


def test_what_adding_them_does(store: Store) -> None:
    def one_by_one(session: Any) -> None:
        before = rows(session)
        for name, one in EVERY.items():
            with suppress(_Undo), session.begin_nested():
                if name in REFUSED:
                    with pytest.raises(StoreError):
                        add_case(session, one.case)
                else:
                    number = add_case(session, one.case)
                    add_prediction(session, number, 1, one.decision, one.reading)
                    session.flush()
                    assert (rows(session) == before) == (name in UNCHANGED), name
                raise _Undo
            session.expire_all()

    store.write(one_by_one)
