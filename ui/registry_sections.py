"""The registry on the page of models: proposals with their gate, going back, the shadow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from triage.accounts import Action, may
from triage.accounts.sessions import Session
from triage.errors import TriageError
from triage.gating.result import CheckResult, GateResult
from triage.model_registry.entries import Proposal, RegistryEntry
from triage.model_registry.people import is_same_person
from triage.model_registry.proposals import approve, propose, reject
from triage.model_registry.rollback import rollback
from triage.model_registry.shadow_report import ShadowReport
from triage.model_registry.shares import Share
from triage.store import Store
from triage.vocabulary.learning import GateVerdict
from ui import html_table
from ui.html_table import Cell, Column
from ui.words import escape, grouped, plain_name, plural, time_of

_DONE = "registry step done"
VERDICTS = {
    GateVerdict.PASSES.value: "Passes",
    GateVerdict.FAILS.value: "Fails",
    GateVerdict.NOT_ENOUGH_EVIDENCE.value: "Not enough evidence",
}
_CHECKS = (
    Column("Check"),
    Column("Verdict"),
    Column("In use", "number"),
    Column("Proposed", "number"),
    Column("Difference", "number"),
    Column("What was found"),
)
_SHARES = (
    Column("Measure"),
    Column("Value", "number"),
    Column("95 % interval", "number"),
    Column("Cases", "number"),
)
MEASURES = {
    "same_recommendation": "Same recommendation",
    "kappa": "Cohen's kappa of the recommendation",
    "same_condition": "Same condition, where neither abstains",
    "abstained_champion": "Abstained, in use",
    "abstained_shadow": "Abstained, in shadow",
    "abstention_difference": "Abstained, in shadow less in use",
    "only_shadow_urgent": "Urgent in shadow only",
    "only_champion_urgent": "Urgent in use only",
    "right_champion": "Names the blind label, in use",
    "right_shadow": "Names the blind label, in shadow",
    "right_difference": "Names the blind label, in shadow less in use",
}


def show_done() -> None:
    """Draw what the last step did, once."""
    if done := st.session_state.pop(_DONE, ""):
        st.success(escape(done), icon=":material/task_alt:")


def show_proposals(store: Store, session: Session, waiting: Sequence[Proposal]) -> None:
    """Draw the proposals that wait for an answer, each with its gate."""
    st.header("Proposals", anchor=False)
    if not waiting:
        st.info("No proposal waits for an answer.", icon=":material/inbox:")
    for one in waiting:
        with st.container(border=True):
            _proposal(store, session, one)


def _proposal(store: Store, session: Session, one: Proposal) -> None:
    former = f" in place of {escape(one.former_name)}" if one.former_name else ""
    st.markdown(f"**{escape(one.bundle_name)}{former}**")
    if one.stale_because:
        st.error(f"Nobody can approve it: {escape(one.stale_because)}.", icon=":material/block:")
    elif one.sign_off_for:
        st.warning(
            f"It needs a named sign-off: {escape(one.sign_off_for)}.", icon=":material/draw:"
        )
    else:
        st.success("The gate passes.", icon=":material/verified:")
    st.markdown(
        f"Proposal {one.number} by **{escape(one.proposed_by)}**, {time_of(one.proposed_at)}: "
        f"{escape(one.reason)}"
    )
    if one.result is not None:
        _gate(one.number, one.result)
    if may(session.actor, Action.APPROVE_MODELS) or is_same_person(
        one.proposed_by, session.actor.name
    ):
        _answer(store, session, one)


def _gate(number: int, result: GateResult) -> None:
    st.caption(
        f"Gate: {VERDICTS[result.verdict].lower()}, on {plural(result.n_cases, 'case', 'cases')} "
        f"of {plural(result.n_patients, 'patient', 'patients')}. "
        + ("The policy is signed." if result.policy_signed_by else "The policy is not signed.")
    )
    order = (GateVerdict.FAILS, GateVerdict.NOT_ENOUGH_EVIDENCE, GateVerdict.PASSES, None)
    checks = sorted(result.checks, key=lambda one: (not one.decides, order.index(one.verdict)))
    rows = [_check(one) for one in checks]
    html_table.show_table(f"Checks of proposal {number}", _CHECKS, rows, stacked=True)
    for note in result.notes:
        st.caption(escape(note))


def _check(check: CheckResult) -> tuple[Cell, ...]:
    verdict = "Not done" if check.verdict is None else VERDICTS[check.verdict]
    shown: Cell = html_table.tag(verdict, strong=check.verdict is GateVerdict.FAILS)
    if not check.decides:
        shown = html_table.lines(shown, "does not decide")
    name: Cell = plain_name(check.check)
    if check.group:
        name = html_table.lines(name, check.group)
    return (
        name,
        shown,
        _number(check.champion),
        _number(check.challenger),
        _number(check.value, check.low, check.high),
        check.sentence,
    )


def _number(value: float | None, low: float | None = None, high: float | None = None) -> Cell:
    if value is None:
        return html_table.weak("–")
    shown = f"{value:.3f}"
    return (
        shown
        if low is None or high is None
        else html_table.lines(shown, f"{low:.3f} to {high:.3f}")
    )


def _answer(store: Store, session: Session, one: Proposal) -> None:
    own = not may(session.actor, Action.APPROVE_MODELS)
    with st.form(f"proposal-{one.number}", enter_to_submit=False, border=False):
        answer = st.text_area(
            "Reason for the withdrawal" if own else "Reason for your answer",
            max_chars=2000,
            key=f"answer-{one.number}",
        )
        sign_off = False
        if one.sign_off_for and not own and not one.stale_because:
            sign_off = st.checkbox(
                "I accept this under my name, although the gate does not pass.",
                key=f"sign-off-{one.number}",
            )
        sure = own or st.checkbox("I have read the checks above.", key=f"sure-{one.number}")
        refusal = st.empty()
        left, right = st.columns(2)
        approved = not own and left.form_submit_button(
            "Approve: put it in use",
            type="primary",
            icon=":material/check:",
            disabled=bool(one.stale_because),
        )
        rejected = right.form_submit_button(
            "Withdraw the proposal" if own else "Reject", icon=":material/close:"
        )
    if approved and not sure:
        refusal.error("Confirm that you have read the checks.", icon=":material/error:")
    elif approved:
        _step(
            refusal,
            lambda: store.write(
                lambda writing: approve(
                    writing, one.number, actor=session.actor, answer=answer, sign_off=sign_off
                )
            ),
            f"{one.bundle_name} is in use now.",
        )
    elif rejected:
        _step(
            refusal,
            lambda: store.write(
                lambda writing: reject(writing, one.number, actor=session.actor, answer=answer)
            ),
            f"Proposal {one.number} is closed.",
        )


def show_propose(store: Store, session: Session, entries: Sequence[RegistryEntry]) -> None:
    """Draw the form that proposes a bundle which a gate has judged."""
    able = [
        one
        for one in entries
        if one.verdict is not None and one.state not in ("champion", "withdrawn", "retired")
    ]
    if not able or not may(session.actor, Action.CHANGE_MODELS):
        return
    st.header("Propose a system", anchor=False)
    with st.form("propose", enter_to_submit=False):
        chosen: RegistryEntry = st.selectbox(
            "System",
            able,
            format_func=lambda one: (
                f"{one.name} · {one.digest[:12]} · gate: {VERDICTS[one.verdict or ''].lower()}"
            ),
            key="propose-which",
        )
        reason = st.text_area("Why", max_chars=2000, key="propose-reason")
        refusal = st.empty()
        wanted = st.form_submit_button("Propose", icon=":material/outgoing_mail:")
    if wanted:
        _step(
            refusal,
            lambda: store.write(
                lambda writing: propose(writing, chosen.digest, reason=reason, actor=session.actor)
            ),
            f"{chosen.name} is proposed; another account has to approve it.",
        )


def show_rollback(store: Store, session: Session, entries: Sequence[RegistryEntry]) -> None:
    """Draw the form that goes back to an earlier champion."""
    ready = [one for one in entries if one.ready_for_rollback]
    if not ready:
        return
    st.header("Go back", anchor=False)
    st.caption(
        "An earlier system comes into use at once, by one account. Its files are verified first, "
        "so its opinions are those of before."
    )
    with st.form("rollback", enter_to_submit=False):
        chosen: RegistryEntry = st.selectbox(
            "To",
            ready,
            format_func=lambda one: f"{one.name} · {one.digest[:12]}",
            key="rollback-to",
        )
        reason = st.text_area("Why", max_chars=2000, key="rollback-reason")
        sure = st.checkbox("Put it in use now.", key="rollback-sure")
        refusal = st.empty()
        wanted = st.form_submit_button("Go back", icon=":material/undo:")
    if wanted and not sure:
        refusal.error("Tick that it is to be put in use now.", icon=":material/error:")
    elif wanted:
        _step(
            refusal,
            lambda: store.write(
                lambda writing: rollback(
                    writing, reason=reason, actor=session.actor, to=chosen.digest
                )
            ),
            f"{chosen.name} is in use again.",
        )


def show_shadow(report: ShadowReport | None) -> None:
    """Draw how the system in shadow does beside the one in use."""
    st.header("In shadow", anchor=False)
    if report is None:
        st.info(
            "No system is in shadow. One that is scores cases as they arrive, and no reader is "
            "shown what it says: `triage registry shadow --set`.",
            icon=":material/visibility_off:",
        )
        return
    st.markdown(
        f"`{report.shadow[:12]}` has scored **{plural(report.cases, 'case', 'cases')}** in "
        f"{report.days:.1f} days. {grouped(report.compared)} of them, of "
        f"{plural(report.patients, 'patient', 'patients')}, were scored by the system in use, too; "
        f"{grouped(report.labelled)} have a blind label."
    )
    if not report.compared:
        return
    rows = [_share(title, getattr(report, name)) for name, title in MEASURES.items()]
    html_table.show_table("The system in shadow", _SHARES, rows, stacked=True)


def _share(title: str, share: Share) -> tuple[Cell, ...]:
    none = html_table.weak("–")
    interval: Cell = none
    if share.low is not None and share.high is not None:
        interval = f"{share.low:.3f} to {share.high:.3f}"
    value: Cell = none if share.value is None else f"{share.value:.3f}"
    return (title, value, interval, grouped(share.n_cases))


def _step(refusal: Any, work: Callable[[], Any], done: str) -> None:
    try:
        with st.spinner("Verifying the files and storing…", show_time=True):
            work()
    except TriageError as error:
        refusal.error(escape(str(error)), icon=":material/error:")
        return
    st.session_state[_DONE] = done
    st.rerun()
