"""The cases that count as errors in one cell of an audit, looked up in the database again.

A report has no identifiers, so the cases are those of today with the labels of today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from sqlalchemy import select

from triage.accounts import Action, require
from triage.accounts.sessions import Session
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.cell_cases import failing_cases, has_error_cases
from triage.auditing.measurement import AuditEstimate
from triage.charts.number_format import number
from triage.errors import UsageError
from triage.reports.audit_report import AuditReport
from triage.store import Store
from triage.store.tables import Case, Event
from triage.vocabulary.clinical import Urgency
from ui import frame
from ui.audit_folder import audit_named
from ui.audit_tables import DATABASE_FACT, count_words, group_name
from ui.components import case_rows
from ui.components.case_rows import CaseRow, Fact, Heading, case_address
from ui.image_address import PictureSize, image_address
from ui.page_paths import PagePath
from ui.session import CaseWorkKind, go_to_case, go_to_page, serving_settings
from ui.words import URGENCIES, condition_name, escape, grouped, plural

MOST_CASES = 200
"""That are listed; how many are left out is said."""
_HEADINGS = (Heading("Case, source", 1.5), Heading("Truth", 1.5), Heading("System", 1.5))
_UNKNOWN = "not known"
_URGENCIES = tuple(Urgency)


@dataclass(frozen=True, slots=True)
class CellCase:
    """A case that counts as an error: what it is, and what the system said."""

    case_id: int
    truth: str
    said: str


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    require(session.actor, Action.AUDIT)
    require(session.actor, Action.VIEW_CASES)
    frame.name_window("Cases of an audit")
    st.title("Cases that count as errors", anchor=False)
    try:
        report, cell = _asked_for()
        listed, total, changed = _cases(store, report, cell)
    except UsageError as refused:
        st.info(escape(str(refused)), icon=":material/search_off:")
        st.button("To the audits", type="primary", on_click=go_to_page, args=(PagePath.AUDITS,))
        return
    st.markdown(
        f"**{escape(group_name(cell.axis, cell.level))} · {escape(cell.title)}**: "
        f"{escape(number(cell.value, cell.unit))} of {count_words(cell.n)} in the report "
        f"*{escape(report.title)}*. {plural(total, 'case counts', 'cases count')} as errors in the "
        "database now."
    )
    if changed:
        st.warning(
            "Cases or labels have changed since the report was made, so the list need not fit its "
            "numbers.",
            icon=":material/history:",
        )
    _list(store, listed)
    if total > len(listed):
        st.caption(f"The first {len(listed)}; {grouped(total - len(listed))} more are left out.")


def _asked_for() -> tuple[AuditReport, AuditEstimate]:
    """Return the report and the cell of the address.

    Raises
    ------
    UsageError
        If there are none, or none with cases in this database.
    """
    folder = serving_settings().audits
    given = [st.query_params.get(name, "") for name in ("audit", "axis", "level", "metric")]
    found = audit_named(folder, given[0]) if folder is not None else None
    cell = found.report.estimate(*given[1:]) if found is not None and found.report else None
    if found is None or found.report is None or cell is None:
        raise UsageError("The address names no cell of a finished audit.")
    if not has_error_cases(cell.metric):
        raise UsageError(f"No single case is an error of {cell.title}, so there are none to list.")
    if DATABASE_FACT not in found.report.facts:
        raise UsageError(
            "This audit is of a table of predictions, not of the cases of this database, so they "
            "cannot be opened here."
        )
    return found.report, cell


def _cases(
    store: Store, report: AuditReport, cell: AuditEstimate
) -> tuple[list[CellCase], int, bool]:
    """Return the first cases, how many there are, and whether the data have changed."""
    with store.reading() as reading:
        last = reading.scalar(select(Event.id).order_by(Event.id.desc()).limit(1)) or 0
    with st.spinner("Looking up the cases in the database…", show_time=True):
        table = _table(str(store.engine.url), report.plan_sha256, last, report.plan, store)
    places = failing_cases(table, report.plan, cell.axis, cell.level, cell.metric)
    changed = table.facts.get(DATABASE_FACT) != report.facts[DATABASE_FACT]
    return cell_cases(table, places[:MOST_CASES]), len(places), changed


def read_cases(plan: AuditPlan, store: Store) -> AuditTable:
    """Read the cases of a plan from the database."""
    # Imported here, because the libraries that read tables take long to import.
    from triage.audit_sources import read_database

    return read_database(plan, store)


@st.cache_resource(show_spinner=False, max_entries=1)
def _table(url: str, plan_sha256: str, last: int, _plan: AuditPlan, _store: Store) -> AuditTable:
    """Read the cases once for a state of the record, whichever cell is looked at."""
    return read_cases(_plan, _store)


def cell_cases(table: AuditTable, places: Sequence[int] | np.ndarray) -> list[CellCase]:
    """Return the cases at some places of a table of a case database, in words."""
    assert table.case_numbers is not None, "a table of a case database"
    return [
        CellCase(int(table.case_numbers[at]), _truth(table, at), _said(table, at)) for at in places
    ]


def _truth(table: AuditTable, at: int) -> str:
    code = int(table.truth[at])
    if code >= 0:
        name = condition_name(table.classes[code])
    else:
        name = "None of the conditions it knows" if table.is_outlier[at] else _UNKNOWN
    return _with_urgency(name, None if table.true_urgency is None else table.true_urgency[at])


def _said(table: AuditTable, at: int) -> str:
    name = _UNKNOWN
    if table.predicted is not None and table.predicted[at] >= 0:
        name = condition_name(table.classes[int(table.predicted[at])])
    if table.abstained is not None and table.abstained[at]:
        name = "No opinion" if name == _UNKNOWN else f"No opinion, most probable {name}"
    return _with_urgency(name, None if table.queue_urgency is None else table.queue_urgency[at])


def _with_urgency(name: str, rank: np.int8 | None) -> str:
    if rank is None or rank < 0:
        return name
    return f"{name} · {URGENCIES[_URGENCIES[int(rank)]].lower()}"


def _list(store: Store, listed: Sequence[CellCase]) -> None:
    if not listed:
        st.info("No case counts as an error now.", icon=":material/inbox:")
        return
    named = _names(store, [one.case_id for one in listed])
    rows = [
        CaseRow(
            case_id=one.case_id,
            title=named[one.case_id][0],
            subtitle=named[one.case_id][1],
            columns=(Fact(f"True: {one.truth}"), Fact(f"System: {one.said}")),
            action="Open",
            href=case_address(one.case_id, CaseWorkKind.READING),
            picture=image_address(one.case_id, 0, PictureSize.THUMBNAIL, None),
            picture_text="First image",
        )
        for one in listed
        if one.case_id in named
    ]
    case_rows.show(rows, _HEADINGS, "cases of a cell", go_to_case, "Cases that count as errors")


def _names(store: Store, numbers: Sequence[int]) -> Mapping[int, tuple[str, str]]:
    query = select(Case.id, Case.external_id, Case.source).where(Case.id.in_(numbers))
    with store.reading() as reading:
        return {number: (name, source) for number, name, source in reading.execute(query)}
