"""A reader's own work, and the results of histology that came after their decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from triage.accounts.sessions import Session
from triage.review.own_cases import NEW_FOR, Agreement, OwnCase, OwnCases, OwnState, own_cases
from triage.store import Store
from ui import frame
from ui.components import case_rows
from ui.components.case_rows import CaseRow, Fact, Heading, Mark, case_address
from ui.image_address import PictureSize, image_address
from ui.session import go_to_case, go_to_worklist
from ui.words import CERTAINTIES, URGENCIES, condition_name, date_of, duration, plural

STATES = {
    OwnState.IN_WORK: "In work",
    OwnState.WITH_ANOTHER: "Another reader has it",
    OwnState.SET_ASIDE: "Skipped by a reader",
    OwnState.UNGRADABLE: "Reported: cannot be graded",
    OwnState.DECIDED: "Not signed",
    OwnState.ADJUDICATION: "In adjudication",
    OwnState.SIGNED: "Signed",
    OwnState.AMENDED: "Signed; addendum not signed",
}
AGREEMENTS = {
    Agreement.AGREES: "Agrees with your decision",
    Agreement.PARTLY: "Agrees in part",
    Agreement.DIFFERS: "Differs from your decision",
}
_SHORT = {
    Agreement.AGREES: "agrees",
    Agreement.PARTLY: "agrees in part",
    Agreement.DIFFERS: "differs",
}
_MARKS = {Agreement.AGREES: Mark.DONE, Agreement.DIFFERS: Mark.OVERDUE, Agreement.PARTLY: Mark.SOON}


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    frame.name_window("My cases")
    st.title("My cases", anchor=False)
    with st.spinner("Looking up your cases…", show_time=False):
        cases = own_cases(store, session.actor)
    if not (cases.new_results or cases.in_work or cases.decided or cases.signed):
        st.info(
            "You have opened no case yet. What you open, decide and sign is listed here.",
            icon=":material/inbox:",
        )
        st.button("To the worklist", type="primary", on_click=go_to_worklist)
        return
    _new_results(cases.new_results)
    _in_work(cases.in_work)
    _decided(cases)
    _signed(cases)


def _new_results(cases: Sequence[OwnCase]) -> None:
    if not cases:
        return
    st.header(plural(len(cases), "new result", "new results"), anchor=False)
    st.caption(
        f"Histology that arrived in the last {NEW_FOR.days} days, after you had decided the case."
    )
    rows = []
    for case in cases:
        result, decision = case.result, case.decision
        assert result is not None, "it is listed for its result"
        assert decision is not None, "a result comes after a decision"
        rows.append(
            _row(
                case,
                (
                    Fact(_names(result.conditions)),
                    Fact(AGREEMENTS[result.agreement], _MARKS[result.agreement]),
                    Fact(f"{_names(decision.conditions)}, {URGENCIES[decision.urgency].lower()}"),
                    Fact(f"{result.given_by}, {date_of(result.at)}"),
                ),
            )
        )
    headings = (
        Heading("New result", 1.2),
        Heading("Histology", 1.2),
        Heading("Compared", 1.3),
        Heading("Your decision", 1.3),
        Heading("From"),
    )
    case_rows.show(rows, headings, "new-results", go_to_case, "New results")


def _in_work(cases: Sequence[OwnCase]) -> None:
    st.header("Opened and not decided", anchor=False)
    if not cases:
        st.caption("None. Open the next case from the worklist.")
        return
    now = datetime.now(UTC)
    rows = [
        _row(
            case,
            (
                Fact(
                    STATES[case.state],
                    Mark.TAKEN if case.state is OwnState.WITH_ANOTHER else None,
                ),
                Fact(duration(now - case.received_at)),
                Fact(f"Draft {duration(now - case.draft_at)} old" if case.draft_at else "No draft"),
            ),
            action="Go on",
            disabled="In work by another reader" if case.state is OwnState.WITH_ANOTHER else "",
        )
        for case in cases
    ]
    headings = (Heading("Case", 1.5), Heading("State"), Heading("Waiting"), Heading("Typed"))
    case_rows.show(rows, headings, "in-work", go_to_case, "Opened and not decided")


def _decided(cases: OwnCases) -> None:
    st.header("Decided, not signed", anchor=False)
    if not cases.decided:
        st.caption("None. A decision can be undone until the case is signed.")
        return
    st.caption("Open a case to undo your decision. What is final is signed on the Sign-off page.")
    _decisions(cases.decided, cases.decided_in_all, "decided")


def _signed(cases: OwnCases) -> None:
    st.header("Signed", anchor=False)
    if not cases.signed:
        st.caption("None. Decided cases are signed on the Sign-off page.")
        return
    _decisions(cases.signed, cases.signed_in_all, "signed")


def _decisions(cases: Sequence[OwnCase], in_all: int, key: str) -> None:
    rows = []
    for case in cases:
        decision, result = case.decision, case.result
        assert decision is not None, "it is listed for its decision"
        found = "" if result is None else f"{_names(result.conditions)}, {_SHORT[result.agreement]}"
        rows.append(
            _row(
                case,
                (
                    Fact(f"{_names(decision.conditions)}, {URGENCIES[decision.urgency].lower()}"),
                    Fact(CERTAINTIES[decision.certainty]),
                    Fact(date_of(decision.at)),
                    Fact(STATES[case.state]),
                    Fact(found, None if result is None else _MARKS[result.agreement]),
                ),
            )
        )
    headings = (
        Heading("Case", 1.3),
        Heading("Your decision", 1.5),
        Heading("Certainty", 0.8),
        Heading("Decided"),
        Heading("State"),
        Heading("Histology since"),
    )
    case_rows.show(rows, headings, key, go_to_case, f"Cases: {key}")
    if in_all > len(cases):
        st.caption(f"The newest {len(cases)} of {in_all}.")


def _names(conditions: Sequence[str]) -> str:
    return ", ".join(map(condition_name, conditions))


def _row(
    case: OwnCase, facts: tuple[Fact, ...], *, action: str = "Open", disabled: str = ""
) -> CaseRow:
    return CaseRow(
        case_id=case.case_id,
        title=case.external_id,
        subtitle=case.source,
        columns=facts,
        action=action,
        href=case_address(case.case_id),
        picture=image_address(case.case_id, 0, PictureSize.THUMBNAIL, None),
        picture_text="First image",
        disabled=disabled,
    )
