"""How a case is read, every shortcut, what the numbers mean, and whom to ask."""

from __future__ import annotations

import streamlit as st

from triage.accounts.sessions import Session
from triage.store import Store
from triage.vocabulary.read_answers import OverrideReason
from ui import frame, html_table
from ui.html_table import Column
from ui.shortcuts import GROUPS, keys_of

_STEPS = (
    (
        "Open",
        "From the worklist. The case is reserved for you for a quarter of an hour after each step.",
    ),
    (
        "First read",
        "Name condition, urgency and how certain you are, before you see the AI. Once locked it "
        "cannot change.",
    ),
    (
        "Reveal",
        "The AI's opinion, or a card that says that it has none. A part of all cases is read "
        "without it, so that the AI and its readers can be measured.",
    ),
    (
        "Decision",
        "It begins with your answers, never the AI's. Where it differs from the AI or from your "
        "first read, give a reason. You can undo it until the case is signed.",
    ),
)
_NUMBERS = (
    (
        "About 75 of 100 such cases",
        "Of 100 cases that look like this one to the system, how many have the condition. The "
        "numbers of one card fit into 100.",
    ),
    (
        "None of the conditions it knows",
        "Of 100 such cases, how many have something else than the system was trained on.",
    ),
    (
        "With 90 % coverage",
        "A set of conditions. Of 100 cases of conditions that the system knows, 90 have the true "
        "one in theirs.",
    ),
    (
        "Doubt",
        "How much the system hesitates between the conditions that it knows: because the picture "
        "fits several, or because its models disagree.",
    ),
    (
        "No AI opinion",
        "The system abstains. This does not mean low risk: such a case waits as semi-urgent or "
        "above.",
    ),
    (
        "[4.1, 9.7]",
        "On the governance page: the 95 % interval. The fewer cases, the wider it is.",
    ),
    (
        "In control",
        "On the page of monitoring: no change as large as the one that the chart is made to find "
        "has shown itself. *Not enough evidence* is not the same: too few cases came to tell.",
    ),
)
_DOCUMENTS = "More is in the documentation of the software: *Reviewing cases* (docs/reviewing.md)."


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    frame.name_window("Help")
    html_table.show_style()
    st.title("Help", anchor=False)
    left, right = st.columns(2, gap="large")
    with left:
        _reading()
        _numbers()
        _reasons()
    with right:
        _keys()
    _sizes()
    _people(session)


def _reading() -> None:
    st.header("How a case is read", anchor=False)
    st.markdown(
        "\n".join(f"{at}. **{title}.** {text}" for at, (title, text) in enumerate(_STEPS, 1))
    )
    st.markdown(
        "Why first without the AI: whoever sees an answer first tends to lean on it, right or "
        "wrong. After the decision, some cases go to a **second reader**; where readers disagree, "
        "they answer again in an **adjudication**. Decided cases are **signed**, and signed ones "
        "have a letter."
    )


def _keys() -> None:
    st.header("Keyboard", anchor=False)
    st.caption("Single letters and digits work while no text is being typed.")
    for group in GROUPS:
        html_table.show_table(
            group,
            (Column("Keys"), Column("What they do")),
            [(html_table.keys(keys.split(", ")), what) for keys, what in keys_of(group)],
            named=True,
        )


def _numbers() -> None:
    st.header("What the numbers mean", anchor=False)
    columns = (Column("It says"), Column("It means"))
    html_table.show_table("What the numbers mean", columns, _NUMBERS)
    st.caption(_DOCUMENTS)


def _reasons() -> None:
    st.header("Reasons for departing", anchor=False)
    st.caption("Where a decision differs from the AI's opinion or from your own first read.")
    html_table.show_table(
        "Reasons for departing",
        (Column("Code"), Column("Reason")),
        [(reason.value, reason.sentence) for reason in OverrideReason],
    )


def _sizes() -> None:
    st.header("Sizes", anchor=False)
    st.markdown(
        "The pages fit windows from 390 pixels (a phone) on. Text and pictures follow the zoom of "
        "the browser. At 1280 pixels and more, picture, opinion and main button are seen together. "
        "Nothing is said by colour alone."
    )


def _people(session: Session) -> None:
    st.header("Whom to ask", anchor=False)
    st.markdown(
        "- **Accounts, passwords, signing in:** an administrator.\n"
        "- **A wrong or missing picture, a case of the wrong patient:** state that the case cannot "
        "be graded, and tell whoever sends the cases.\n"
        "- **An opinion that is plainly wrong:** decide as you think right, with the reason; tell "
        "governance if it happens again.\n"
        "- **Policies, second reads, figures, alarms of monitoring:** governance. **Systems:** an "
        "engineer."
    )
    if session.local:
        st.caption("This database has no account yet: ask whoever has set it up.")
