"""Plans and runs of audits as events of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts.people import ADMINISTRATOR, add_administrator, happened
from tests.audit_sources.tables import CONDITIONS, plan
from tests.store.migrated import migrated_url
from triage.accounts import SYSTEM_ACTOR, Actor, Role
from triage.accounts.permissions import PermissionDenied
from triage.auditing.audit_plan import Limit
from triage.auditing.registered_plans import record_run, register_plan, registered_plans
from triage.ledger.events import EVENT_CLASSES, event_of
from triage.store import Store, open_store
from triage.store.ledger_verification import verify_ledger
from triage.vocabulary.event_types import EventType

GOVERNANCE = Actor("Gove", Role.GOVERNANCE)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with migrated_url("sqlite", tmp_path) as found:
        yield found


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


PLAN = plan(conditions=CONDITIONS, limits=(Limit(metric="accuracy", at_least=0.85),))


def test_a_registered_plan_is_found_with_its_place(store: Store, url: str) -> None:
    done = register_plan(store, PLAN, SYSTEM_ACTOR)
    with store.reading() as session:
        (found,) = registered_plans(session)
    assert found == done
    assert found.plan == PLAN
    assert found.plan_sha256 == PLAN.sha256()
    assert len(found.head) == 64
    assert verify_ledger(url).intact
    ((_, kind, payload),) = happened(store, EventType.AUDIT_PLANNED)
    event = event_of(kind, payload)
    assert isinstance(event, EVENT_CLASSES[EventType.AUDIT_PLANNED])
    assert event.payload() == payload


def test_registering_again_changes_nothing(store: Store) -> None:
    first = register_plan(store, PLAN, SYSTEM_ACTOR)
    assert register_plan(store, PLAN, SYSTEM_ACTOR) == first
    other = PLAN.model_copy(update={"title": "Other"})
    assert register_plan(store, other, SYSTEM_ACTOR).sequence > first.sequence
    with store.reading() as session:
        assert [one.plan for one in registered_plans(session)] == [PLAN, other]


def test_a_run_is_recorded(store: Store, url: str) -> None:
    record_run(store, PLAN, data_sha256="d" * 64, report="r" * 16, public=True, actor=SYSTEM_ACTOR)
    assert happened(store, EventType.AUDIT_RUN) == [
        ("system", "audit_run", {"plan_sha256": PLAN.sha256(), "data_sha256": "d" * 64,
                                 "report": "r" * 16, "public": True})
    ]  # fmt: skip
    assert verify_ledger(url).intact


def test_with_accounts_only_governance_may(store: Store) -> None:
    add_administrator(store)
    for actor in (SYSTEM_ACTOR, ADMINISTRATOR, Actor("Rhea", Role.READER)):
        with pytest.raises(PermissionDenied):
            register_plan(store, PLAN, actor)
        with pytest.raises(PermissionDenied):
            record_run(store, PLAN, data_sha256="", report="", public=False, actor=actor)
    assert register_plan(store, PLAN, GOVERNANCE).actor == "Gove"
