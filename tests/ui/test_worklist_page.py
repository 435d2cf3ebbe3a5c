from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.store.make import bundle, case, opinion
from tests.ui.case_list import column, list_data, listed
from tests.ui.conftest import APP, TOKEN, Pages, everything, press, shown, sign_in_without_a_browser
from tests.ui.make_accounts import account, session_for
from tests.ui.make_cases import SECRETS, SITE
from triage.accounts import Actor, Role
from triage.review import open_case
from triage.review.drafts import save_draft
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import (
    Modality,
    Store,
    add_case,
    add_prediction,
    open_store,
    register_bundle,
    set_champion,
)
from triage.vocabulary.clinical import Urgency

BY_ARRIVAL = ["C-1003", "C-1004", "C-1002", "C-1001"]
BY_URGENCY = ["C-1001", "C-1002", "C-1003", "C-1004"]
ANN, BEN = Actor("Ann", Role.SENIOR_READER), Actor("Ben", Role.SENIOR_READER)


@pytest.fixture
def pages(pages: Pages) -> Pages:
    """Of a site that hides the priority, as our defaults do."""
    store = open_store(pages.url)
    set_policy(store)
    store.close()
    return pages


@pytest.fixture
def store(pages: Pages) -> Any:
    opened = open_store(pages.url)
    set_policy(opened, random_next_share=0)
    yield opened
    opened.close()


def set_policy(store: Store, site: str = SITE, **changes: Any) -> None:
    policy = SitePolicy(dwell_seconds=0, **changes)
    set_site_policy(store, site, policy, Actor("Gus", Role.GOVERNANCE))


def add(store: Store, name: str, **changes: Any) -> int:
    with store.transaction() as session:
        return add_case(session, case(name, **{"source": SITE, **changes}))


def opened_case(app: AppTest) -> str:
    return app.title[0].value.replace("\\", "")


# Order, and what a row shows


def test_the_list_is_in_order_of_arrival_where_the_priority_is_hidden(pages: Pages) -> None:
    app = pages.open()
    assert not app.exception
    assert app.title[0].value == "Worklist"
    assert listed(app) == BY_ARRIVAL
    assert column(app, "Kind") == ["3 photographs", "1 photograph", "1 photograph", "2 photographs"]
    assert column(app, "Facts")[0] == "40-59 · forearm · skin type III"
    assert column(app, "Received")[:3] == ["8 days ago", "3 days ago", "1 day ago"]
    assert column(app, "State") == ["new"] * 4
    assert "In order of arrival" in shown(app)
    assert "20 in 100 are drawn at random" in shown(app)


def test_where_the_priority_is_shown_it_orders_the_list(pages: Pages, store: Store) -> None:
    set_policy(store, priority_visible=True)
    app = pages.open()
    assert listed(app) == BY_URGENCY
    assert column(app, "Priority") == ["Urgent", "Semi-urgent", "Routine", "Observation"]
    assert column(app, "Time left")[0].startswith("Soon: in ")
    marks = [row["columns"][3]["mark"] for row in list_data(app)["rows"]]
    assert marks == ["urgent", "semi_urgent", "routine", "observation"]
    assert "By urgency" in shown(app)


def test_the_worklist_tells_nothing_of_the_ai(pages: Pages) -> None:
    sent = everything(pages.open())
    assert "C-1001" in sent
    for secret in (*SECRETS, "elanoma", "bstain", "no_ai_opinion", "A4"):
        assert secret not in sent


def test_where_the_priority_is_hidden_no_opinion_changes_what_is_sent(
    pages: Pages, store: Store
) -> None:
    before = list_data(pages.open())
    with store.transaction() as session:
        other = register_bundle(session, bundle(name="other", digest="e" * 64))
        set_champion(session, other)
        for name in ("C-1003", "C-1004"):
            add_prediction(session, pages.cases[name], other, opinion(Urgency.URGENT))
    after = list_data(pages.open())
    assert [one["text"] for one in after["headings"]] == [
        "Case, patient", "Kind", "Facts", "Received", "State",
    ]  # fmt: skip
    assert after == before
    set_policy(store, priority_visible=True)
    assert list_data(pages.open()) != before


def test_a_mixed_list_shows_the_priority_of_some_sites(pages: Pages, store: Store) -> None:
    set_policy(store, "open clinic", priority_visible=True)
    add(store, "O-1", source="open clinic")
    app = pages.open()
    assert listed(app) == ["O-1", *BY_ARRIVAL]
    assert column(app, "Priority") == ["Semi-urgent", *["Not shown"] * 4]
    assert column(app, "Time left")[1:] == [""] * 4
    assert "some of these sites hide the priority" in shown(app)


def test_rows_say_who_has_a_case_and_what_was_begun(pages: Pages, store: Store) -> None:
    open_case(store, pages.cases["C-1001"], BEN)
    open_case(store, pages.cases["C-1002"], ANN)
    open_case(store, pages.cases["C-1003"], ANN)
    save_draft(store, pages.cases["C-1003"], ANN, {"form": "x", "answers": {}})
    rows = {row["title"]: row for row in list_data(pages.open())["rows"]}
    states = {name: row["columns"][-1]["text"] for name, row in rows.items()}
    assert states == {
        "C-1001": "in work by Ben",
        "C-1002": "open with you",
        "C-1003": "draft saved",
        "C-1004": "new",
    }
    assert [rows[name]["action"] for name in ("C-1002", "C-1003", "C-1004")] == [
        "Continue", "Continue", "Open",
    ]  # fmt: skip
    assert {name for name, row in rows.items() if row["disabled"]} == {"C-1001"}
    assert rows["C-1004"]["href"] == f"/case?case={pages.cases['C-1004']}"
    assert rows["C-1004"]["picture"] == f"/images/{pages.cases['C-1004']}/0/main/thumbnail"


def test_the_numbers_above_the_list(pages: Pages, store: Store) -> None:
    open_case(store, pages.cases["C-1002"], BEN)
    add(store, "old", received_at=case("x").received_at.replace(year=2020))
    (numbers,) = [block for block in pages.open().get("html") if "waiting" in block.proto.body]
    for text in ("<b>5</b> waiting", "<b>▲ 1</b> overdue", "<b>1</b> in work by others"):
        assert text in numbers.proto.body


# The next case


def test_the_next_case_is_the_most_urgent_one(pages: Pages, store: Store) -> None:
    assert opened_case(press(pages.open(), "Next case")) == "Case C-1001"


def test_the_next_case_is_one_that_nobody_else_has(pages: Pages, store: Store) -> None:
    open_case(store, pages.cases["C-1001"], BEN)
    assert opened_case(press(pages.open(), "Next case")) == "Case C-1002"
    assert opened_case(press(pages.open(reader="Ben"), "Next case")) == "Case C-1001"


def test_another_case_is_drawn_where_somebody_was_faster(
    pages: Pages, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = pages.open()
    open_case(store, pages.cases["C-1001"], BEN)
    drawn = iter([pages.cases["C-1001"], pages.cases["C-1004"]])
    monkeypatch.setattr("ui.worklist_page.next_case", lambda *a, **k: next(drawn))
    assert opened_case(press(app, "Next case")) == "Case C-1004"


def test_without_a_free_case_the_list_stays_and_says_so(pages: Pages, store: Store) -> None:
    app = pages.open()
    for number in pages.cases.values():
        open_case(store, number, BEN)
    app = press(app, "Next case")
    assert "No case is free for you now" in app.warning[0].value
    assert listed(app) == BY_ARRIVAL


def test_who_reads_no_case_sees_the_list_only(pages: Pages, store: Store) -> None:
    account(store, "Gus", Role.GOVERNANCE)
    app = pages.open(reader="Gus")
    assert listed(app) == BY_ARRIVAL
    assert {row["disabled"] for row in list_data(app)["rows"]} == {"view only"}
    labels = [button.label for button in app.button]
    assert "Next case" not in labels
    assert "Add a case" not in labels


# Search, filters, pages


def test_the_search_is_in_the_address(pages: Pages, store: Store) -> None:
    app = pages.open()
    app.text_input[0].input(" c-1003 ").run()
    assert listed(app) == ["C-1003"]
    assert opened_case(press(app, "Next case found")) == "Case C-1003"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"find": "c-1004"}, ["C-1004"]),
        ({"kind": "OCT volumes"}, []),
        ({"kind": "Photographs", "site": SITE, "state": "New"}, BY_ARRIVAL),
        ({"to": "2020-01-31"}, []),
        ({"from": "2020-01-31"}, BY_ARRIVAL),
        ({"kind": "Nonsense", "site": "none", "state": "x", "from": "yesterday"}, BY_ARRIVAL),
        ({"find": "x" * 5000}, []),
        ({"after": "made up"}, BY_ARRIVAL),
    ],
)
def test_the_address_says_what_is_listed(
    pages: Pages, parameters: dict[str, str], expected: list[str]
) -> None:
    app = AppTest.from_file(str(APP), default_timeout=60)
    store = open_store(pages.url)
    app.session_state[TOKEN] = session_for(store, "Ann")
    store.close()
    app.query_params.update(parameters)
    app.run()
    assert not app.exception
    assert listed(app) == expected


def test_filters_narrow_the_list(pages: Pages, store: Store) -> None:
    add(store, "V-1", source="eye clinic", modality=Modality.OCT_VOLUMES)
    app = pages.open()
    app.button_group[0].select("OCT volumes").run()
    assert listed(app) == ["V-1"]
    app.button_group[0].select("All").run()
    app.multiselect[0].set_value([SITE]).run()
    assert listed(app) == BY_ARRIVAL
    app.selectbox[0].select("Skipped").run()
    assert listed(app) == []
    app = press(app, "Show every waiting case")
    assert sorted(listed(app)) == sorted([*BY_ARRIVAL, "V-1"])
    app.date_input[0].set_value(case("x").received_at.date().replace(year=2030)).run()
    assert "No waiting case fits" in shown(app)


def test_a_long_list_is_shown_in_parts(pages: Pages, store: Store) -> None:
    for number in range(30):
        add(store, f"D-{number:02}")
    app = pages.open()
    first = listed(app)
    app = press(app, "Show the next cases")
    second = listed(app)
    assert len(first) == 25
    assert len({*first, *second}) == 34
    app = press(app, "Back to the first cases")
    assert listed(app) == first
    app.query_params["after"] = "made up"
    assert listed(app.run()) == first
    assert not app.exception


def test_a_search_begins_at_the_first_part(pages: Pages, store: Store) -> None:
    for number in range(30):
        add(store, f"D-{number:02}")
    app = press(pages.open(), "Show the next cases")
    app.text_input[0].input("D-").run()
    assert listed(app)[0] == "D-00"


# Nothing to show


def test_without_a_session_nothing_is_shown(pages: Pages) -> None:
    app = pages.open(reader="")
    assert listed(app) == []
    assert "Sign in again" in shown(app)


def test_nothing_found_says_so_and_leads_back(pages: Pages) -> None:
    app = pages.open()
    app.text_input[0].input("nothing of this name").run()
    assert "No waiting case fits" in shown(app)
    assert listed(press(app, "Show every waiting case")) == BY_ARRIVAL


def test_an_empty_store_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    open_store(url, create=True).close()
    sign_in_without_a_browser(monkeypatch, url)
    app = Pages(url, {}).open()
    assert "No case waits for a review. Add one" in shown(app)
    (button,) = [button for button in app.button if button.label == "Next case"]
    assert button.disabled


def test_a_missing_database_is_a_clear_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    monkeypatch.setenv("TRIAGE_DATABASE_URL", url)
    app = Pages(url, {}).open(reader="")
    assert not app.exception
    assert "There is no case database here" in app.error[0].value
