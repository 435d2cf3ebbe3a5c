from __future__ import annotations

import re
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.store.make import opinion, ranked
from tests.ui.conftest import Pages, answer, bars, everything, press, shown, with_photograph
from tests.ui.make_cases import SECRETS, SITE
from tests.ui.test_photo_stage import sent_to
from triage.accounts import Actor, Role
from triage.errors import StoreError
from triage.review import Certainty, OverrideReason
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import (
    add_case,
    add_prediction,
    events,
    open_store,
    register_bundle,
)
from triage.store.locks import release_lock
from triage.store.records import BundleRecord
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.review_policies import ReadingMode

LOCK, STORE = "Lock my first read", "Store my decision"


def kinds(pages: Pages, name: str) -> list[str]:
    store = open_store(pages.url)
    with store.reading() as session:
        found = [event.kind for event in events(session, pages.cases[name])]
    store.close()
    return found


@pytest.mark.parametrize("name", ["C-1001", "C-1002"])
def test_nothing_of_the_ai_is_sent_before_the_first_read_is_locked(pages: Pages, name: str) -> None:
    app = pages.open(name)
    assert not app.exception
    sent = everything(app)
    assert LOCK in sent  # what is sent is really looked at
    for secret in (*SECRETS, "No AI opinion", "Most likely"):
        assert secret not in sent
    app = press(app, LOCK)
    assert "Still to choose: a condition, an urgency, how certain you are" in shown(app)
    assert not any(secret in everything(app) for secret in SECRETS)
    assert kinds(pages, name)[-1] == "case_opened"
    answer(app, "acne", Urgency.ROUTINE, Certainty.UNSURE)
    app = press(app, LOCK)
    assert "AISECRETACTION" in everything(app)


def test_no_answer_is_suggested(pages: Pages) -> None:
    app = pages.open("C-1001")
    assert [box.value for box in app.selectbox] == [None]
    assert [radio.value for radio in app.radio] == [None, None]
    assert app.selectbox[0].options[-1] == "Other / not listed"


def test_the_facts_and_photographs_are_shown(pages: Pages) -> None:
    app = pages.open("C-1003")
    assert "Skin type **III** · Age band **40\\-59**" in shown(app)
    assert len(sent_to(app, "photo_stage")["pictures"]) == 3


def test_the_reveal_shows_natural_frequencies(pages: Pages) -> None:
    app = pages.open("C-1001")
    answer(app, "melanoma", Urgency.URGENT, Certainty.SURE)
    app = press(app, LOCK)
    assert not app.exception
    assert "Most likely **Melanoma**, referral **urgent**" in shown(app)
    assert "Your first read: **Melanoma**, urgent, sure" in shown(app)
    sent = everything(app)
    # Joint: 0.83 of the 90 that it knows, and so on; together they are the 100.
    assert bars(app) == [
        "Melanoma: about 75 of 100 such cases",
        "Acne: about 11 of 100 such cases",
        "Folliculitis: about 4 of 100 such cases",
        "None of the conditions it knows: about 10 of 100 such cases",
    ]
    assert "**Doubt between those it knows:** some. About 75 % of it because the picture" in sent
    assert kinds(pages, "C-1001")[-1] == "ai_revealed"


@pytest.mark.parametrize(
    ("p_outlier", "differential", "wanted"),
    [
        (
            0.14,
            (("melanoma", 0.99), ("acne", 0.007)),
            ["about 85", "about 1", "fewer than 1", "about 14"],
        ),
        (0.0, (("melanoma", 1.0),), ["more than 99", "fewer than 1"]),
        (1.0, (("melanoma", 1.0),), ["fewer than 1", "more than 99"]),
        (None, (("melanoma", 0.5), ("acne", 0.25)), ["about 50", "about 25", "about 25"]),
        (0.4, (("melanoma", 0.5), ("acne", 0.3)), ["about 30", "about 18", "about 12", "about 40"]),
    ],
)
def test_the_numbers_on_the_card_fit_into_100(
    pages: Pages,
    p_outlier: float | None,
    differential: tuple[tuple[str, float], ...],
    wanted: list[str],
) -> None:
    store = open_store(pages.url)
    with store.transaction() as session:
        pages.cases["new"] = add_case(session, with_photograph(pages, "new"))
        system = register_bundle(session, BundleRecord("9" * 64, "new", "p", ("acne", "melanoma")))
        record = opinion(p_outlier=p_outlier, differential=ranked(*differential))
        add_prediction(session, pages.cases["new"], system, record)
    store.close()
    app = pages.open("new")
    answer(app, "acne", Urgency.ROUTINE, Certainty.SURE)
    app = press(app, LOCK)
    assert not app.exception
    counts = [re.sub(r"^.*: (.*) of 100 such cases$", r"\1", line) for line in bars(app)]
    assert counts == wanted
    assert sum(int(text.split()[-1]) for text in counts if text.startswith("about")) <= 100
    likelier = p_outlier is not None and p_outlier >= (1 - p_outlier) * differential[0][1]
    assert ("Most likely of those it knows" in shown(app)) is likelier


def test_agreeing_takes_one_press(pages: Pages) -> None:
    app = pages.open("C-1001")
    answer(app, "melanoma", Urgency.URGENT, Certainty.SURE)
    app = press(press(app, LOCK), STORE)
    assert app.title[0].value == "Worklist"
    assert app.success[0].value == "Your decision is stored."
    assert "C-1001" not in list(app.dataframe[0].value["Case"])
    assert kinds(pages, "C-1001")[-1] == "decision_made"
    assert not app.run().success


def test_a_departure_asks_for_a_reason_and_keeps_the_answers(pages: Pages) -> None:
    app = pages.open("C-1001")
    answer(app, "acne", Urgency.ROUTINE, Certainty.UNSURE)
    app = press(press(app, LOCK), STORE)
    assert "differs from the AI" in app.error[0].value
    assert app.selectbox[0].value == "acne"
    assert "decision_made" not in kinds(pages, "C-1001")
    app.selectbox[1].select_index(3)
    app = press(app, STORE)
    assert app.title[0].value == "Worklist"


def test_an_abstention_shows_reason_and_action_and_no_probability(pages: Pages) -> None:
    app = pages.open("C-1002")
    answer(app, "acne", Urgency.SEMI_URGENT, Certainty.GUESS)
    app = press(app, LOCK)
    assert app.warning[0].value == "**No AI opinion. This does not mean low risk.**"
    assert "**Reason:** AISECRETREASON \\(A4\\)" in shown(app)
    assert "**Next action:** AISECRETACTION" in shown(app)
    sent = everything(app)
    assert "of 100" not in sent
    assert "0.83" not in sent
    assert "Doubt" not in sent
    assert press(app, STORE).title[0].value == "Worklist"


def test_fields_that_an_earlier_version_did_not_store_are_not_shown(pages: Pages) -> None:
    store = open_store(pages.url)
    with store.transaction() as session:
        pages.cases["old"] = add_case(session, with_photograph(pages, "old"))
        system = register_bundle(session, BundleRecord("9" * 64, "old", "p", ("acne",)))
        record = opinion(aleatoric=None, epistemic=None)
        add_prediction(session, pages.cases["old"], system, record)
    store.close()
    app = pages.open("old")
    answer(app, "acne", Urgency.ROUTINE, Certainty.SURE)
    app = press(app, LOCK)
    assert not app.exception
    assert "Most likely **Melanoma**" in shown(app)
    assert "Doubt" not in everything(app)


def test_an_unscored_case_is_labelled_so(pages: Pages) -> None:
    store = open_store(pages.url)
    with store.transaction() as session:
        pages.cases["new"] = add_case(session, with_photograph(pages, "new"))
    store.close()
    app = pages.open("new")
    answer(app, "not_listed", Urgency.ROUTINE, Certainty.SURE)
    app = press(app, LOCK)
    assert "No system has scored this case" in shown(app)
    assert "does not mean low risk" in shown(app)


def test_another_reader_does_not_see_a_case_that_is_in_work(pages: Pages) -> None:
    app = pages.open("C-1001", reader="Ann")
    answer(app, "melanoma", Urgency.URGENT, Certainty.SURE)
    app = press(app, LOCK)
    other = pages.open("C-1001", reader="Ben")
    assert "The case is in work by Ann" in other.warning[0].value
    assert not any(secret in everything(other) for secret in SECRETS)
    press(app, STORE)
    other = pages.open("C-1001", reader="Ben")
    assert "not possible while the case is decided" in other.warning[0].value.replace("\\", "")
    assert not any(secret in everything(other) for secret in SECRETS)
    app = pages.open("C-1001", reader="Ann")
    assert "You decided: **Melanoma**, urgent" in shown(app)
    assert STORE not in everything(app)


def test_a_decision_can_be_undone_and_made_again(pages: Pages) -> None:
    app = pages.open("C-1001")
    answer(app, "melanoma", Urgency.URGENT, Certainty.SURE)
    press(press(app, LOCK), STORE)
    app = press(pages.open("C-1001"), "Undo my decision")
    assert kinds(pages, "C-1001")[-1] == "decision_undone"
    assert press(app, STORE).title[0].value == "Worklist"


def _locked(pages: Pages, name: str, condition: str = "melanoma") -> AppTest:
    app = pages.open(name)
    answer(app, condition, Urgency.URGENT, Certainty.SURE)
    return press(app, LOCK)


def _chosen(app: AppTest) -> tuple[str | None, Urgency | None]:
    boxes = {box.label: box.value for box in app.selectbox}
    return boxes["Condition"], {radio.label: radio.value for radio in app.radio}["Urgency"]


def test_undoing_begins_with_the_decision_that_was_undone(pages: Pages) -> None:
    app = _locked(pages, "C-1001")
    answer(app, "acne", Urgency.ROUTINE, Certainty.UNSURE)
    app.selectbox[1].select(OverrideReason.QUALITY)
    app.text_area[0].set_value("Blurred.")
    press(app, STORE)
    app = press(pages.open("C-1001"), "Undo my decision")
    assert _chosen(app) == ("acne", Urgency.ROUTINE)
    assert app.selectbox[1].value is OverrideReason.QUALITY
    assert app.text_area[0].value == "Blurred."


def test_a_first_read_that_another_tab_has_locked_is_said_to_be_not_stored(pages: Pages) -> None:
    second = pages.open("C-1001")
    _locked(pages, "C-1001")
    answer(second, "acne", Urgency.ROUTINE, Certainty.UNSURE)
    second = press(second, LOCK)
    assert "Your first read was locked before" in shown(second)
    assert "**Melanoma**, urgent, sure" in shown(second)
    assert kinds(pages, "C-1001").count("first_read_locked") == 1


def test_a_decision_that_another_tab_has_made_is_said_and_the_answers_kept(pages: Pages) -> None:
    _locked(pages, "C-1001")
    first, second = pages.open("C-1001"), pages.open("C-1001")
    press(first, STORE)
    answer(second, "acne", Urgency.ROUTINE, Certainty.UNSURE)
    second.selectbox[1].select(OverrideReason.HISTORY)
    second.text_area[0].set_value("From the second tab.")
    second = press(second, STORE)
    assert "Your decision was stored before" in shown(second)
    assert kinds(pages, "C-1001").count("decision_made") == 1
    second = press(second, "Undo my decision")
    assert _chosen(second) == ("acne", Urgency.ROUTINE)
    assert second.selectbox[1].value is OverrideReason.HISTORY
    assert second.text_area[0].value == "From the second tab."


def test_what_was_sent_after_the_reservation_had_expired_is_kept(pages: Pages) -> None:
    app = pages.open("C-1001", reader="Ann")
    store = open_store(pages.url)
    with store.transaction() as session:
        release_lock(session, pages.cases["C-1001"])
    other = pages.open("C-1001", reader="Ben")
    answer(app, "acne", Urgency.ROUTINE, Certainty.UNSURE)
    app = press(app, LOCK)
    assert "in work by Ben" in shown(app)
    assert "What you have sent was not stored" in shown(app)
    with store.transaction() as session:
        release_lock(session, pages.cases["C-1001"])
    store.close()
    assert not other.exception
    again = pages.open("C-1001", reader="Ann")
    assert _chosen(again) == ("acne", Urgency.ROUTINE)
    assert _chosen(pages.open("C-1002", reader="Ann")) == (None, None)


def test_what_is_sent_while_the_database_is_away_is_in_the_form_afterwards(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = pages.open("C-1001")
    answer(app, "acne", Urgency.ROUTINE, Certainty.UNSURE)

    def away(*given: Any, **named: Any) -> None:
        raise StoreError("The server of the database is not reachable.")

    with monkeypatch.context() as patch:
        patch.setattr("triage.review.open_case", away)
        patch.setattr("ui.case_page.open_case", away)
        app = press(app, LOCK)
    assert "not reachable" in shown(app)
    app.run()
    assert _chosen(app) == ("acne", Urgency.ROUTINE)
    press(app, LOCK)
    assert kinds(pages, "C-1001")[-1] == "ai_revealed"


def test_a_case_read_without_the_ai_shows_nothing_of_it(pages: Pages) -> None:
    store = open_store(pages.url)
    governance = Actor("Gus", Role.GOVERNANCE)
    set_site_policy(store, SITE, SitePolicy(mode=ReadingMode.AI_OFF), governance)
    store.close()
    app = pages.open("C-1001")
    answer(app, "acne", Urgency.ROUTINE, Certainty.SURE)
    app = press(app, LOCK)
    assert "read without the AI" in shown(app)
    assert not any(secret in everything(app) for secret in SECRETS)
    assert press(app, STORE).title[0].value == "Worklist"


def test_with_the_ai_from_the_start_there_is_no_first_read(pages: Pages) -> None:
    store = open_store(pages.url)
    policy = SitePolicy(mode=ReadingMode.CONCURRENT, dwell_seconds=0)
    set_site_policy(store, SITE, policy, Actor("Gus", Role.GOVERNANCE))
    store.close()
    app = pages.open("C-1001")
    assert "Most likely **Melanoma**" in shown(app)
    answer(app, "melanoma", Urgency.URGENT, Certainty.SURE)
    assert press(app, STORE).title[0].value == "Worklist"


def test_a_decision_too_soon_is_refused_and_the_answers_are_kept(pages: Pages) -> None:
    store = open_store(pages.url)
    policy = SitePolicy(dwell_seconds=600)
    set_site_policy(store, SITE, policy, Actor("Gus", Role.GOVERNANCE))
    store.close()
    app = pages.open("C-1001")
    answer(app, "melanoma", Urgency.URGENT, Certainty.SURE)
    app = press(app, LOCK)
    app.text_area[0].input("seen <b>twice</b>")
    app = press(app, STORE)
    assert "less than 600 s ago" in app.error[0].value.replace("\\", "")
    assert pages.open("C-1001").text_area[0].value == "seen <b>twice</b>"


def test_a_long_comment_is_refused_and_stays_in_the_form(pages: Pages) -> None:
    app = pages.open("C-1001")
    answer(app, "melanoma", Urgency.URGENT, Certainty.SURE)
    app = press(app, LOCK)
    app.text_area[0].input("x" * 1_000_000)
    app = press(app, STORE)
    assert "at most 10000 are stored" in app.error[0].value.replace("\\", "")
    assert len(app.text_area[0].value) == 1_000_000
    assert "decision_made" not in kinds(pages, "C-1001")


def test_a_case_can_be_left_with_a_reason(pages: Pages) -> None:
    app = press(pages.open("C-1001"), "Skip")
    assert "needs a text" in app.error[0].value
    app.text_input[0].input("blurred")
    app = press(app, "Cannot grade")
    assert app.title[0].value == "Worklist"
    assert kinds(pages, "C-1001")[-1] == "case_ungradable"
    assert "C-1001" not in list(app.dataframe[0].value["Case"])


def test_a_reload_takes_up_where_the_reader_was(pages: Pages) -> None:
    app = pages.open("C-1001")
    answer(app, "acne", Urgency.ROUTINE, Certainty.UNSURE)
    press(app, LOCK)
    app = pages.open("C-1001")
    assert "Your first read: **Acne**" in shown(app)
    assert "Most likely **Melanoma**" in shown(app)
    assert kinds(pages, "C-1001").count("ai_revealed") == 1


def test_without_a_session_a_case_stays_shut(pages: Pages) -> None:
    app = pages.open("C-1001", reader="")
    assert "Sign in again" in shown(app)
    assert not app.selectbox
    assert kinds(pages, "C-1001") == ["case_received", "images_checked", "case_scored"]


@pytest.mark.parametrize("address", ["999", "-1", "x", "1 OR 1=1", "9" * 30])
def test_a_wrong_address_is_no_traceback(pages: Pages, address: str) -> None:
    app = pages.open(address)
    assert not app.exception
    if address == "999":
        assert "There is no such case" in app.error[0].value
    else:
        assert app.title[0].value == "Worklist"


def test_data_cannot_format_the_page(pages: Pages) -> None:
    nasty = "<script>alert(1)</script> **x** :red[y] $z$ [a](http://b)"
    store = open_store(pages.url)
    with store.transaction() as session:
        system = register_bundle(session, BundleRecord("9" * 64, nasty, "p", (nasty,)))
        number = add_case(session, with_photograph(pages, nasty, groups={nasty: nasty}))
        add_prediction(
            session, number, system, opinion(condition=nasty, differential=ranked((nasty, 1.0)))
        )
    store.close()
    pages.cases["nasty"] = number
    app = pages.open("nasty")
    answer(app, nasty, Urgency.ROUTINE, Certainty.SURE)
    app = press(app, LOCK)
    assert not app.exception
    left = re.sub(r"\\[^\w\s]", "", shown(app))  # without the escaped marks
    assert "alert" in left
    for mark in ("<", "[", "$", "](", "`"):
        assert mark not in left
    (name, *_) = bars(app)
    assert name.startswith("<script>alert(1)</script>")
    assert "\\<script\\>" in app.get("progress")[0].proto.text
