"""The form of a read: condition, urgency and certainty, the same before and after the reveal."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from triage.review import Certainty
from triage.store import NOT_LISTED
from triage.store.records import Read
from triage.vocabulary.clinical import Urgency
from ui.words import CERTAINTIES, URGENCIES, condition_name


@dataclass(frozen=True, slots=True)
class Answers:
    """The reader's answers; None where nothing is chosen yet."""

    condition: str | None
    urgency: Urgency | None
    certainty: Certainty | None

    def missing(self) -> str:
        """Return the names of the missing answers, separated by commas."""
        parts = {
            "a condition": self.condition,
            "an urgency": self.urgency,
            "how certain you are": self.certainty,
        }
        return ", ".join(name for name, value in parts.items() if value is None)

    def complete(self) -> tuple[str, Urgency, Certainty] | None:
        """Return the three answers, or None after an error message that names the missing ones."""
        if self.condition is None or self.urgency is None or self.certainty is None:
            st.error(f"Still to choose: {self.missing()}.", icon=":material/error:")
            return None
        return self.condition, self.urgency, self.certainty


def ask(conditions: tuple[str, ...], key: str, start: Read | None = None) -> Answers:
    """Draw the three questions inside a form.

    Parameters
    ----------
    conditions : tuple of str
        Conditions to choose from; 'not listed' is added.
    key : str
        Prefix of the widgets' keys. It identifies the review, so that no answer is carried over
        to another case.
    start : Read, optional
        Initial answers: the reader's own first read, never the AI's opinion. Without it nothing is
        chosen, so that no answer is suggested.
    """
    choices = sorted({*conditions, *([start.condition] if start else [])} - {NOT_LISTED})
    choices.append(NOT_LISTED)
    urgencies, certainties = list(URGENCIES), list(CERTAINTIES)
    condition: str | None = st.selectbox(
        "Condition",
        choices,
        index=choices.index(start.condition) if start else None,
        format_func=condition_name,
        placeholder="Choose, or type to search",
        key=f"{key}-condition",
    )
    urgency: Urgency | None = st.radio(
        "Urgency",
        urgencies,
        index=urgencies.index(start.urgency) if start else None,
        format_func=URGENCIES.__getitem__,
        horizontal=True,
        key=f"{key}-urgency",
    )
    certainty: Certainty | None = st.radio(
        "How certain are you?",
        certainties,
        index=certainties.index(Certainty(start.certainty)) if start else None,
        format_func=CERTAINTIES.__getitem__,
        horizontal=True,
        key=f"{key}-certainty",
    )
    return Answers(condition, urgency, certainty)
