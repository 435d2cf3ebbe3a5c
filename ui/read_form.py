"""The form of a read: conditions, urgency and certainty, the same before and after the reveal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from triage.review import Certainty, OverrideReason, ReaderView
from triage.store import NOT_LISTED
from triage.store.records import FinalRead, Read
from triage.vocabulary.clinical import Urgency
from ui.words import CERTAINTIES, URGENCIES, condition_name


@dataclass(frozen=True, slots=True)
class Choices:
    """The conditions to choose from, and whether several may be named."""

    conditions: tuple[str, ...]
    several: bool = False


@dataclass(frozen=True, slots=True)
class CompleteAnswers:
    """Answers of which none is missing."""

    conditions: tuple[str, ...]
    urgency: Urgency
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Answers:
    """The reader's answers; empty or None where nothing is chosen yet."""

    conditions: tuple[str, ...]
    urgency: Urgency | None
    certainty: Certainty | None
    reason: OverrideReason | None = None
    comment: str = ""

    def missing(self) -> str:
        """Return the names of the missing answers, separated by commas."""
        parts = {
            "a condition": self.conditions or None,
            "an urgency": self.urgency,
            "how certain you are": self.certainty,
        }
        return ", ".join(name for name, value in parts.items() if value is None)

    def complete(self) -> CompleteAnswers | None:
        """Return the answers, or None after an error message that names the missing ones."""
        if not self.conditions or self.urgency is None or self.certainty is None:
            st.error(f"Still to choose: {self.missing()}.", icon=":material/error:")
            return None
        return CompleteAnswers(self.conditions, self.urgency, self.certainty)

    def as_json(self) -> dict[str, Any]:
        """Return the answers as plain JSON types."""
        return {
            "conditions": list(self.conditions),
            "urgency": self.urgency,
            "certainty": self.certainty,
            "reason": self.reason,
            "comment": self.comment,
        }

    @classmethod
    def from_json(cls, content: Any) -> Answers | None:
        """Return answers that `as_json` gave; None of anything else."""
        try:
            return cls(
                tuple(str(one) for one in content["conditions"]),
                None if content["urgency"] is None else Urgency(content["urgency"]),
                None if content["certainty"] is None else Certainty(content["certainty"]),
                None if content["reason"] is None else OverrideReason(content["reason"]),
                str(content["comment"]),
            )
        except (KeyError, TypeError, ValueError):
            return None


def of_read(read: Read | None) -> Answers | None:
    """Return a read as answers to begin with."""
    if read is None:
        return None
    return Answers(read.conditions, read.urgency, Certainty(read.certainty))


def of_decision(final: FinalRead) -> Answers:
    """Return a decision as answers to begin with, such as after it was undone."""
    read = final.read
    reason = None if final.reason_code is None else OverrideReason(final.reason_code)
    certainty = Certainty(read.certainty)
    return Answers(read.conditions, read.urgency, certainty, reason, final.comment)


def first_key(review: ReaderView) -> str:
    """Return the prefix of the keys of the form for a first read."""
    return f"first-{review.id}"


def final_key(review: ReaderView) -> str:
    """Return the prefix of the keys of the form for a decision."""
    return f"final-{review.id}"


def submit_key(key: str) -> str:
    """Return the key of the button that sends the form of a prefix."""
    return f"{key}-submit"


def sent(key: str) -> Answers | None:
    """Return what a form holds that was sent in this run; None if it was not.

    For a form that is not drawn now, because the case has changed since it was shown. Called
    before the form would be drawn.
    """
    state = st.session_state
    if not state.get(submit_key(key)):
        return None
    chosen: str | list[str] | None = state.get(f"{key}-condition")
    conditions = (chosen,) if isinstance(chosen, str) else tuple(chosen or ())
    return Answers(
        conditions,
        state.get(f"{key}-urgency"),
        state.get(f"{key}-certainty"),
        state.get(f"{key}-reason"),
        state.get(f"{key}-comment") or "",
    )


def ask(choices: Choices, key: str, start: Answers | None = None) -> Answers:
    """Draw the three questions inside a form.

    Parameters
    ----------
    choices : Choices
        Conditions to choose from; 'not listed' is added.
    key : str
        Prefix of the widgets' keys. It identifies the review, so that no answer is carried over
        to another case.
    start : Answers, optional
        Initial answers: the reader's own, never the AI's opinion. Without them nothing is chosen,
        so that no answer is suggested.
    """
    begun = start or Answers((), None, None)
    offered = sorted({*choices.conditions, *begun.conditions} - {NOT_LISTED})
    offered.append(NOT_LISTED)
    urgencies, certainties = list(URGENCIES), list(CERTAINTIES)
    conditions = _ask_conditions(offered, begun.conditions, key, several=choices.several)
    urgency: Urgency | None = st.radio(
        "Urgency",
        urgencies,
        index=urgencies.index(begun.urgency) if begun.urgency else None,
        format_func=URGENCIES.__getitem__,
        horizontal=True,
        key=f"{key}-urgency",
    )
    certainty: Certainty | None = st.radio(
        "How certain are you?",
        certainties,
        index=certainties.index(begun.certainty) if begun.certainty else None,
        format_func=CERTAINTIES.__getitem__,
        horizontal=True,
        key=f"{key}-certainty",
    )
    return Answers(conditions, urgency, certainty)


def _ask_conditions(
    offered: list[str], begun: tuple[str, ...], key: str, *, several: bool
) -> tuple[str, ...]:
    if several:
        return tuple(
            st.multiselect(
                "Diagnoses, the main one first",
                offered,
                default=list(begun),
                format_func=condition_name,
                placeholder="Choose, or type to search",
                key=f"{key}-condition",
            )
        )
    condition: str | None = st.selectbox(
        "Condition",
        offered,
        index=offered.index(begun[0]) if begun else None,
        format_func=condition_name,
        placeholder="Choose, or type to search",
        key=f"{key}-condition",
    )
    return () if condition is None else (condition,)
