"""Rows that were altered by plain SQL are found, because they do not follow from the events."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import insert, select, text

from tests.readers import DWELL, read_case, reader, states
from tests.store.make import case, scored
from triage.accounts import SYSTEM_ACTOR, Actor, Role
from triage.accounts.accounts import add_account
from triage.ledger.canonical import canonical_text
from triage.review import add_addendum, plant_case, sign_off
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import ImageRecord, Store, add_case, verify_ledger
from triage.store.base import utc_now
from triage.store.ledger import sealed_row
from triage.store.tables import Event
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.review_policies import SignatureMeaning

GUS = Actor("Gus", Role.GOVERNANCE)


@pytest.fixture
def filled(store: Store) -> Store:
    """A case that was read, signed and amended, one that nobody opened, a planted one."""
    set_site_policy(store, "clinic", SitePolicy(), GUS)
    number = scored(store)
    final = states("melanoma", urgency=Urgency.URGENT)
    read_case(store, number, "Ann", states("acne"), final)
    signed = sign_off(
        store,
        reader("Ann"),
        [number],
        SignatureMeaning.AUTHORSHIP,
        printed_name="Dr Ann",
        reauthenticated=True,
        at=utc_now() + DWELL,
    )
    assert not signed.refused
    add_addendum(store, number, reader("Ann"), "seen again", at=utc_now() + DWELL)
    scored(store, "c2")
    planted = scored(store, "c3")
    plant_case(store, planted, GUS, conditions=("acne",), urgency=Urgency.ROUTINE)
    with store.transaction() as session:
        add_case(session, case("c4"))
    issuer = {"issuer": "https://provider.example", "subject": "a"}
    add_account(store, "Ada", Role.ADMINISTRATOR, by=SYSTEM_ACTOR, **issuer)
    return store


def findings(store: Store) -> list[str]:
    url = store.engine.url.render_as_string(hide_password=False)
    return [one.what for one in verify_ledger(url).chain.findings]


def test_nothing_is_found_where_nothing_was_altered(filled: Store) -> None:
    assert findings(filled) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE \"case\" SET state = 'signed' WHERE id = 2", "case 2: state"),
        ('UPDATE "case" SET version = 99 WHERE id = 1', "case 1: version"),
        ('UPDATE "case" SET policy = NULL WHERE id = 1', "case 1: policy"),
        ("UPDATE review SET reviewer = 'Mallory'", "review 1: reviewer"),
        ("UPDATE review SET revealed_at = NULL", "review 1: revealed_at"),
        ("UPDATE read SET urgency = 'observation' WHERE kind = 'final'", "read 2: urgency"),
        ("UPDATE read SET conditions = '[\"acne\"]' WHERE id = 2", "read 2: conditions"),
        ("UPDATE read SET comment = 'x' WHERE id = 2", "read 2: comment"),
        ("UPDATE read SET withdrawn_at = at WHERE id = 2", "read 2: withdrawn_at"),
        (
            "INSERT INTO review (case_id, reviewer, opened_at) "
            "SELECT 2, 'Mallory', opened_at FROM review",
            "review 2: no event",
        ),
        ("UPDATE label SET condition = 'acne'", "label 2: condition"),
        ("UPDATE label SET ai_visible = false, source = 'blind'", "label 2: source"),
        ("DELETE FROM label WHERE id = 1", "label 1: was added by an event, and is missing"),
        ("UPDATE prediction SET queue_urgency = 'observation' WHERE id = 1", "prediction 1"),
        ("UPDATE prediction SET decision = '{}' WHERE id = 2", "prediction 2"),
        ("UPDATE prediction SET case_id = 4 WHERE id = 1", "prediction 1"),
        ("UPDATE signature SET printed_name = 'Dr Mallory'", "signature 1: printed_name"),
        ("UPDATE addendum SET text = 'never seen'", "addendum 1: text"),
        ("DELETE FROM addendum", "addendum 1: is missing"),
        ("UPDATE account SET role = 'reader'", "account 1"),
        ("UPDATE account SET disabled_at = created_at", "account 1"),
        ("UPDATE site_policy SET policy = '{}'", "policy 1 of 1"),
        ("DELETE FROM planted_case", "planted case 1 of 1"),
        ("DELETE FROM site_policy", "policy 1 of 1: is missing"),
        (
            "INSERT INTO site_policy (site, policy, set_at) "
            "SELECT 'other', policy, set_at FROM site_policy",
            "policy: no event states 1 of them",
        ),
        (
            "INSERT INTO label (case_id, condition, source, given_by, ai_visible, created_at) "
            "SELECT 2, condition, 'histology', given_by, ai_visible, created_at FROM label "
            "WHERE id = 1",
            "label 3: no event",
        ),
        ("UPDATE label SET read_id = NULL WHERE id = 1", "label 1: read_id"),
        ('UPDATE "case" SET patient_id = 1 WHERE id = 2', "case 2: patient_id"),
        ("UPDATE image SET sha256 = 'x' WHERE case_id = 2", "case 2: its images"),
        ("UPDATE image SET sha256 = NULL WHERE case_id = 2", "case 2: its images"),
        ("DELETE FROM image WHERE case_id = 4", "case 4: its images"),
        ("UPDATE bundle SET alias = NULL, withdrawn_at = created_at", "bundle 1 of"),
    ],
)
def test_an_altered_row_is_found(filled: Store, statement: str, found: str) -> None:
    with filled.engine.begin() as connection:
        connection.execute(text(statement))
    lines = findings(filled)
    assert any(line.startswith(found) for line in lines), lines


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ('DELETE FROM "case" WHERE id = 4', "image 4: its case_id names a row of case"),
        ("DELETE FROM patient WHERE id = 4", "case 4: its patient_id names a row of patient"),
        ("DELETE FROM review", "read 1: its review_id names a row of review"),
        (
            "INSERT INTO review (case_id, reviewer, opened_at) SELECT 99, 'Mallory', opened_at "
            "FROM review",
            "review 2: its case_id names a row of case",
        ),
    ],
)
def test_a_row_without_the_one_that_it_belongs_to_is_found(
    filled: Store, statement: str, found: str
) -> None:
    """SQLite keeps references only for who asks for it."""
    connection = sqlite3.connect(str(filled.engine.url.database))
    connection.execute(statement)
    connection.commit()
    connection.close()
    lines = findings(filled)
    assert any(line.startswith(found) for line in lines), lines


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("ai_revealed", {"review": 1, "prediction": 1, "bundle": None}),  # nobody opened the case
        ("case_opened", {"unknown": 1}),
        ("case_opened", [1]),
        ("case_scored", {"bundle_id": 1, "prediction": "x", "sha256": None}),
        ("of_no_kind", {}),
        ("case_carried_over", {"state": "received", "arrived": "received",
                               "predictions": {"x": "y"}}),
    ],
)  # fmt: skip
def test_an_event_that_the_software_does_not_write_is_a_finding(
    filled: Store, kind: str, payload: object
) -> None:
    """Appended by SQL with the right hash; the verification neither ends nor passes over it."""
    with filled.transaction() as session:
        last = session.execute(select(Event).order_by(Event.id.desc()).limit(1)).scalar_one()
        row = sealed_row(
            last.id + 1, utc_now() + DWELL, "Mallory", kind, 4, canonical_text(payload), last.hash
        )
        session.connection().execute(insert(Event.__table__), [row])  # type: ignore[arg-type]
    lines = findings(filled)
    assert lines
    assert not any("Mallory" in line for line in lines)


def test_images_that_are_supplied_later_are_followed(store: Store) -> None:
    missing, there = ImageRecord("a.png", "/root", None), ImageRecord("a.png", "/root", "b" * 64)
    for image in (missing, there):
        with store.transaction() as session:
            add_case(session, case("c1", images=(image,), patient=None))
    assert findings(store) == []
    with store.transaction() as session:
        add_case(session, case("c1", images=(there,)))  # and the patient
    assert findings(store) == []
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE image SET sha256 = NULL"))
    assert findings(store) == ["case 1: its images are not those that its events state."]
