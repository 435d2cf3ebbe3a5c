"""Rows that were altered by plain SQL are found, because they do not follow from the events."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.readers import DWELL, read_case, reader, states
from tests.store.make import case, scored
from triage.accounts import SYSTEM_ACTOR, Actor, Role
from triage.accounts.accounts import add_account
from triage.review import add_addendum, plant_case, sign_off
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import Store, add_case, verify_ledger
from triage.store.base import utc_now
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
        ("UPDATE bundle SET alias = NULL, withdrawn_at = created_at", "bundle 1 of"),
    ],
)
def test_an_altered_row_is_found(filled: Store, statement: str, found: str) -> None:
    with filled.engine.begin() as connection:
        connection.execute(text(statement))
    lines = findings(filled)
    assert any(line.startswith(found) for line in lines), lines
