"""The AI's opinion, drawn only from what `triage.review.reveal` hands out."""

from __future__ import annotations

import streamlit as st

from triage.review import Opinion
from triage.store import Modality
from triage.vocabulary.abstention_reasons import AbstainReason
from ui import doubt
from ui.words import OCT_ABSTENTIONS, URGENCIES, condition_name, escape, frequencies, frequency

_SMALLEST_REST = 1e-6
"""Below this what is left of 1 is rounding and no further condition."""
_TOP = 4
"""Diagnoses of a volume on the card; the viewer shows all."""


def show(opinion: Opinion | None, modality: Modality = Modality.PHOTOGRAPHS) -> None:
    """Draw an opinion, an abstention, or that no system has scored the case."""
    with st.container(border=True):
        st.subheader("AI opinion", anchor=False)
        if opinion is None:
            _no_opinion("No system has scored this case.", "Decide without the AI.")
        elif opinion.urgency is None:
            code = f" ({opinion.reason_code})" if opinion.reason_code else ""
            _no_opinion(f"{opinion.reason}{code}", opinion.next_action)
            if modality is Modality.OCT_VOLUMES:
                _which_of_them(opinion.reason_code)
        elif modality is Modality.OCT_VOLUMES:
            _diagnoses(opinion)
        else:
            _differential(opinion)


def _no_opinion(reason: str, next_action: str) -> None:
    st.warning("**No AI opinion. This does not mean low risk.**", icon=":material/front_hand:")
    st.markdown(f"**Reason:** {escape(reason)}")
    st.markdown(f"**Next action:** {escape(next_action)}")


def _which_of_them(found: AbstainReason | None) -> None:
    """Say which reason it is among those that a volume can have, by mark and by word."""
    if found in OCT_ABSTENTIONS:
        lines = [
            f":material/check_box: **{name}**: this one"
            if code is found
            else f":material/check_box_outline_blank: {name}"
            for code, name in OCT_ABSTENTIONS.items()
        ]
        st.markdown("  \n".join(lines))


def _diagnoses(opinion: Opinion) -> None:
    """The diagnoses of a volume: each on its own, for several may be true of one scan."""
    assert opinion.urgency is not None, "an opinion has an urgency"
    # As a metric it would be cut off on a narrow page.
    st.markdown(f"Referral **{URGENCIES[opinion.urgency].lower()}**.")
    rows = opinion.joint_differential[:_TOP]
    _bars(
        [(condition_name(name), frequency(share), share) for name, share in rows],
        what="scans",
    )
    _further(opinion, doubt.OF_A_SCAN)
    if opinion.p_outlier is not None:
        st.markdown(
            f"**None of the conditions it knows:** {frequency(opinion.p_outlier)} such scans."
        )
    st.caption(
        "The bars count such scans with each diagnosis, as the networks see it; those with none of "
        "the conditions it knows are not among them. Diagnoses may occur together, so the bars may "
        f"add up to more than 100. System: {escape(opinion.bundle)}."
    )


def _differential(opinion: Opinion) -> None:
    """The conditions of photographs: they exclude each other and fit into 100 with 'none'."""
    assert opinion.urgency is not None, "an opinion has an urgency"
    named = opinion.joint_differential
    none = opinion.p_outlier
    # Another condition may be likelier than the likeliest one it knows: 'none of these'.
    among = " of those it knows" if none is not None and named and none >= named[0][1] else ""
    st.markdown(
        f"Most likely{among} **{escape(condition_name(opinion.condition or ''))}**, "
        f"referral **{URGENCIES[opinion.urgency].lower()}**."
    )
    rest = 1.0 - sum(share for _, share in named) - (none or 0.0)
    rows = [(condition_name(name), share) for name, share in named]
    if rest >= _SMALLEST_REST:
        rows.append(("Another condition it knows", rest))
    if none is not None:
        rows.append(("None of the conditions it knows", none))
    told = frequencies([share for _, share in rows])
    _bars([(name, count, share) for (name, share), count in zip(rows, told, strict=True)])
    _further(opinion, doubt.OF_PHOTOGRAPHS)
    counted = "Of 100 such cases" if none is not None else "Of 100 such cases that it knows"
    st.caption(
        f"{counted}, from calibrated probabilities; the numbers exclude each other and fit into "
        f"100. System: {escape(opinion.bundle)}."
    )


def _bars(rows: list[tuple[str, str, float]], what: str = "cases") -> None:
    """Draw names, frequencies in words, and bars from 0 to 100.

    The browser lays the text out, above its bar, so that a long name takes a further line on a
    narrow page; text drawn within a picture would be cut off there.
    """
    for name, count, share in rows:
        st.progress(min(max(share, 0.0), 1.0), text=f"{escape(name)}: {count} such {what}")


def _further(opinion: Opinion, words: doubt.Words) -> None:
    if opinion.next_action:
        st.markdown(f"**Next action:** {escape(opinion.next_action)}")
    if opinion.aleatoric is not None:
        st.markdown(doubt.sentence(opinion.aleatoric, opinion.epistemic, words))
