"""Alarms of monitoring: who has them, what became of them, and the forms that change one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from sqlalchemy.orm import Session as DatabaseSession

from triage.accounts import Action, may, require
from triage.accounts.accounts import accounts
from triage.accounts.sessions import Session
from triage.errors import TriageError
from triage.monitoring.alarm_rows import require_unchanged
from triage.monitoring.alarms import assign_alarm, close_alarm
from triage.monitoring.monitoring_result import AlarmSummary
from triage.monitoring.monitoring_words import (
    CHARTS,
    CLOSING_REASONS,
    STATES,
    facts_in_words,
    open_first,
    stream_name,
)
from triage.store import Store
from triage.vocabulary.monitoring import AlarmState, ClosingReason
from ui import html_table
from ui.html_table import Cell, Column
from ui.words import date_of, escape, plain_text, plural

_DONE = "alarm step done"
_ALARM = "alarm"
"""Parameter of the address, and key of the choice."""
_MOST = 100
"""Of a table."""
_OPEN = (
    Column("Alarm"),
    Column("Chart"),
    Column("Since"),
    Column("What was found"),
    Column("State"),
    Column("Owner"),
)
_CLOSED = (
    Column("Alarm"),
    Column("Chart"),
    Column("Since"),
    Column("Closed"),
    Column("Why"),
    Column("Owner"),
)


def show_done() -> None:
    """Draw what the last step did, once."""
    if done := st.session_state.pop(_DONE, ""):
        st.success(escape(done), icon=":material/task_alt:")


def show(store: Store, session: Session, alarms: Sequence[AlarmSummary]) -> None:
    """Draw the alarms: those without an owner first, closed ones in a part that can be opened."""
    st.header("Alarms", anchor=False)
    ordered = open_first(alarms)
    waiting = [one for one in ordered if one.state is not AlarmState.CLOSED]
    closed = [one for one in ordered if one.state is AlarmState.CLOSED]
    if waiting:
        rows = [_open_row(one) for one in waiting[:_MOST]]
        html_table.show_table("Alarms that are not closed", _OPEN, rows, stacked=True)
        _cut(waiting)
        if may(session.actor, Action.HANDLE_ALARMS):
            _handle(store, session, waiting)
        else:
            st.caption("Governance assigns and closes alarms.")
    else:
        st.info("No alarm is open.", icon=":material/task_alt:")
    if closed:
        with st.expander(plural(len(closed), "closed alarm", "closed alarms")):
            rows = [_closed_row(one) for one in closed[:_MOST]]
            html_table.show_table("Closed alarms", _CLOSED, rows, stacked=True)
            _cut(closed)


def _cut(alarms: Sequence[AlarmSummary]) -> None:
    if len(alarms) > _MOST:
        st.caption(f"The first {_MOST} of {len(alarms)}; `triage monitor alarms` lists all.")


def _name(alarm: AlarmSummary) -> str:
    key = f": {alarm.key}" if alarm.key else ""
    return f"{CHARTS[alarm.chart]}{key}"


def _chart(alarm: AlarmSummary) -> Cell:
    return html_table.lines(_name(alarm), stream_name(alarm.axis, alarm.level))


def _open_row(alarm: AlarmSummary) -> tuple[Cell, ...]:
    state = html_table.tag(STATES[alarm.state], strong=alarm.state is AlarmState.OPEN)
    return (
        f"Alarm {alarm.id}",
        _chart(alarm),
        date_of(alarm.crossed_at),
        facts_in_words(alarm) or html_table.weak("–"),
        state,
        alarm.owner or html_table.weak("nobody"),
    )


def _closed_row(alarm: AlarmSummary) -> tuple[Cell, ...]:
    why: Cell = "" if alarm.closing_reason is None else CLOSING_REASONS[alarm.closing_reason]
    if alarm.comment:
        why = html_table.lines(why, plain_text(alarm.comment))
    return (
        f"Alarm {alarm.id}",
        _chart(alarm),
        date_of(alarm.crossed_at),
        html_table.weak("–") if alarm.closed_at is None else date_of(alarm.closed_at),
        why,
        alarm.owner or html_table.weak("nobody"),
    )


def _handle(store: Store, session: Session, waiting: Sequence[AlarmSummary]) -> None:
    """Draw the choice of an alarm, and the two forms that change it."""
    by_number = {one.id: one for one in waiting}
    numbers = list(by_number)
    wanted = st.query_params.get(_ALARM, "")
    with st.container(border=True):
        st.subheader("Assign or close an alarm", anchor=False)
        number = st.selectbox(
            "Alarm",
            numbers,
            next((at for at, one in enumerate(numbers) if str(one) == wanted), 0),
            key=_ALARM,
            format_func=lambda one: _told(by_number[one]),
            on_change=_keep_alarm,
        )
        alarm = by_number[number]
        left, right = st.columns(2, gap="large")
        with left:
            _assign(store, session, alarm)
        with right:
            _close(store, session, alarm)


def _told(alarm: AlarmSummary) -> str:
    stream = stream_name(alarm.axis, alarm.level)
    return plain_text(f"{alarm.id} · {_name(alarm)} · {stream} · {alarm.crossed_at:%Y-%m-%d}")


def _keep_alarm() -> None:
    st.query_params[_ALARM] = str(st.session_state[_ALARM])


def _form_key(what: str, alarm: AlarmSummary) -> str:
    """Key of a form: once the alarm has changed, a second sending of the old form is of nothing."""
    return f"{what}-{alarm.id}-{alarm.state}-{alarm.owner or ''}"


def _assign(store: Store, session: Session, alarm: AlarmSummary) -> None:
    able = [one.name for one in accounts(store) if not one.disabled and may(one.actor, _WATCHES)]
    names = able or [session.actor.name]
    first = alarm.owner if alarm.owner in names else session.actor.name
    with st.form(_form_key("assign", alarm), enter_to_submit=False, border=False):
        owner = st.selectbox(
            "Owner",
            names,
            names.index(first) if first in names else 0,
            help="Accounts that may see this page.",
            key=_form_key("owner", alarm),
        )
        refusal = st.empty()
        wanted = st.form_submit_button("Assign", icon=":material/person_add:")
    if not wanted:
        return
    if owner == alarm.owner:
        refusal.info(f"{escape(owner)} has this alarm already.", icon=":material/person:")
        return

    def work(writing: DatabaseSession) -> None:
        require_unchanged(writing, alarm)
        assign_alarm(writing, alarm.id, owner, actor=session.actor.name)

    _step(store, session, refusal, work, f"Alarm {alarm.id} is assigned to {owner}.")


def _close(store: Store, session: Session, alarm: AlarmSummary) -> None:
    with st.form(_form_key("close", alarm), enter_to_submit=False, border=False):
        reason = st.selectbox(
            "Why it is closed",
            list(ClosingReason),
            None,
            format_func=CLOSING_REASONS.__getitem__,
            placeholder="Choose a reason",
            key=_form_key("reason", alarm),
        )
        comment = st.text_area(
            "What was found and done", max_chars=2000, key=_form_key("comment", alarm)
        )
        refusal = st.empty()
        wanted = st.form_submit_button("Close the alarm", icon=":material/task_alt:")
    if not wanted:
        return
    if alarm.owner is None:
        refusal.error(
            "Nobody has this alarm. Assign it first; then it can be closed.",
            icon=":material/error:",
        )
    elif reason is None:
        refusal.error("Choose why it is closed.", icon=":material/error:")
    elif not comment.strip():
        refusal.error("State what was found and done.", icon=":material/error:")
    else:
        closing, said = reason, comment.strip()

        def work(writing: DatabaseSession) -> None:
            require_unchanged(writing, alarm)
            close_alarm(writing, alarm.id, closing, said, actor=session.actor.name)

        _step(store, session, refusal, work, f"Alarm {alarm.id} is closed.")


_WATCHES = Action.MONITOR


def _step(
    store: Store,
    session: Session,
    refusal: Any,
    work: Callable[[DatabaseSession], None],
    done: str,
) -> None:
    try:
        require(session.actor, Action.HANDLE_ALARMS)
        store.write(work)
    except TriageError as error:
        refusal.error(escape(str(error)), icon=":material/error:")
        return
    st.session_state[_DONE] = done
    st.rerun()
