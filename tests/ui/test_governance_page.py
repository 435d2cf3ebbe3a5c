from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.conftest import Pages, everything, press, shown, sign_in_without_a_browser
from tests.ui.make_accounts import account
from triage.accounts import Role
from triage.accounts.actor import SYSTEM_ACTOR
from triage.store import LabelSource, add_label, open_store
from ui.page_paths import PagePath


def test_figures_have_their_cases_and_intervals(reviewed: Pages) -> None:
    app = reviewed.open(reader="Gus", page=PagePath.GOVERNANCE)
    assert not app.exception
    assert [one.value for one in app.header] == [
        "How cases were read",
        "Overrides",
        "Helpful and harmful switches",
        "Missed positives where the AI abstained",
        "Second reads and adjudications",
        "Agreement of readers",
        "Times",
        "Policies of sites",
        "Ledger",
    ]
    sent = everything(app)
    assert "9 cases opened, 8 decided" in shown(app)
    assert "2 of 8" in sent  # whose truth is known
    assert "25.0 % [3.2, 65.1]" in sent
    assert "not enough" in sent


def test_no_reader_is_named(reviewed: Pages) -> None:
    app = reviewed.open(reader="Gus", page=PagePath.GOVERNANCE)
    sent = everything(app)
    for name in ("Ann", "Bob", "decided-1", "FIRSTREADERSECRET"):
        assert name not in sent


def test_policies_of_sites_are_listed(reviewed: Pages) -> None:
    sent = everything(reviewed.open(reader="Gus", page=PagePath.GOVERNANCE))
    assert "clinic that reads twice" in sent
    assert "100% at random" in sent
    assert "Its own" in sent


def test_figures_are_computed_again_on_demand(reviewed: Pages) -> None:
    app = reviewed.open(reader="Gus", page=PagePath.GOVERNANCE)
    assert not [one for one in app.button if one.label == "Compute again"]
    store = open_store(reviewed.url)
    with store.transaction() as session:
        add_label(
            session,
            reviewed.cases["decided-1"],
            "melanoma",
            LabelSource.HISTOLOGY,
            given_by="Lab",
            ai_visible=False,
        )
    store.close()
    app.run()
    assert "37.5 % [" not in everything(app)
    press(app, "Compute again")
    assert "37.5 % [" in everything(app)  # whose truth is known: 3 of 8


def test_without_reads_it_says_how_figures_come_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    store = open_store(url, create=True)
    account(store, "Gus", Role.GOVERNANCE)
    store.close()
    sign_in_without_a_browser(monkeypatch, url)
    app = Pages(url, {}).open(reader="Gus", page=PagePath.GOVERNANCE)
    assert "No case has been opened yet" in shown(app)
    assert "No site has cases yet" in shown(app)
    assert SYSTEM_ACTOR.name not in shown(app)


def test_readers_have_no_such_page(reviewed: Pages) -> None:
    assert reviewed.open(page=PagePath.GOVERNANCE).title[0].value == "Worklist"
