"""The model card of a trained system: its manifest by topic, and what audits of it found."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup

from triage.accounts import Action, require
from triage.accounts.sessions import Session
from triage.errors import TriageError, UsageError
from triage.gating.readiness import Readiness, readiness, readiness_facts
from triage.reports.audit_report import AuditReport
from triage.reports.model_card_blocks import model_card_facts
from triage.store import Store
from triage.store.bundle_manifest import bundle_manifest
from triage.store.registered_bundles import RegisteredBundle, registered_bundles
from triage.vocabulary.readiness import LEVEL_WORDS
from triage.vocabulary.verdicts import Verdict
from ui import audit_results, audit_tables, frame, html_table
from ui.audit_folder import FinishedAudit, audits_in
from ui.html_table import Cell, Column
from ui.page_paths import PagePath
from ui.session import go_to_page, serving_settings
from ui.words import date_of, escape, grouped

NOT_STATED = "not stated"
_BUNDLE = "bundle"
_MOST_AUDITS = 3
_STYLE = """
<style>
  .st-key-card [data-testid="stHorizontalBlock"] { flex-wrap: wrap; }
  .st-key-card [data-testid="stColumn"] { min-width: min(100%, 31rem); }
  .st-key-card tbody th { width: 34%; }
  .st-key-card td { overflow-wrap: anywhere; }
</style>
"""
_FACT_COLUMNS = (Column("What"), Column("Stated"))
_ESTIMATE_COLUMNS = (
    Column("Metric, all cases"),
    Column("Value", "number"),
    Column("Interval", "number"),
    Column("Cases", "number"),
)


def address_of_card(digest: str) -> str:
    """Return the address of the card of a bundle."""
    return f"/{PagePath.MODEL_CARD}?{_BUNDLE}={digest}"


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    require(session.actor, Action.AUDIT)
    frame.name_window("Model card")
    html_table.show_style()
    audit_results.show_style()
    st.html(_STYLE)
    try:
        bundle, facts = _card(store, st.query_params.get(_BUNDLE, ""))
        audits = _audits_of(bundle.digest)
    except TriageError as refused:
        st.title("Model card", anchor=False)
        st.error(escape(str(refused)), icon=":material/error:")
        st.button("To the models", type="primary", on_click=go_to_page, args=(PagePath.MODELS,))
        return
    st.title(escape(bundle.name), anchor=False)
    state = "In use" if bundle.champion else "Not in use"
    if bundle.withdrawn_at is not None:
        state = f"Withdrawn since {date_of(bundle.withdrawn_at)}"
    st.caption(
        f"Model card. {state}. Registered {date_of(bundle.registered_at)}, "
        f"{grouped(bundle.cases)} cases scored. What its manifest does not state reads *not "
        "stated*; nothing is filled in."
    )
    with st.container(key="card"):
        left, right = st.columns(2)
        groups = list(dict.fromkeys(group for group, *_ in facts))
        half = (len(facts) + 1) // 2
        drawn = 0
        for group in groups:
            rows = [(label, value) for name, label, value in facts if name == group]
            with left if drawn < half else right, st.container(border=True):
                _group(group, rows)
            drawn += len(rows)
        with right, st.container(border=True):
            _audited(audits)


def _card(store: Store, digest: str) -> tuple[RegisteredBundle, list[tuple[str, str, str | None]]]:
    with store.reading() as reading:
        found = [one for one in registered_bundles(reading) if one.digest == digest]
        if not found:
            raise UsageError(
                "The address names no system of this database.",
                hint="Open a card from the list of models.",
            )
        facts = model_card_facts(bundle_manifest(reading, digest))
        known = readiness(readiness_facts(reading, digest))
        identity = (facts[0][0], "SHA-256 of the manifest", digest)
        return found[0], [identity, *_readiness_rows(known), *facts]


def _readiness_rows(known: Readiness) -> list[tuple[str, str, str | None]]:
    """The level of readiness, the recorded facts that it follows from, and what it lacks."""
    rows = (
        ("Level", LEVEL_WORDS[known.level]),
        ("Because", " ".join(known.reasons)),
        ("Missing for the next levels", "; ".join(known.lacks) or "nothing"),
    )
    return [("Readiness", label, value) for label, value in rows]


def _group(title: str, facts: Sequence[tuple[str, str | None]]) -> None:
    st.header(title, anchor=False)
    rows: list[tuple[Cell, ...]] = [
        (label, html_table.weak(NOT_STATED) if value is None else value) for label, value in facts
    ]
    html_table.show_table(title, _FACT_COLUMNS, rows)


def _audits_of(digest: str) -> list[FinishedAudit]:
    folder = serving_settings().audits
    found = [] if folder is None else audits_in(folder)
    return [one for one in found if one.report is not None and _bundle_of(one.report) == digest]


def _bundle_of(report: AuditReport) -> str | None:
    return report.system.bundle or report.plan.bundle


def _audited(audits: Sequence[FinishedAudit]) -> None:
    st.header("In audits: performance and fairness", anchor=False)
    if not audits:
        st.info(
            "No audit of this system is in the folder of audits, so its performance outside of its "
            "own development is not known here.",
            icon=":material/help:",
        )
    for one in audits[:_MOST_AUDITS]:
        report = one.report
        assert report is not None
        st.subheader(escape(report.title), anchor=False)
        st.caption(
            f"{audit_tables.size_words(report)}; {escape(report.registration.sentence)}; "
            f"finished {date_of(one.finished_at)}."
        )
        rows = [audit_tables.estimate_row(each) for each in audit_tables.of_all_cases(report)]
        html_table.show_table(f"All cases: {report.title}", _ESTIMATE_COLUMNS, rows)
        html_table.show_markup(st, audit_tables.tally(report.findings))
        if failing := [one for one in report.findings if one.verdict is Verdict.FAILS]:
            names = dict.fromkeys(audit_tables.group_name(x.axis, x.level) for x in failing)
            st.markdown(f"Fails a limit: {escape('; '.join(names))}.")
        address = f"/{PagePath.AUDITS}?audit={one.name}"
        opens = html_table.link("Open this audit", address)
        html_table.show_markup(st, Markup('<ul class="files"><li>{}</li></ul>').format(opens))
    if len(audits) > _MOST_AUDITS:
        st.caption(f"The newest {_MOST_AUDITS} of {len(audits)} audits.")
