"""What the panel shows and asks, made from records alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.store.make import NOON, abstention, opinion, ranked
from triage.decision import Decision
from triage.ledger.events.review_events import CasePolicy
from triage.review import AdjudicationView, Certainty, Opinion, ReaderView, SecondReadView
from triage.review.adjudication import AdjudicationAnswer, AdjudicationRound
from triage.review.rubric import Feature
from triage.store.records import FinalRead, Read
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.modality import Modality
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import ReadingMode
from ui.case_views import CASE_VIEWS
from ui.opinion_content import opinion_content, without_ai
from ui.panel_content import (
    LIKELY_REASONS,
    Choices,
    PanelCase,
    adjudication_content,
    reading_content,
    second_read_content,
)

PHOTOGRAPHS = CASE_VIEWS[Modality.PHOTOGRAPHS]
FIRST = Read(("acne",), Urgency.ROUTINE, Certainty.UNSURE, NOON)
PANEL = PanelCase(7, Choices(("melanoma", "acne")), None, date(2025, 6, 2))
FEATURES = (Feature("border", "Irregular border"), Feature("colour", "Several colours"))


def view(**changes: Any) -> ReaderView:
    given = {
        "id": 3,
        "case_id": 7,
        "reviewer": "Ann",
        "opened_at": NOON,
        "first": None,
        "revealed_at": None,
        "prediction_id": None,
        "final": None,
        "state": CaseState.INFERRED,
        "version": 5,
        "policy": CasePolicy(ReadingMode.BLIND, priority_visible=False),
    }
    return ReaderView(**{**given, **changes})


def shown(decision: Decision | None) -> dict[str, Any]:
    return opinion_content(
        None if decision is None else Opinion("first", decision.for_reader()),
        PHOTOGRAPHS.words,
        concurrent=False,
        listed_reasons={},
    )


def decided(state: CaseState = CaseState.DECIDED, **final: Any) -> ReaderView:
    return view(first=FIRST, state=state, final=FinalRead(FIRST, **final))


def test_a_first_read_holds_nothing_but_what_can_be_answered() -> None:
    content = reading_content(PANEL, view(), None)
    assert (content["stage"], content["form"], content["version"]) == ("first_read", "first-3", 5)
    assert content["opinion"] is content["first"] is content["draft"] is None
    assert content["paths"] == []
    assert [one["key"] for one in content["choices"]["urgencies"]] == ["1", "2", "3", "4"]
    assert [one["key"] for one in content["choices"]["certainties"]] == ["5", "6", "7", "8"]
    json.dumps(content, allow_nan=False)


def test_choices_are_sorted_by_name_and_not_listed_comes_last() -> None:
    names = [one["name"] for one in Choices(("zoster", "acne", "Milia")).content()["conditions"]]
    assert names == ["Acne", "Milia", "Zoster", "Other / not listed"]
    further = Choices(("acne",)).content(("of_before", "not_listed"))["conditions"]
    assert [one["value"] for one in further] == ["acne", "of_before", "not_listed"]


def test_a_draft_is_given_to_its_form_only() -> None:
    kept = replace(PANEL, draft={"form": "first-3", "answers": {"comment": "x"}})
    assert reading_content(kept, view(), None)["draft"] == {"comment": "x"}
    assert reading_content(kept, view(first=FIRST), shown(opinion()))["draft"] is None
    for wrong in ({}, {"form": "first-3"}, {"form": "first-3", "answers": 3}):
        assert reading_content(replace(PANEL, draft=wrong), view(), None)["draft"] is None


@pytest.mark.parametrize(
    ("first", "card", "paths"),
    [
        (FIRST, shown(opinion()), ["keep", "ai", "other"]),
        (FIRST, shown(abstention()), ["keep", "other"]),
        (FIRST, shown(None), ["keep", "other"]),
        (FIRST, without_ai(), ["keep", "other"]),
        (None, shown(opinion()), ["ai", "other"]),
        (None, shown(abstention()), []),
    ],
)
def test_whose_reading_can_be_followed(
    first: Read | None, card: dict[str, Any], paths: list[str]
) -> None:
    policy = CasePolicy(ReadingMode.CONCURRENT if first is None else ReadingMode.BLIND, True)
    content = reading_content(PANEL, view(first=first, policy=policy), card)
    assert content["stage"] == "decide"
    assert [path["value"] for path in content["paths"]] == paths
    assert "value" not in content  # none is chosen


@pytest.mark.parametrize("code", list(AbstainReason))
def test_what_can_follow_an_abstention(code: AbstainReason) -> None:
    due = date(2025, 6, 9)
    content = reading_content(PANEL, view(first=FIRST), shown(abstention(code)), specialist_by=due)
    asked = content["opinion"]["follow_up"]
    cured = code in (
        AbstainReason.WRONG_MODALITY,
        AbstainReason.QUALITY,
        AbstainReason.MISSING_METADATA,
    )
    assert asked["kinds"][0]["value"] == ("retake" if cured else "specialist")
    assert {kind["value"] for kind in asked["kinds"]} == {"retake", "specialist", "none"}
    assert asked["by"] == "2025-06-09"
    overdue = reading_content(
        PANEL, view(first=FIRST), shown(abstention(code)), specialist_by=date(2025, 5, 1)
    )
    assert overdue["opinion"]["follow_up"]["by"] == "2025-06-02"


def test_an_abstention_holds_no_condition_and_no_probability() -> None:
    text = json.dumps(shown(abstention()))
    assert "melanoma" not in text.lower()
    assert "of 100" not in text
    assert shown(abstention())["queue_urgency"] == "semi_urgent"


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
def test_the_numbers_fit_into_100(
    p_outlier: float | None, differential: tuple[tuple[str, float], ...], wanted: list[str]
) -> None:
    card = shown(opinion(p_outlier=p_outlier, differential=ranked(*differential)))
    counts = [bar["count"].removesuffix(" of 100") for bar in card["bars"]]
    assert counts == wanted
    assert sum(int(text.split()[-1]) for text in counts if text.startswith("about")) <= 100
    assert [bar["none"] for bar in card["bars"]].count(True) == (p_outlier is not None)
    likelier = p_outlier is not None and p_outlier >= (1 - p_outlier) * differential[0][1]
    assert ("of those it knows" in card["likeliest"]["before"]) is likelier


def test_the_most_severe_plausible_condition_has_a_bar_however_improbable() -> None:
    card = shown(opinion(p_outlier=0.0, most_severe="melanoma_in_situ", p_most_severe=0.02))
    noted = {bar["name"]: (bar["note"], bar["share"]) for bar in card["bars"] if bar["note"]}
    assert noted == {"Melanoma in situ": ("most severe", 0.02)}
    both = shown(
        opinion(
            most_severe="melanoma",
            p_most_severe=0.83,
            prediction_set=("melanoma",),
            set_coverage=0.9,
        )
    )
    assert both["bars"][0]["note"] == "in the set · most severe"


def test_the_set_and_plausible_conditions_always_have_a_bar() -> None:
    many = tuple((f"condition_{at}", 0.1) for at in range(10))
    card = shown(
        opinion(
            p_outlier=0.0,
            condition="condition_0",
            differential=ranked(*many),
            prediction_set=("condition_0", "condition_9"),
            set_coverage=0.9,
        )
    )
    assert len(card["bars"]) == 11
    assert [bar["name"] for bar in card["bars"] if bar["note"] == "in the set"] == [
        "Condition 0",
        "Condition 9",
    ]
    rare = ranked(("melanoma", 0.9), *((f"rare_{at}", 0.01) for at in range(10)))
    names = [bar["name"] for bar in shown(opinion(p_outlier=0.0, differential=rare))["bars"]]
    assert names[-2:] == ["Another condition it knows", "None of the conditions it knows"]
    assert len(names) == 8


def test_fields_that_an_earlier_version_did_not_store_are_not_shown() -> None:
    card = shown(opinion(aleatoric=None, epistemic=None))
    assert card["doubt"] is None
    assert card["set"] is None
    assert not any("oubt" in text for text in card["about"])


@pytest.mark.parametrize(
    ("state", "undo", "amend", "note"),
    [
        (CaseState.DECIDED, True, False, ""),
        (CaseState.ADJUDICATION, False, False, "adjudication"),
        (CaseState.SIGNED, False, True, "signed"),
        (CaseState.EXPORTED, False, True, "signed"),
        (CaseState.AMENDED, False, True, "signed"),
    ],
)
def test_what_can_be_done_after_the_decision(
    state: CaseState, undo: bool, amend: bool, note: str
) -> None:
    step = reading_content(PANEL, decided(state), shown(opinion()), may_sign=True)["next"]
    assert (step["can_undo"], step["can_amend"]) == (undo, amend)
    assert note in " ".join(step["notes"])
    assert not reading_content(PANEL, decided(state), None)["next"]["can_amend"]


def test_that_a_second_reader_is_asked_for_is_not_said() -> None:
    """One always is of planted cases, which the first reader could tell apart, and then undo."""
    waits, final = (
        reading_content(PANEL, decided(state), shown(opinion()))
        for state in (CaseState.SECOND_READ, CaseState.DECIDED)
    )
    assert waits == final


def test_a_decision_is_said_with_reason_comment_and_follow_up() -> None:
    follow_up = {"kind": "specialist", "by": "2025-06-09", "text": ""}
    final = {"reason_code": "R4", "comment": "Two\nlines", "follow_up": follow_up}
    said = reading_content(PANEL, decided(**final), None)["next"]["decided"]
    assert said["text"] == "Acne, routine, unsure"
    assert said["more"] == [
        "Reason: The clinical history (R4)",
        "To follow: a specialist by 09 June 2025",
        "Comment: Two\nlines",
    ]
    for kind, words in (("retake", "a retake (blurred)"), ("none", "because: blurred")):
        given = {"kind": kind, "by": None, "text": "blurred"}
        (line,) = reading_content(PANEL, decided(follow_up=given), None)["next"]["decided"]["more"]
        assert words in line


def test_similar_cases_come_after_the_decision_only() -> None:
    found = {"title": "Similar cases", "intro": "", "note": "", "cards": []}
    panel = replace(PANEL, similar=found)
    assert reading_content(panel, decided(), None)["next"]["similar"] == found
    for earlier in (view(), view(first=FIRST)):
        assert "Histology" not in json.dumps(reading_content(panel, earlier, shown(opinion())))


def test_a_second_read_shows_nothing_of_the_first_or_of_the_ai() -> None:
    content = second_read_content(PANEL, SecondReadView(7, "Ben", 4))
    assert content["stage"] == "second_read"
    assert content["opinion"] is content["first"] is content["rounds"] is None
    given = second_read_content(PANEL, SecondReadView(7, "Ben", 5, FIRST, "Typical."))
    assert given["next"]["decided"]["text"] == "Acne, routine, unsure"
    assert not given["next"]["can_undo"]
    assert given["next"]["main"] == "Back to the list"


def test_an_adjudication_shows_complete_rounds_and_asks_the_rubric() -> None:
    answer = AdjudicationAnswer(
        "Reader 1", True, ("acne",), Urgency.ROUTINE, Certainty.SURE,
        {"border": "yes", "colour": "cannot_tell"}, "Typical.",
    )  # fmt: skip
    turn = AdjudicationView(7, 9, True, 2, 5, False, True, (AdjudicationRound(1, (answer,)),), None)
    content = adjudication_content(PANEL, turn, FEATURES)
    assert (content["stage"], content["form"]) == ("adjudication", "adjudication-7-2")
    assert [one["key"] for one in content["rubric"]] == ["border", "colour"]
    (card,) = content["rounds"][0]["answers"]
    assert card["own"]
    assert card["features"] == "To be seen: Irregular border; cannot tell: Several colours"
    waiting = replace(turn, in_turn=False, own=answer)
    said = adjudication_content(PANEL, waiting, FEATURES)
    assert said["rubric"] is None
    assert "has not answered yet" in said["next"]["notes"][0]
    closed = adjudication_content(PANEL, replace(turn, open=False, in_turn=False), FEATURES)
    assert "closed" in closed["next"]["notes"][0]


def test_every_kind_of_departure_has_likely_reasons_that_exist() -> None:
    known = {one["value"] for one in Choices(()).content()["reasons"]}
    assert known == {reason.value for reason in OverrideReason}
    for reasons in LIKELY_REASONS.values():
        assert 2 <= len(set(reasons)) <= 3
