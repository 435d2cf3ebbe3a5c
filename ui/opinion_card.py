"""The card with the AI's opinion, drawn only from what `triage.review.reveal` returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from triage.review import Opinion
from triage.vocabulary.abstention_reasons import AbstainReason
from ui.case_words import CaseWords
from ui.condition_set_text import condition_set_sentence
from ui.uncertainty_text import uncertainty_sentence
from ui.words import URGENCIES, condition_name, escape, frequencies, frequency

_SMALLEST_REMAINDER = 1e-6
"""A remainder to 1 below this is a rounding error and no further condition."""
_MOST_DIAGNOSES = 4
"""Diagnoses of a volume on the card; the viewer shows all."""


def show(
    opinion: Opinion | None,
    words: CaseWords,
    show_opinion: Callable[[Opinion, CaseWords], None],
    listed_reasons: Mapping[AbstainReason, str],
) -> None:
    """Draw an opinion, an abstention, or that no system has scored the case.

    Parameters
    ----------
    opinion : Opinion, optional
        None where no system has scored the case.
    words : CaseWords
    show_opinion : callable
        Draws an opinion that is no abstention.
    listed_reasons : mapping of AbstainReason to str
        See `ui.case_views.CaseView`.
    """
    with st.container(border=True):
        st.subheader("AI opinion", anchor=False)
        if opinion is None:
            _no_opinion("No system has scored this case.", "Decide without the AI.")
        elif opinion.abstained:
            decision = opinion.decision
            code = f" ({decision.reason_code})" if decision.reason_code else ""
            _no_opinion(f"{decision.reason}{code}", decision.next_action)
            _list_of_reasons(decision.reason_code, listed_reasons)
        else:
            show_opinion(opinion, words)


def show_exclusive_conditions(opinion: Opinion, words: CaseWords) -> None:
    """Draw conditions that exclude each other: with 'none of them' their numbers fit into 100."""
    conditions = opinion.joint_differential
    none = opinion.decision.p_outlier
    # A condition that the system does not know may be more probable than any that it knows.
    likelier = none is not None and bool(conditions) and none >= conditions[0][1]
    among = " of those it knows" if likelier else ""
    st.markdown(
        f"Most likely{among} **{escape(condition_name(opinion.decision.condition or ''))}**, "
        f"referral **{_referral(opinion)}**."
    )
    remainder = 1.0 - sum(share for _, share in conditions) - (none or 0.0)
    rows = [(condition_name(name), share) for name, share in conditions]
    if remainder >= _SMALLEST_REMAINDER:
        rows.append(("Another condition it knows", remainder))
    if none is not None:
        rows.append(("None of the conditions it knows", none))
    counts = frequencies([share for _, share in rows])
    _bars(
        [(name, count, share) for (name, share), count in zip(rows, counts, strict=True)],
        words.cases,
    )
    _next_action_and_uncertainty(opinion, words)
    counted = f"Of 100 such {words.cases}{'' if none is not None else ' that it knows'}"
    st.caption(
        f"{counted}, from calibrated probabilities; the numbers exclude each other and fit into "
        f"100. System: {escape(opinion.bundle)}."
    )


def show_concurrent_diagnoses(opinion: Opinion, words: CaseWords) -> None:
    """Draw diagnoses each by itself, because several may be true of one case."""
    # Streamlit cuts a metric off on a narrow page.
    st.markdown(f"Referral **{_referral(opinion)}**.")
    rows = opinion.joint_differential[:_MOST_DIAGNOSES]
    _bars([(condition_name(name), frequency(share), share) for name, share in rows], words.cases)
    _next_action_and_uncertainty(opinion, words)
    none = opinion.decision.p_outlier
    if none is not None:
        st.markdown(f"**None of the conditions it knows:** {frequency(none)} such {words.cases}.")
    st.caption(
        f"The bars count such {words.cases} with each diagnosis, as the networks see it; those "
        "with none of the conditions it knows are not among them. Diagnoses may occur together, "
        f"so the bars may add up to more than 100. System: {escape(opinion.bundle)}."
    )


def _referral(opinion: Opinion) -> str:
    assert opinion.urgency is not None, "an opinion has an urgency"
    return URGENCIES[opinion.urgency].lower()


def _no_opinion(reason: str, next_action: str) -> None:
    st.warning("**No AI opinion. This does not mean low risk.**", icon=":material/front_hand:")
    st.markdown(f"**Reason:** {escape(reason)}")
    st.markdown(f"**Next action:** {escape(next_action)}")


def _list_of_reasons(found: AbstainReason | None, listed: Mapping[AbstainReason, str]) -> None:
    """Draw all reasons of a list and mark the one that applies, by a symbol and in words."""
    if found not in listed:
        return
    lines = [
        f":material/check_box: **{name}**: this one"
        if code is found
        else f":material/check_box_outline_blank: {name}"
        for code, name in listed.items()
    ]
    st.markdown("  \n".join(lines))


def _bars(rows: list[tuple[str, str, float]], cases: str) -> None:
    """Draw names, frequencies in words, and bars from 0 to 100.

    The browser lays the text out above its bar, so that a long name is wrapped on a narrow page;
    text drawn within a picture would be cut off there.
    """
    for name, count, share in rows:
        st.progress(min(max(share, 0.0), 1.0), text=f"{escape(name)}: {count} such {cases}")


def _next_action_and_uncertainty(opinion: Opinion, words: CaseWords) -> None:
    decision = opinion.decision
    if decision.next_action:
        st.markdown(f"**Next action:** {escape(decision.next_action)}")
    if decision.aleatoric is not None:
        st.markdown(uncertainty_sentence(decision.aleatoric, decision.epistemic, words))
    if decision.set_coverage is not None:
        st.markdown(condition_set_sentence(decision.prediction_set, decision.set_coverage))
