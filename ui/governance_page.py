"""What is recorded automatically about readers and the AI, never by reader; policies of sites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import streamlit as st
from sqlalchemy import select

from triage.accounts import Action, require
from triage.accounts.sessions import Session
from triage.review.figures import ReviewFigures, review_figures
from triage.review.policies import SitePolicy, policies_of_sites
from triage.store import Store
from triage.store.base import utc_now
from triage.store.tables import Event
from ui import figure_tables, frame, html_table
from ui.figure_tables import MODES
from ui.html_table import Cell, Column
from ui.session import go_to_worklist
from ui.words import plural, time_of

_STATE = "figures of reviews"
_STYLE = """
<style>
  .st-key-figures [data-testid="stHorizontalBlock"] { flex-wrap: wrap; }
  .st-key-figures [data-testid="stColumn"] { min-width: min(100%, 31rem); }
</style>
"""
"""Two columns of figures where the window is wide enough for their tables."""
_MOST_KEPT = 2


@dataclass(frozen=True, slots=True)
class _Computed:
    """Figures, and the state of the record that they are of."""

    figures: ReviewFigures
    last_event: int
    at: datetime


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    require(session.actor, Action.VIEW_REVIEW_FIGURES)
    frame.name_window("Governance")
    html_table.show_style()
    st.html(_STYLE)
    st.title("Governance", anchor=False)
    last = _last_event(store)
    shown: _Computed | None = st.session_state.get(_STATE)
    if shown is None:
        shown = _computed(store, session, last)
        st.session_state[_STATE] = shown
    _state(shown, last)
    figures = shown.figures
    if not figures.opened:
        st.info(
            "No case has been opened yet, so there are no figures. They follow from the record by "
            "themselves once cases are read.",
            icon=":material/monitoring:",
        )
        st.button("To the worklist", type="primary", on_click=go_to_worklist)
    else:
        _figures(figures)
    _policies(store)
    _ledger(last)


def _last_event(store: Store) -> int:
    with store.reading() as reading:
        return reading.scalar(select(Event.id).order_by(Event.id.desc()).limit(1)) or 0


def _computed(store: Store, session: Session, last: int) -> _Computed:
    """Return the figures of a state of the record, computed once for all who look at it."""
    with st.spinner("Computing the figures from the record…", show_time=True):
        return _kept(str(store.engine.url), last, store, session)


@st.cache_resource(show_spinner=False, max_entries=_MOST_KEPT)
def _kept(url: str, last: int, _store: Store, _session: Session) -> _Computed:
    return _Computed(review_figures(_store, _session.actor), last, utc_now())


def _state(shown: _Computed, last: int) -> None:
    figures = shown.figures
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.markdown(
        f"**{plural(figures.opened, 'case', 'cases')} opened, {figures.decided} decided.** "
        f"Computed from the record on {time_of(shown.at)}. Figures are over cases and never by "
        "reader; planted cases and undone decisions are in none."
    )
    if last > shown.last_event:
        right.button(
            "Compute again",
            icon=":material/refresh:",
            help=f"{plural(last - shown.last_event, 'event', 'events')} recorded since.",
            on_click=lambda: st.session_state.pop(_STATE, None),
        )


def _figures(figures: ReviewFigures) -> None:
    if figures.arms.below_promise:
        st.warning(
            "Fewer cases are drawn to be read without the AI than is promised: "
            f"{figures.arms.promised:.0%}.",
            icon=":material/warning:",
        )
    with st.container(key="figures"):
        for column, sections in zip(st.columns(2), (_LEFT, _RIGHT), strict=True):
            with column:
                for title, note, draw in sections:
                    with st.container(border=True):
                        st.header(title, anchor=False)
                        if note:
                            st.caption(note)
                        draw(figures)


_Section = tuple[str, str, Callable[[ReviewFigures], None]]
_LEFT: tuple[_Section, ...] = (
    ("How cases were read", "", figure_tables.show_arms),
    ("Overrides", "Of decisions with an opinion shown.", figure_tables.show_overrides),
    (
        "Helpful and harmful switches",
        "The truth is histology, else the outcome of an adjudication. Adjudicated cases are those "
        "on which readers disagreed, so what they show need not hold for the others. The urgency "
        "of histology follows from a data spec: triage review-figures --spec.",
        figure_tables.show_switches,
    ),
)
_RIGHT: tuple[_Section, ...] = (
    (
        "Missed positives where the AI abstained",
        "Whether an abstention is taken for reassurance: the first two rates differ only in what "
        "the reader saw.",
        figure_tables.show_missed,
    ),
    ("Second reads and adjudications", "", figure_tables.show_second_reads),
    (
        "Agreement of readers",
        "Cohen's kappa: 1 is full agreement, 0 as much as by chance. Most second reads are of "
        "doubtful cases, on which agreement is lower.",
        figure_tables.show_agreement,
    ),
    ("Times", "For the quality of the work, not to rank people.", figure_tables.show_times),
)


_POLICY = (
    Column("Site"),
    Column("Policy"),
    Column("Reading"),
    Column("Priority"),
    Column("Without AI", "number"),
    Column("Read twice", "number"),
    Column("Dwell", "number"),
    Column("Reserved", "number"),
)


def _policies(store: Store) -> None:
    policies = policies_of_sites(store)
    with st.container(border=True):
        st.header("Policies of sites", anchor=False)
        st.caption(
            "How each site reads its cases. The command triage policy shows and changes all of it."
        )
        if not policies:
            st.info("No site has cases yet.", icon=":material/inbox:")
            return
        rows = [_policy(site, policy, own) for site, (policy, own) in policies.items()]
        html_table.show_table("Policies of sites", _POLICY, rows, stacked=True)


def _policy(site: str, policy: SitePolicy, own: bool) -> tuple[Cell, ...]:
    twice = policy.second_reads
    share = f"{twice.random_share:.0%} at random"
    return (
        site,
        html_table.tag("Its own") if own else "Defaults",
        MODES[policy.mode],
        "Shown" if policy.priority_visible else "Hidden",
        f"{policy.ai_off_share:.0%}",
        html_table.lines(share, ", ".join(twice.subgroups)) if twice.subgroups else share,
        f"{policy.dwell_seconds:g} s",
        f"{policy.lock_minutes:g} min",
    )


def _ledger(last: int) -> None:
    with st.container(border=True):
        st.header("Ledger", anchor=False)
        st.markdown(
            f"The record has **{plural(last, 'event', 'events')}**, each sealed with a hash of the "
            "one before. Whether nothing was changed is not checked here, since whoever could "
            "change the record could change this page: run `triage ledger verify` on another "
            "computer, with the checkpoints kept outside of the database."
        )
