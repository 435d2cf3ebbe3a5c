"""The other cases of a patient: which ones, in which order, and what may be known of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.store.make import bundle, case, opinion
from tests.ui.conftest import Pages, everything, press
from tests.ui.make_cases import SECRETS, SITE, draw_photograph
from tests.ui.test_photo_stage import sent_to
from triage.accounts import Actor, Role
from triage.review import Certainty, decide, lock_first_read, open_case, reveal
from triage.store import add_case, add_prediction, open_store, register_bundle
from triage.store.cases import cases_of_patient
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from ui.earlier_cases import _STATES

OTHERS = "3 other cases of this patient"
NOW = datetime.now(UTC)


@pytest.fixture
def history(pages: Pages, tmp_path: Path) -> Pages:
    """Three earlier cases of a patient of whom a fourth has come; and one of somebody else."""
    store = open_store(pages.url)
    with store.transaction() as session:
        system = register_bundle(session, bundle(conditions=("acne", "folliculitis", "melanoma")))
        plan = {"now": 0, "last": 10, "middle": 100, "first": 200}
        for seed, (name, days) in enumerate(plan.items()):
            pages.cases[name] = add_case(
                session,
                case(
                    name,
                    source=SITE,
                    patient="P-1",
                    images=(draw_photograph(tmp_path / "history" / f"{name}.png", 50 + seed),),
                    received_at=NOW - timedelta(days=days),
                ),
            )
            secret = opinion(Urgency.URGENT, reason="AISECRETREASON", next_action="AISECRETACTION")
            add_prediction(session, pages.cases[name], system, secret)
        other = case("other source", source="clinic 9", patient="P-1", images=())
        pages.cases["other source"] = add_case(session, other)
    store.close()
    return pages


def read(pages: Pages, name: str, reader: str, condition: str) -> None:
    store, actor = open_store(pages.url), Actor(reader, Role.READER)
    number, stated = pages.cases[name], {"urgency": Urgency.URGENT, "certainty": Certainty.SURE}
    given: dict[str, Any] = {"conditions": (condition,), **stated}
    open_case(store, number, actor)
    lock_first_read(store, number, actor, **given)
    reveal(store, number, actor)
    decide(store, number, actor, **given, reason=None if condition == "melanoma" else "R4")
    store.close()


def opened(app: AppTest) -> dict[str, dict[str, Any]]:
    app = press(app, OTHERS)
    assert not app.exception
    return {row["name"]: row for row in sent_to(app, "earlier_cases")["rows"]}


def test_other_cases_of_the_same_source_and_patient_newest_first(history: Pages) -> None:
    store = open_store(history.url)
    with store.reading() as session:

        def names(name: str) -> list[str]:
            found = cases_of_patient(session, history.cases[name])
            return [one.case.external_id for one in found]

        assert names("now") == ["last", "middle", "first"]
        assert names("middle") == ["now", "last", "first"]
        assert names("other source") == []
        assert names("C-1001") == []  # no patient is known of it
        assert len(cases_of_patient(session, history.cases["now"], most=2)) == 2
    store.close()


def test_days_of_visits_go_before_the_order_of_arrival(pages: Pages) -> None:
    store = open_store(pages.url)
    with store.transaction() as session:
        for name, visit in (("v0", 0), ("v300", 300), ("v20", 20)):
            given = case(name, source=SITE, patient="P-2", images=(), visit=visit)
            pages.cases[name] = add_case(session, given)
    with store.reading() as session:
        found = cases_of_patient(session, pages.cases["v20"])
    assert [one.case.visit for one in found] == [300, 0]
    store.close()


def test_only_the_readers_own_decision_is_shown_and_nothing_of_the_ai(history: Pages) -> None:
    read(history, "last", "Ann", "melanoma")
    read(history, "middle", "Bob", "folliculitis")
    app = history.open("now")
    rows = opened(app)
    assert list(rows) == ["last", "middle", "first"]
    assert rows["last"]["own"] == "Melanoma, urgent"
    assert rows["middle"]["own"] == rows["first"]["own"] == ""
    assert [row["state"] for row in rows.values()] == ["decided", "decided", "not read yet"]
    sent = everything(app)
    assert not any(secret in sent for secret in SECRETS)
    assert "olliculitis, urgent" not in sent
    assert "Bob" not in sent
    number = history.cases["first"]
    assert rows["first"]["pictures"] == [f"/images/{number}/0/0/thumbnail"]
    assert rows["first"]["address"] == f"/case?case={number}"


def test_the_images_of_the_newest_are_shown_without_opening_it(history: Pages) -> None:
    app = press(history.open("now"), OTHERS)
    number = history.cases["last"]
    assert f"/images/{number}/0/facts" in everything(app)
    store = open_store(history.url)
    with store.reading() as session:
        (last, *_) = cases_of_patient(session, history.cases["now"])
    store.close()
    assert last.state is CaseState.INFERRED  # looking at it is no step of its review


def test_a_case_without_others_has_no_button(history: Pages) -> None:
    app = history.open("C-1001")
    assert not [button for button in app.button if "of this patient" in button.label]


def test_states_are_said_in_words_that_hide_disagreement() -> None:
    assert set(_STATES) == set(CaseState)
    assert _STATES[CaseState.ADJUDICATION] == _STATES[CaseState.DECIDED]
