"""The trained systems that this database knows; nothing of any patient."""

from __future__ import annotations

import streamlit as st
from sqlalchemy.orm import Session as DatabaseSession

from triage.accounts import Action, may
from triage.accounts.sessions import Session
from triage.model_registry.entries import RegistryEntry, proposals, registry_list
from triage.model_registry.refusals import RegistryRefused
from triage.model_registry.shadow_report import ShadowReport, shadow_report
from triage.store import Store
from triage.store.registered_bundles import RegisteredBundle, registered_bundles
from ui import frame, html_table, registry_sections
from ui.html_table import Cell, Column
from ui.model_card_page import address_of_card
from ui.session import go_to_worklist
from ui.words import date_of, grouped, plural

_COLUMNS = (
    Column("System"),
    Column("State"),
    Column("Registered"),
    Column("Conditions", "number"),
    Column("Cases scored", "number"),
)


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    frame.name_window("Models")
    html_table.show_style()
    st.title("Models", anchor=False)
    decides = any(may(session.actor, one) for one in (Action.CHANGE_MODELS, Action.APPROVE_MODELS))
    known: dict[str, RegistryEntry] = {}
    with st.spinner("Looking up the systems…", show_time=False), store.reading() as reading:
        bundles = registered_bundles(reading)
        if decides:
            known = {one.digest: one for one in registry_list(reading, verify=False)}
            waiting, report = proposals(reading, open_only=True), _report(reading)
    if not bundles:
        st.info(
            "No trained system is registered. An engineer adds one by scoring cases with it: "
            "`triage score`.",
            icon=":material/inbox:",
        )
        if may(session.actor, Action.VIEW_CASES):
            st.button("To the worklist", type="primary", on_click=go_to_worklist)
        return
    st.caption(
        f"{plural(len(bundles), 'system', 'systems')}. Readers are shown the opinion of the system "
        "in use; where it has not scored a case, that of the newest that has. Of a withdrawn "
        "system no opinion is shown."
    )
    if not any(one.champion for one in bundles):
        st.warning("No system is in use.", icon=":material/warning:")
    cards = may(session.actor, Action.AUDIT)
    rows = [_row(one, known.get(one.digest), cards=cards) for one in bundles]
    html_table.show_table("Trained systems", _COLUMNS, rows, stacked=True)
    if decides:
        entries = list(known.values())
        registry_sections.show_done()
        registry_sections.show_proposals(store, session, waiting)
        registry_sections.show_propose(store, session, entries)
        registry_sections.show_rollback(store, session, entries)
        registry_sections.show_shadow(report)


def _report(reading: DatabaseSession) -> ShadowReport | None:
    try:
        return shadow_report(reading)
    except RegistryRefused:
        return None


def _row(bundle: RegisteredBundle, entry: RegistryEntry | None, *, cards: bool) -> tuple[Cell, ...]:
    name: Cell = bundle.name
    if cards:
        name = html_table.link(bundle.name, address_of_card(bundle.digest))
    return (
        html_table.lines(name, html_table.code(bundle.digest[:12])),
        _state(bundle, entry),
        date_of(bundle.registered_at),
        str(bundle.conditions),
        grouped(bundle.cases),
    )


def _state(bundle: RegisteredBundle, entry: RegistryEntry | None) -> Cell:
    """The state; what is more than that only for those who decide on systems."""
    if bundle.withdrawn_at is not None:
        when = f"Since {date_of(bundle.withdrawn_at)}"
        why = f"{when}: {bundle.withdrawn_because}" if bundle.withdrawn_because else when
        return html_table.lines(html_table.tag("Withdrawn"), why)
    shown = html_table.tag("In use", strong=True) if bundle.champion else None
    if entry is None:
        return shown or html_table.tag("Registered")
    if shown is None:
        shown = html_table.tag(_STATES[entry.state])
    return html_table.lines(shown, entry.readiness[:1].upper() + entry.readiness[1:])


_STATES = {
    "challenger": "Challenger",
    "shadow": "In shadow",
    "retired": "Retired",
    "registered": "Registered",
}
