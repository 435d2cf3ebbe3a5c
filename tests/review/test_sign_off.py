"""Signing lists of cases, addenda, exports, and what a signature covers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.review.rows import assert_rows_follow
from tests.review.team import ANN, BOB, GOV, LATER, SUE, decided, fresh_store, never_twice, read
from tests.store.make import scored
from triage.accounts import PermissionDenied
from triage.errors import StoreError, UsageError
from triage.review import (
    RefusalCode,
    StepRefused,
    add_addendum,
    decide,
    decided_cases,
    mark_exported,
    open_case,
    sign_off,
    signed_content,
    undo_decision,
    verify_signature,
)
from triage.review.case_work import history_of
from triage.store import Store, events
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import SignatureMeaning

AUTHOR, REVIEW = SignatureMeaning.AUTHORSHIP, SignatureMeaning.REVIEW
HASH = "a" * 64


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.review.viewable._is_viewable", lambda *_: True)


@pytest.fixture
def cases(store: Store) -> list[int]:
    """Three cases that Ann has decided."""
    never_twice(store)
    numbers = [scored(store, name) for name in ("c1", "c2", "c3")]
    for number in numbers:
        decided(store, number)
    return numbers


def refused(code: RefusalCode) -> Any:
    return pytest.raises(StepRefused, check=lambda error: error.code is code)


def sign(store: Store, numbers: list[int], actor: Any = ANN, **more: Any) -> Any:
    given = {"meaning": AUTHOR, "printed_name": "Dr. A. Ng", "reauthenticated": True, "at": LATER}
    given |= more
    meaning = given.pop("meaning")
    return sign_off(store, actor, numbers, meaning, **given)


def test_a_list_is_signed(store: Store, cases: list[int]) -> None:
    assert [one.case_id for one in decided_cases(store, ANN)] == cases
    assert {one.authors for one in decided_cases(store, ANN)} == {("Ann",)}
    result = sign(store, cases)
    assert list(result.signed) == cases
    assert not result.refused
    assert decided_cases(store, ANN) == []
    for number in cases:
        (check,) = verify_signature(store, number)
        assert (check.holds, check.current) == (True, True)
        shown = check.signature
        assert (shown.printed_name, shown.at, shown.meaning) == ("Dr. A. Ng", LATER, AUTHOR)
        assert history_of(store, number).state is CaseState.SIGNED
    assert_rows_follow(store)


def test_what_is_signed_is_plain_and_its_hash_can_be_computed_again(
    store: Store, cases: list[int]
) -> None:
    content = signed_content(history_of(store, cases[0]), cases[0])
    # Keys and texts here are ASCII and numbers integers: sorted JSON is RFC 8785 then.
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"))
    result = sign(store, cases[:1])
    assert result.signed[cases[0]].sha256 == sha256(plain.encode()).hexdigest()
    assert set(content) == {
        "case", "policy", "reads", "outcome", "second_read", "adjudication", "shown", "addenda",
    }  # fmt: skip
    assert [one["kind"] for one in content["reads"]] == ["first", "final"]
    assert len(content["shown"][0]["sha256"]) == 64


def test_one_refusal_leaves_the_others_signed(store: Store, cases: list[int]) -> None:
    undo_decision(store, cases[1], ANN, at=LATER)
    result = sign(store, [cases[0], cases[1], 999, cases[2], cases[0]])
    assert list(result.signed) == [cases[0], cases[2]]
    assert result.refused[cases[1]].code is RefusalCode.WRONG_STATE
    assert isinstance(result.refused[999], StoreError)
    assert history_of(store, cases[1]).state is CaseState.REVEALED
    assert_rows_follow(store)


def test_a_case_that_changed_since_it_was_listed_is_not_signed(
    store: Store, cases: list[int]
) -> None:
    versions = {one.case_id: one.version for one in decided_cases(store, ANN)}
    undo_decision(store, cases[0], ANN, at=LATER)
    decide(
        store,
        cases[0],
        ANN,
        at=LATER + timedelta(minutes=1),
        **read(Urgency.SEMI_URGENT, reason=OverrideReason.FALSE_FINDING),
    )
    result = sign(store, cases, versions=versions)
    assert list(result.signed) == cases[1:]
    assert result.refused[cases[0]].code is RefusalCode.STALE_VERSION


def test_who_may_sign_as_what(store: Store, cases: list[int]) -> None:
    result = sign(store, cases[:1], BOB)
    assert result.refused[cases[0]].code is RefusalCode.NOT_YOURS
    assert list(sign(store, cases[:1], BOB, meaning=REVIEW).signed) == cases[:1]
    with pytest.raises(PermissionDenied):
        sign(store, cases, GOV)
    with pytest.raises(PermissionDenied):
        decided_cases(store, GOV)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reauthenticated": False}, RefusalCode.NEEDS_SIGN_IN),
        ({"printed_name": "  "}, RefusalCode.BAD_TEXT),
        ({"printed_name": "a\0b"}, RefusalCode.BAD_TEXT),
        ({"printed_name": "a" * 1_000_000}, RefusalCode.TEXT_TOO_LONG),
    ],
)
def test_without_sign_in_or_name_nothing_is_signed(
    store: Store, cases: list[int], changes: dict[str, Any], code: RefusalCode
) -> None:
    with refused(code):
        sign(store, cases, **changes)
    assert [one.case_id for one in decided_cases(store, ANN)] == cases


def test_signing_again_changes_nothing(store: Store, cases: list[int]) -> None:
    first = sign(store, cases)
    assert sign(store, cases).signed == first.signed
    again = sign(store, cases, SUE, meaning=REVIEW)
    assert {one.code for one in again.refused.values()} == {RefusalCode.WRONG_STATE}


def test_after_signing_nothing_but_an_addendum(store: Store, cases: list[int]) -> None:
    number = cases[0]
    sign(store, [number])
    with refused(RefusalCode.WRONG_STATE):
        undo_decision(store, number, ANN, at=LATER)
    with refused(RefusalCode.WRONG_STATE):
        open_case(store, number, BOB, at=LATER)
    added = add_addendum(store, number, BOB, " <script>' OR 1=1 ", at=LATER)
    assert add_addendum(store, number, BOB, "<script>' OR 1=1", at=LATER) == added
    history = history_of(store, number)
    assert (history.state, history.addenda[0].text) == (CaseState.AMENDED, "<script>' OR 1=1")
    (check,) = verify_signature(store, number)
    assert (check.holds, check.current) == (True, False)
    with refused(RefusalCode.WRONG_STATE):
        mark_exported(store, number, GOV, "archive", HASH, at=LATER)
    assert [one.case_id for one in decided_cases(store, ANN)] == cases
    sign(store, [number], BOB)  # who wrote the addendum signs as its author
    old, new = verify_signature(store, number)
    assert [one.holds for one in (old, new)] == [True, True]
    assert new.current
    assert old.signature.sha256 != new.signature.sha256
    with refused(RefusalCode.WRONG_STATE):
        undo_decision(store, number, ANN, at=LATER)
    assert_rows_follow(store)


@pytest.mark.parametrize("words", ["", "  ", "a\0b", "\ud800", "x" * 1_000_001])
def test_addenda_that_cannot_be_stored(store: Store, cases: list[int], words: str) -> None:
    sign(store, cases[:1])
    with pytest.raises(StepRefused):
        add_addendum(store, cases[0], ANN, words, at=LATER)
    assert history_of(store, cases[0]).state is CaseState.SIGNED


def test_export(store: Store, cases: list[int]) -> None:
    with refused(RefusalCode.WRONG_STATE):
        mark_exported(store, cases[0], GOV, "archive", HASH, at=LATER)
    sign(store, cases)
    with pytest.raises(UsageError):
        mark_exported(store, cases[0], GOV, "archive", "no hash", at=LATER)
    with refused(RefusalCode.NEEDS_COMMENT):
        mark_exported(store, cases[0], GOV, " ", HASH, at=LATER)
    with pytest.raises(PermissionDenied):
        mark_exported(store, cases[0], ANN, "archive", HASH, at=LATER)
    mark_exported(store, cases[0], GOV, "archive", HASH, at=LATER)
    mark_exported(store, cases[0], GOV, "second archive", HASH, at=LATER)
    with store.reading() as session:
        exported = [one for one in events(session, cases[0]) if one.kind == "case_exported"]
    assert [one.payload["to"] for one in exported] == ["archive", "second archive"]
    (check,) = verify_signature(store, cases[0])
    assert (check.holds, check.current) == (True, True)
    add_addendum(store, cases[0], ANN, "late", at=LATER)
    assert history_of(store, cases[0]).state is CaseState.AMENDED


@pytest.mark.parametrize(
    ("statement", "content", "rows"),
    [
        ("UPDATE read SET urgency = 'observation' WHERE kind = 'final'", True, False),
        ("UPDATE read SET comment = 'x'", True, False),
        ("UPDATE addendum SET text = 'x'", True, False),
        ("UPDATE signature SET printed_name = 'x'", False, True),
        ("UPDATE signature SET meaning = 'approval'", False, True),
        (f"UPDATE signature SET sha256 = '{HASH}'", False, True),
    ],
)
def test_changed_rows_are_found(
    store: Store, cases: list[int], statement: str, content: bool, rows: bool
) -> None:
    sign(store, cases)
    add_addendum(store, cases[0], ANN, "late", at=LATER)
    with store.engine.begin() as connection:
        connection.execute(text(statement))
    (check,) = verify_signature(store, cases[0])
    assert (check.content_intact, check.rows_intact) == (content, rows)
    assert not check.holds
