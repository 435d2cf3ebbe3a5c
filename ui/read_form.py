"""The reader's three answers, asked the same way before and after the reveal."""

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
    """What the reader has chosen so far."""

    condition: str | None
    urgency: Urgency | None
    certainty: Certainty | None

    def missing(self) -> str:
        """Return what is still to choose, in words; empty if nothing."""
        parts = {
            "a condition": self.condition,
            "an urgency": self.urgency,
            "how certain you are": self.certainty,
        }
        return ", ".join(name for name, value in parts.items() if value is None)

    def complete(self) -> tuple[str, Urgency, Certainty] | None:
        """Return the three answers, or None after telling the reader which are missing."""
        if self.condition is None or self.urgency is None or self.certainty is None:
            st.error(f"Still to choose: {self.missing()}.", icon=":material/error:")
            return None
        return self.condition, self.urgency, self.certainty


def ask(conditions: tuple[str, ...], key: str, start: Read | None = None) -> Answers:
    """Draw the three questions inside a form.

    Parameters
    ----------
    conditions : tuple of str
        What the systems here know; 'not listed' is added.
    key : str
        Prefix of the widgets' keys; names the case, so that answers never carry over.
    start : Read, optional
        Answers to begin with: the reader's own first read, never the AI's. Without
        it nothing is chosen, so that no answer is suggested.
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
