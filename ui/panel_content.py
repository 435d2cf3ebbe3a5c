"""What the panel of a case shows and asks, as JSON takes it.

Pure: made from what the steps of `triage.review` return. Of the AI's opinion it holds only what it
is given, and it is given none before the reader's first read is locked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from triage.review import AdjudicationView, Certainty, FollowUpKind, ReaderView, SecondReadView
from triage.review.guards import LONGEST_TEXT
from triage.review.rubric import Feature, RubricAnswer
from triage.store import NOT_LISTED
from triage.store.records import FinalRead, Read
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import ReadingMode
from ui.panel_answers import decision_form, first_read_form
from ui.words import CERTAINTIES, URGENCIES, condition_name, plain_text

LIKELY_REASONS: Mapping[str, tuple[OverrideReason, ...]] = {
    "lower": (OverrideReason.FALSE_FINDING, OverrideReason.HISTORY, OverrideReason.QUALITY),
    "higher": (
        OverrideReason.MISSED_FINDING,
        OverrideReason.HISTORY,
        OverrideReason.SHOULD_ABSTAIN,
    ),
    "towards": (
        OverrideReason.MISSED_FINDING,
        OverrideReason.FALSE_FINDING,
        OverrideReason.HISTORY,
    ),
    "abstention": (OverrideReason.FALSE_ALARM, OverrideReason.HISTORY, OverrideReason.QUALITY),
    "own": (OverrideReason.MISSED_FINDING, OverrideReason.FALSE_FINDING, OverrideReason.HISTORY),
}
"""Reasons offered first for each kind of departure; the others follow behind 'More'. Ours."""

WRONG_WITH_IMAGES = (
    "Blurred",
    "Too dark or too bright",
    "Wrong side or place",
    "Images are missing",
    "Information is missing",
)
NEXT_ACTIONS = ("Retake the images", "Send the missing images", "Refer to a specialist")
SKIP_REASONS = ("Not enough time now", "I know the patient", "Outside what I read")

STEPS = ("First read", "Compare, decide", "Next")
RETAKE = frozenset(
    {AbstainReason.WRONG_MODALITY, AbstainReason.QUALITY, AbstainReason.MISSING_METADATA}
)
"""Reasons of an abstention that other images or information would cure."""
_SIGNED = (CaseState.SIGNED, CaseState.EXPORTED, CaseState.AMENDED)


@dataclass(frozen=True, slots=True)
class Choices:
    """The conditions to choose from, and whether several may be named."""

    conditions: tuple[str, ...]
    several: bool = False

    def content(self, further: Sequence[str] = ()) -> dict[str, Any]:
        """Return every choice; `further` conditions were named before and stay on the list."""
        offered = {*self.conditions, *further} - {NOT_LISTED}
        named = sorted(({"value": one, "name": condition_name(one)} for one in offered),
                       key=lambda one: one["name"].casefold())  # fmt: skip
        named.append({"value": NOT_LISTED, "name": condition_name(NOT_LISTED)})
        return {
            "conditions": named,
            "several": self.several,
            "urgencies": [
                {"value": one.value, "name": name, "key": str(at), "tone": one.value}
                for at, (one, name) in enumerate(URGENCIES.items(), 1)
            ],
            "certainties": [
                {"value": one.value, "name": name, "key": str(at)}
                for at, (one, name) in enumerate(CERTAINTIES.items(), len(URGENCIES) + 1)
            ],
            "reasons": [
                {"value": one.value, "name": one.sentence, "note": one.value}
                for one in OverrideReason
            ],
            "likely": {
                kind: [one.value for one in reasons] for kind, reasons in LIKELY_REASONS.items()
            },
            "needs_comment": OverrideReason.OTHER.value,
        }


@dataclass(frozen=True, slots=True)
class PanelCase:
    """What the content of a panel is made from, whatever the work.

    Parameters
    ----------
    case_id : int
    choices : Choices
    draft : mapping, optional
        What `triage.review.drafts.draft_of` returned.
    today : date
    similar : mapping, optional
        As `ui.similar_cases.similar_cases_content` makes it; None before the decision.
    account : str
        Of the person for whom the panel is drawn (`ui.serving.sessions.account_key`).
    """

    case_id: int
    choices: Choices
    draft: Mapping[str, Any] | None
    today: date
    similar: Mapping[str, Any] | None = None
    account: str = "local"

    def base(
        self, form: str, version: int, stage: str, named: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Return what every panel has."""
        kept = self.draft if self.draft and self.draft.get("form") == form else None
        answers = kept.get("answers") if kept else None
        return {
            "case": self.case_id,
            "account": self.account,
            "form": form,
            "version": version,
            "stage": stage,
            "choices": self.choices.content(named),
            "limits": {"text": LONGEST_TEXT},
            "draft": answers if isinstance(answers, Mapping) else None,
            "first": None,
            "opinion": None,
            "rubric": None,
            "rounds": None,
            "asides": None,
            "paths": [],
            "notice": "",
            "form_note": "",
        }


def reading_content(
    panel: PanelCase, review: ReaderView, opinion: Mapping[str, Any] | None, *,
    specialist_by: date | None = None, may_sign: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Return the panel of a reading, at the step that the reader has reached.

    Parameters
    ----------
    panel : PanelCase
    review : ReaderView
    opinion : mapping or None
        As `ui.opinion_content` makes it; None before the first read is locked.
    specialist_by : date, optional
        Deadline of the case's class, where the AI abstained.
    may_sign : bool
        Whether the reader may add to a signed case.
    """
    concurrent = review.policy.mode is ReadingMode.CONCURRENT
    asides = {
        "wrong": list(WRONG_WITH_IMAGES),
        "next_actions": list(NEXT_ACTIONS),
        "skip_reasons": list(SKIP_REASONS),
    }
    if review.final is not None:
        content = panel.base(f"next-{review.id}", review.version, "next")
        next_step = _next(review, panel, may_sign=may_sign)
        return content | {"opinion": opinion, "next": next_step, **_steps(2)}
    if review.first is None and not concurrent:
        content = panel.base(first_read_form(review), review.version, "first_read")
        note = "Without the AI. It is stored and cannot be changed afterwards."
        return content | {"asides": asides, "form_note": note, **_steps(0)}
    named = review.first.conditions if review.first else ()
    content = panel.base(decision_form(review), review.version, "decide", named)
    shown = dict(opinion) if opinion is not None else None
    if shown is not None and shown["kind"] == "abstention":
        shown["follow_up"] = _follow_up(shown["code"], specialist_by, panel.today)
    return content | {
        "opinion": shown,
        "first": None if review.first is None else _first(review.first),
        "paths": _paths(review.first, shown),
        "asides": asides,
        **_steps(1),
    }


def second_read_content(panel: PanelCase, view: SecondReadView) -> dict[str, Any]:
    """Return the panel of a second read: nothing of the first read and nothing of the AI."""
    steps = {"steps": ["Second read"], "step": 0}
    form = f"second-{view.case_id}"
    if view.given is not None:
        content = panel.base(f"{form}-given", view.version, "next")
        given = _decided("Your second read:", view.given, view.comment, [])
        return content | {"next": _next_step(given, []), **steps}
    note = "By yourself: neither the first read nor the AI is shown. It cannot be changed."
    return panel.base(form, view.version, "second_read") | {"form_note": note, **steps}


def adjudication_content(
    panel: PanelCase, view: AdjudicationView, features: Sequence[Feature]
) -> dict[str, Any]:
    """Return the panel of an adjudication: complete rounds, and the form if it is one's turn."""
    rounds = [
        {
            "title": f"Round {one.number}",
            "answers": [_answer(answer, features) for answer in one.answers],
        }
        for one in view.complete
    ]
    senior = "a senior reader decides" if view.as_senior else f"of at most {view.rounds} rounds"
    steps = {"steps": [f"Adjudication, round {view.round} ({senior})"], "step": 0}
    form = f"adjudication-{view.case_id}-{view.round}"
    if view.open and view.in_turn:
        content = panel.base(form, view.version, "adjudication")
        rubric = [{"key": one.key, "title": one.title} for one in features]
        note = "" if rounds else "Nobody sees the answers of a round before all have given theirs."
        return content | {"rubric": rubric, "rounds": rounds, "form_note": note, **steps}
    if not view.open:
        steps["steps"] = ["Adjudication, closed"]
        notes = ["The adjudication of this case is closed."]
    else:
        notes = ["Your answer of this round is stored. The other reader has not answered yet."]
    own = None
    if view.own is not None:
        own = {
            "title": "Your answer:",
            "text": _stated(view.own.conditions, view.own.urgency, view.own.certainty),
            "more": [],
        }
    content = panel.base(f"{form}-given", view.version, "next")
    return content | {"rounds": rounds, "next": _next_step(own, notes), **steps}


def _steps(at: int) -> dict[str, Any]:
    return {"steps": list(STEPS), "step": at}


def _stated(conditions: Sequence[str], urgency: Urgency, certainty: str) -> str:
    named = ", ".join(condition_name(one) for one in conditions)
    return f"{named}, {URGENCIES[urgency].lower()}, {CERTAINTIES[Certainty(certainty)].lower()}"


def _first(read: Read) -> dict[str, Any]:
    return {
        "conditions": list(read.conditions),
        "urgency": read.urgency.value,
        "certainty": read.certainty,
        "text": _stated(read.conditions, read.urgency, read.certainty),
    }


def _paths(first: Read | None, opinion: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Whose reading a decision can follow; with one way only there is nothing to choose."""
    paths = []
    if first is not None:
        paths.append({"value": "keep", "name": "Keep mine", "key": "K"})
    if opinion is not None and opinion["kind"] == "opinion":
        paths.append({"value": "ai", "name": "Take the AI’s", "key": "A"})
    return [*paths, {"value": "other", "name": "Other", "key": "O"}] if paths else []


def _follow_up(code: str, specialist_by: date | None, today: date) -> dict[str, Any]:
    retake = code in {one.value for one in RETAKE}
    ask = {
        "value": FollowUpKind.RETAKE.value,
        "name": "Ask for a retake",
        "note": "other images or the missing information",
    }
    refer = {
        "value": FollowUpKind.SPECIALIST.value,
        "name": "To the specialist queue",
        "note": "by a day within the deadline of the class",
    }
    neither = {"value": FollowUpKind.NONE.value, "name": "Neither, because…"}
    return {
        "kinds": [ask, refer, neither] if retake else [refer, ask, neither],
        "wrong": list(WRONG_WITH_IMAGES),
        "by": max(today, specialist_by or today).isoformat(),
        "today": today.isoformat(),
    }


def _next(review: ReaderView, panel: PanelCase, *, may_sign: bool) -> dict[str, Any]:
    assert review.final is not None, "the reader has decided"
    # Whether a second reader is asked for is not said: of planted cases one always is.
    notes = []
    if review.state is CaseState.ADJUDICATION:
        notes = ["Another reader disagrees: the case is in adjudication."]
    if review.state in _SIGNED:
        notes = ["The case is signed."]
    return _next_step(_final(review.final), notes) | {
        "can_undo": review.state in (CaseState.DECIDED, CaseState.SECOND_READ),
        "can_amend": may_sign and review.state in _SIGNED,
        "similar": panel.similar,
        "main": "Next case",
    }


def _next_step(decided: Mapping[str, Any] | None, notes: Sequence[str]) -> dict[str, Any]:
    return {
        "main": "Back to the list",
        "decided": decided,
        "notes": list(notes),
        "can_undo": False,
        "can_amend": False,
        "similar": None,
    }


def _final(final: FinalRead) -> dict[str, Any]:
    more = []
    if final.reason_code is not None:
        more.append(f"Reason: {OverrideReason(final.reason_code).sentence} ({final.reason_code})")
    if final.follow_up is not None:
        more.append(f"To follow: {_follow_up_text(final.follow_up)}")
    return _decided("You decided:", final.read, final.comment, more)


def _follow_up_text(follow_up: Mapping[str, object]) -> str:
    text = plain_text(str(follow_up["text"] or ""))
    match FollowUpKind(str(follow_up["kind"])):
        case FollowUpKind.RETAKE:
            return f"a retake ({text})"
        case FollowUpKind.SPECIALIST:
            day = date.fromisoformat(str(follow_up["by"]))
            return f"a specialist by {day:%d %B %Y}"
        case FollowUpKind.NONE:
            return f"neither a retake nor a specialist, because: {text}"


def _decided(title: str, read: Read, comment: str, more: Sequence[str]) -> dict[str, Any]:
    lines = [*more, *([f"Comment: {comment}"] if comment else [])]
    text = _stated(read.conditions, read.urgency, read.certainty)
    return {"title": title, "text": text, "more": lines}


def _answer(answer: Any, features: Sequence[Feature]) -> dict[str, Any]:
    seen = [one.title for one in features if answer.rubric.get(one.key) == RubricAnswer.YES]
    unsure = [
        one.title for one in features if answer.rubric.get(one.key) == RubricAnswer.CANNOT_TELL
    ]
    parts = [f"To be seen: {', '.join(seen) or 'none'}"]
    if unsure:
        parts.append(f"cannot tell: {', '.join(unsure)}")
    return {
        "reader": answer.reader,
        "own": answer.own,
        "conditions": ", ".join(condition_name(one) for one in answer.conditions),
        "stated": f"{URGENCIES[answer.urgency]}, {CERTAINTIES[answer.certainty].lower()}",
        "urgency": answer.urgency.value,
        "features": "; ".join(parts),
        "comment": answer.comment,
    }
