"""Before the first read no page tells what the AI said of a case, nor that it was planted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.store.make import abstention, bundle, case, opinion
from tests.ui.conftest import Pages, everything, sign_in_without_a_browser
from tests.ui.make_cases import draw_photograph
from tests.ui.panel import content
from triage.accounts import Actor, Role
from triage.review import open_case, taken_up
from triage.review.planting import plant_case
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import (
    Store,
    add_case,
    add_prediction,
    open_store,
    register_bundle,
    set_champion,
)
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.review_policies import ReadingMode
from ui.page_paths import PagePath

GUS = Actor("Gus", Role.GOVERNANCE)
OPINIONS = {
    "urgent": opinion(Urgency.URGENT),
    "calm": opinion(Urgency.OBSERVATION, condition="acne"),
    "abstained": abstention(),
    "not scored": None,
    "planted": opinion(Urgency.ROUTINE),
    "without ai": opinion(Urgency.URGENT),
}


@pytest.fixture
def alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pages:
    """Cases that differ in nothing but what the AI said, and in how they are to be read."""
    url = f"sqlite:///{tmp_path / 'cases.db'}"
    store = open_store(url, create=True)
    received = datetime.now(UTC) - timedelta(hours=30)
    image = draw_photograph(tmp_path / "a.png", 1)
    numbers = {}
    with store.transaction() as session:
        system = register_bundle(session, bundle(conditions=("acne", "folliculitis", "melanoma")))
        set_champion(session, system)
        for at, (name, given) in enumerate(OPINIONS.items()):
            record = case(f"C-{at}", source="clinic", images=(image,), received_at=received)
            numbers[name] = add_case(session, record)
            if given is not None:
                add_prediction(session, numbers[name], system, given)
    _begin(store, numbers)
    store.close()
    sign_in_without_a_browser(monkeypatch, url)
    return Pages(url, numbers)


def _begin(store: Store, numbers: dict[str, int]) -> None:
    """Open the case that is read without the AI: which mode it has is settled then."""
    wrong = opinion(Urgency.URGENT, condition="melanoma")
    plant_case(store, numbers["planted"], GUS, conditions=("acne",), urgency=Urgency.ROUTINE,
               wrong_opinion=wrong)  # fmt: skip
    ann = Actor("Ann", Role.SENIOR_READER)
    for name, share in (("without ai", 1.0), ("urgent", 0.1)):
        set_site_policy(store, "clinic", SitePolicy(ai_off_share=share), GUS)
        open_case(store, numbers[name], ann)


def _panel(pages: Pages, name: str) -> dict[str, Any]:
    number = pages.cases[name]
    found = content(pages.open(name, page=PagePath.CASE))
    assert found.pop("case") == number
    assert found.pop("form").startswith("first-")
    return found


def test_the_panels_of_all_cases_are_the_same(alike: Pages) -> None:
    panels = {name: _panel(alike, name) for name in alike.cases}
    assert all(panel == panels["urgent"] for panel in panels.values())
    store = open_store(alike.url)
    begun = taken_up(store, alike.cases["without ai"], Actor("Ann", Role.SENIOR_READER))
    store.close()
    assert begun is not None
    assert begun.policy.mode is ReadingMode.AI_OFF


def test_the_rows_of_all_cases_are_the_same(alike: Pages) -> None:
    found = everything(alike.open(reader="Bob"))
    rows = [found.count(f"C-{at}") for at in range(len(OPINIONS))]
    assert len(set(rows)) == 1
    assert rows[0] > 0
    for word in ("melanoma", "overdue\\u003c", "planted", "abstain"):
        assert word not in found.lower(), word
