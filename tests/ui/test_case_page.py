"""The page of a case: what reaches the browser, before and after each step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.review.team import waiting_items
from tests.store.make import opinion, ranked
from tests.ui.conftest import Pages, everything, press, shown, with_photograph
from tests.ui.make_cases import SECRETS, SITE
from tests.ui.panel import NOTHING_FOLLOWS, bars, content, has_panel, lock, read, take
from tests.ui.test_photo_stage import sent_to
from triage.accounts import Actor, Role
from triage.review import RefusalCode, StepRefused
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
from triage.vocabulary.review_policies import ReadingMode

GUS = Actor("Gus", Role.GOVERNANCE)


def kinds(pages: Pages, name: str) -> list[str]:
    store = open_store(pages.url)
    with store.reading() as session:
        found = [event.kind for event in events(session, pages.cases[name])]
    store.close()
    return found


def set_policy(pages: Pages, **values: Any) -> None:
    store = open_store(pages.url)
    set_site_policy(store, SITE, SitePolicy(dwell_seconds=0, **values), GUS)
    store.close()


@pytest.mark.parametrize("name", ["C-1001", "C-1002"])
def test_nothing_of_the_ai_is_sent_before_the_first_read_is_locked(pages: Pages, name: str) -> None:
    app = pages.open(name)
    assert not app.exception
    sent = everything(app)
    assert '"stage": "first_read"' in sent.replace('\\"', '"')  # what is sent is really looked at
    for secret in (*SECRETS, "No AI opinion", "does not mean low risk"):
        assert secret not in sent
    assert content(app)["opinion"] is None
    assert content(app)["paths"] == []
    assert kinds(pages, name)[-1] == "case_opened"
    take(pages, name, "draft", form=content(app)["form"], answers=read("acne"))
    assert not any(secret in everything(pages.open(name)) for secret in SECRETS)
    app = lock(pages, name, **read("acne", "routine"))
    assert "AISECRETACTION" in everything(app)
    assert kinds(pages, name)[-1] == "ai_revealed"


def test_no_answer_is_suggested(pages: Pages) -> None:
    first = content(pages.open("C-1001"))
    assert first["draft"] is None
    assert first["choices"]["conditions"][-1] == {
        "value": "not_listed",
        "name": "Other / not listed",
    }
    final = content(lock(pages, "C-1001"))
    assert final["draft"] is None
    assert [path["value"] for path in final["paths"]] == ["keep", "ai", "other"]


def test_the_facts_and_photographs_are_shown(pages: Pages) -> None:
    app = pages.open("C-1003")
    assert "Skin type **III** · Age band **40\\-59**" in shown(app)
    assert "Patient **patient of C\\-1003**" in shown(app)
    assert len(sent_to(app, "photo_stage")["pictures"]) == 3


def test_the_reveal_shows_the_referral_and_natural_frequencies(pages: Pages) -> None:
    app = lock(pages, "C-1001")
    assert not app.exception
    assert content(app)["opinion"]["referral"] == "Urgent"
    assert content(app)["first"]["text"] == "Melanoma, urgent, sure"
    # Joint: 0.83 of the 90 that it knows, and so on; together they are the 100.
    assert bars(app) == [
        "Melanoma: about 75 of 100",
        "Acne: about 11 of 100",
        "Folliculitis: about 4 of 100",
        "None of the conditions it knows: about 10 of 100",
    ]
    assert kinds(pages, "C-1001")[-1] == "ai_revealed"


def test_a_decision_is_said_and_the_next_case_is_offered(pages: Pages) -> None:
    lock(pages, "C-1001")
    take(pages, "C-1001", "decision", **read())
    app = pages.open("C-1001")
    next_step = content(app)["next"]
    assert next_step["decided"]["text"] == "Melanoma, urgent, sure"
    assert next_step["main"] == "Next case"
    assert next_step["can_undo"]
    assert not next_step["can_amend"]
    assert kinds(pages, "C-1001")[-1] == "decision_made"
    store = open_store(pages.url)
    waiting = [item.external_id for item in waiting_items(store, datetime.now(UTC))]
    store.close()
    assert sorted(waiting) == ["C-1002", "C-1003", "C-1004"]


def test_a_departure_asks_for_a_reason(pages: Pages) -> None:
    lock(pages, "C-1001", **read("acne", "routine"))
    with pytest.raises(StepRefused) as refused:
        take(pages, "C-1001", "decision", **read("acne", "routine"))
    assert refused.value.code is RefusalCode.NEEDS_REASON
    take(pages, "C-1001", "decision", **read("acne", "routine"), reason="R4", comment="Itches.")
    decided = content(pages.open("C-1001"))["next"]["decided"]
    assert decided["more"] == ["Reason: The clinical history (R4)", "Comment: Itches."]


def test_an_abstention_shows_reason_and_action_and_no_probability(pages: Pages) -> None:
    app = lock(pages, "C-1002", **read("acne", "semi_urgent", "guess"))
    card = content(app)["opinion"]
    assert card["warning"] == "No AI opinion. This does not mean low risk."
    assert (card["reason"], card["code"]) == ("AISECRETREASON", "A4")
    assert card["next_action"] == "AISECRETACTION"
    assert [kind["value"] for kind in card["follow_up"]["kinds"]] == [
        "specialist",
        "retake",
        "none",
    ]
    assert [path["value"] for path in content(app)["paths"]] == ["keep", "other"]
    sent = everything(app)
    assert "of 100" not in sent.replace("such cases, of 100", "")
    assert "0.83" not in sent
    assert "oubt between" not in sent
    same = read("acne", "semi_urgent", "guess")
    with pytest.raises(StepRefused) as refused:
        take(pages, "C-1002", "decision", **same)
    assert refused.value.code is RefusalCode.NEEDS_FOLLOW_UP
    take(pages, "C-1002", "decision", **same, follow_up=NOTHING_FOLLOWS)
    more = content(pages.open("C-1002"))["next"]["decided"]["more"]
    assert more == [
        "To follow: neither a retake nor a specialist, because: Seen in the clinic today."
    ]


def test_an_unscored_case_is_labelled_so(pages: Pages) -> None:
    store = open_store(pages.url)
    with store.transaction() as session:
        pages.cases["new"] = add_case(session, with_photograph(pages, "new"))
    store.close()
    card = content(lock(pages, "new", **read("not_listed", "routine")))["opinion"]
    assert card["reason"] == "No system has scored this case."
    assert "does not mean low risk" in card["warning"]
    take(pages, "new", "decision", **read("not_listed", "routine"))


def test_another_reader_does_not_see_a_case_that_is_in_work(pages: Pages) -> None:
    lock(pages, "C-1001", "Ann")
    other = pages.open("C-1001", reader="Ben")
    assert "The case is in work by Ann" in other.warning[0].value
    assert not has_panel(other)
    assert not any(secret in everything(other) for secret in SECRETS)
    take(pages, "C-1001", "decision", **read())
    other = pages.open("C-1001", reader="Ben")
    assert "not possible while the case is decided" in other.warning[0].value.replace("\\", "")
    assert not any(secret in everything(other) for secret in SECRETS)
    assert press(other, "To the worklist").title[0].value == "Worklist"


def test_a_decision_can_be_undone_and_its_answers_are_in_the_form(pages: Pages) -> None:
    lock(pages, "C-1001", **read("acne", "routine"))
    answers = read("acne", "routine", "unsure") | {"reason": "R3", "comment": "Blurred."}
    take(pages, "C-1001", "decision", **answers)
    take(pages, "C-1001", "undo")
    assert kinds(pages, "C-1001")[-1] == "decision_undone"
    draft = content(pages.open("C-1001"))["draft"]
    assert {name: draft[name] for name in answers} == answers
    take(pages, "C-1001", "decision", **answers)
    assert kinds(pages, "C-1001")[-1] == "decision_made"


def test_undoing_keeps_other_answers_that_a_second_tab_has_kept(pages: Pages) -> None:
    form = content(lock(pages, "C-1001"))["form"]
    take(pages, "C-1001", "decision", **read())
    with pytest.raises(StepRefused) as refused:
        take(pages, "C-1001", "decision", **read("acne", "routine"), reason="R4")
    assert refused.value.code is RefusalCode.ALREADY_GIVEN
    kept = read("acne", "routine") | {"comment": "From the second tab."}
    take(pages, "C-1001", "draft", form=form, answers=kept)
    take(pages, "C-1001", "undo")
    assert content(pages.open("C-1001"))["draft"] == kept
    assert kinds(pages, "C-1001").count("decision_made") == 1


def test_a_draft_belongs_to_its_form_and_its_reader(pages: Pages) -> None:
    app = pages.open("C-1001")
    take(pages, "C-1001", "draft", form=content(app)["form"], answers=read("acne"))
    assert content(pages.open("C-1001"))["draft"] == read("acne")
    assert content(pages.open("C-1002"))["draft"] is None
    assert content(lock(pages, "C-1001"))["draft"] is None  # another form


def test_what_was_answered_is_kept_while_another_reader_has_the_case(pages: Pages) -> None:
    app = pages.open("C-1001", reader="Ann")
    take(pages, "C-1001", "draft", form=content(app)["form"], answers=read("acne"))
    store = open_store(pages.url)
    with store.transaction() as session:
        release_lock(session, pages.cases["C-1001"])
    pages.open("C-1001", reader="Ben")
    app = pages.open("C-1001", reader="Ann")
    assert "in work by Ben" in shown(app)
    assert "What you have answered is kept" in shown(app)
    with store.transaction() as session:
        release_lock(session, pages.cases["C-1001"])
    store.close()
    assert content(pages.open("C-1001", reader="Ann"))["draft"] == read("acne")


@pytest.mark.parametrize(
    "answers",
    [{}, {"conditions": 3}, {"conditions": [1, None], "urgency": {"a": 1}}, {"path": ["x"]}],
)
def test_a_draft_of_another_shape_does_no_harm(pages: Pages, answers: dict[str, Any]) -> None:
    form = content(pages.open("C-1001"))["form"]
    take(pages, "C-1001", "draft", form=form, answers=answers)
    app = pages.open("C-1001")
    assert not app.exception
    assert content(app)["stage"] == "first_read"


def test_a_case_read_without_the_ai_shows_nothing_of_it(pages: Pages) -> None:
    set_policy(pages, mode=ReadingMode.AI_OFF)
    app = lock(pages, "C-1001", **read("acne", "routine"))
    assert "read without the AI" in content(app)["opinion"]["text"]
    assert [path["value"] for path in content(app)["paths"]] == ["keep", "other"]
    assert not any(secret in everything(app) for secret in SECRETS)
    take(pages, "C-1001", "decision", **read("acne", "routine"))
    app = pages.open("C-1001")
    assert content(app)["stage"] == "next"
    assert not any(secret in everything(app) for secret in SECRETS)


def test_with_the_ai_from_the_start_there_is_no_first_read(pages: Pages) -> None:
    set_policy(pages, mode=ReadingMode.CONCURRENT)
    app = pages.open("C-1001")
    assert content(app)["stage"] == "decide"
    assert content(app)["opinion"]["referral"] == "Urgent"
    assert [path["value"] for path in content(app)["paths"]] == ["ai", "other"]
    take(pages, "C-1001", "decision", **read())
    assert content(pages.open("C-1001"))["stage"] == "next"


@pytest.mark.parametrize("step", ["skip", "cannot-grade"])
def test_a_case_can_be_left_with_a_reason(pages: Pages, step: str) -> None:
    pages.open("C-1001")
    more = {"next_action": "Retake"} if step == "cannot-grade" else {}
    with pytest.raises(StepRefused) as refused:
        take(pages, "C-1001", step, reason=" ", **more)
    assert refused.value.code is RefusalCode.NEEDS_COMMENT
    take(pages, "C-1001", step, reason="blurred", **more)
    kind = {"skip": "case_skipped", "cannot-grade": "case_ungradable"}[step]
    assert kinds(pages, "C-1001")[-1] == kind


def test_a_reload_takes_up_where_the_reader_was(pages: Pages) -> None:
    lock(pages, "C-1001", **read("acne", "routine", "unsure"))
    app = pages.open("C-1001")
    assert content(app)["first"]["text"] == "Acne, routine, unsure"
    assert content(app)["stage"] == "decide"
    assert kinds(pages, "C-1001").count("ai_revealed") == 1


def test_without_a_session_a_case_stays_shut(pages: Pages) -> None:
    app = pages.open("C-1001", reader="")
    assert "Sign in again" in shown(app)
    assert not has_panel(app)
    assert kinds(pages, "C-1001") == ["case_received", "images_checked", "case_scored"]


@pytest.mark.parametrize("address", ["999", "-1", "x", "1 OR 1=1", "9" * 30])
def test_a_wrong_address_is_no_traceback(pages: Pages, address: str) -> None:
    app = pages.open(address)
    assert not app.exception
    if address == "999":
        assert "There is no such case" in app.error[0].value
    else:
        assert app.title[0].value == "Worklist"


def test_data_stay_text(pages: Pages) -> None:
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
    app = lock(pages, "nasty", **read(nasty, "routine"))
    assert not app.exception
    # Markdown is escaped; the panel takes names as JSON and shows them as text.
    assert "\\<script\\>" in shown(app)
    assert bars(app)[0].startswith("<script>alert(1)</script>")
