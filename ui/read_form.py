"""The form of a read: conditions, urgency and certainty, the same before and after the reveal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from triage.review import Certainty
from triage.store import NOT_LISTED
from triage.store.records import Read
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
        }

    @classmethod
    def from_json(cls, content: Any, comment: str = "") -> Answers | None:
        """Return answers that `as_json` gave; None of anything else."""
        try:
            return cls(
                tuple(str(one) for one in content["conditions"]),
                None if content["urgency"] is None else Urgency(content["urgency"]),
                None if content["certainty"] is None else Certainty(content["certainty"]),
                comment,
            )
        except (KeyError, TypeError, ValueError):
            return None


def of_read(read: Read | None) -> Answers | None:
    """Return a read as answers to begin with."""
    if read is None:
        return None
    return Answers(read.conditions, read.urgency, Certainty(read.certainty))


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
