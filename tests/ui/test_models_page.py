from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.make import opinion
from tests.ui.conftest import Pages, everything, shown, sign_in_without_a_browser
from tests.ui.make_accounts import account
from tests.ui.make_reviewed import GUS
from triage.accounts import Role
from triage.review import plant_case
from triage.store import get_case, open_store
from triage.store.bundles import planted_digest
from triage.store.registered_bundles import registered_bundles
from triage.vocabulary.clinical import Urgency
from ui.page_paths import PagePath


@pytest.mark.parametrize("reader", ["Ann", "Bob", "Gus", "Eve"])
def test_systems_are_listed_with_their_state(reviewed: Pages, reader: str) -> None:
    app = reviewed.open(reader=reader, page=PagePath.MODELS)
    assert not app.exception
    assert app.title[0].value == "Models"
    sent = everything(app)
    for words in ("skin-2025", "In use", "skin-2024", "Withdrawn", "Its threshold was wrong"):
        assert words in sent
    assert "2 systems" in shown(app)
    assert "P-00" not in sent


def test_the_stand_in_of_planted_cases_is_no_system(reviewed: Pages) -> None:
    store = open_store(reviewed.url)
    plant_case(
        store,
        reviewed.cases["waiting"],
        GUS,
        conditions=("melanoma",),
        urgency=Urgency.URGENT,
        wrong_opinion=opinion(Urgency.ROUTINE, condition="acne"),
    )
    with store.reading() as session:
        found = registered_bundles(session)
        assert get_case(session, reviewed.cases["waiting"]).external_id == "waiting"
    store.close()
    assert [(one.name, one.champion, one.conditions, one.cases) for one in found] == [
        ("skin-2025", True, 4, 10),
        ("skin-2024", False, 3, 1),
    ]
    app = reviewed.open(page=PagePath.MODELS)
    assert "2 systems" in shown(app)
    assert planted_digest("d" * 64)[:12] not in everything(app)


def test_without_a_system_it_says_how_one_comes_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    store = open_store(url, create=True)
    account(store, "Eve", Role.ENGINEER)
    store.close()
    sign_in_without_a_browser(monkeypatch, url)
    app = Pages(url, {}).open(reader="Eve", page=PagePath.MODELS)
    assert "No trained system is registered" in shown(app)
