"""The AI's opinion, drawn only from what `triage.review.reveal` hands out."""

from __future__ import annotations

import html

import plotly.graph_objects as go
import streamlit as st

from triage.decisions.reasons import AbstainReason
from triage.review import Opinion
from triage.store import Modality
from ui import doubt
from ui.words import OCT_ABSTENTIONS, URGENCIES, condition_name, escape, frequency

_BAR, _REST, _TEXT = "#164a6f", "#e3e9ee", "#0f1923"
_LINE = 20  # pixels of one line of a bar's label
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
    assert opinion.urgency is not None, "an opinion has an urgency"
    st.metric("Referral", URGENCIES[opinion.urgency])
    _chart(opinion.differential[:_TOP], what="scans", lines=2)
    _further(opinion, doubt.OF_A_SCAN)
    st.caption(
        "The bars count such scans with each diagnosis, as the networks see it. Diagnoses "
        f"may occur together. System: {escape(opinion.bundle)}."
    )


def _differential(opinion: Opinion) -> None:
    assert opinion.urgency is not None, "an opinion has an urgency"
    st.markdown(
        f"Most likely **{escape(condition_name(opinion.condition or ''))}**, "
        f"referral **{URGENCIES[opinion.urgency].lower()}**."
    )
    _chart(opinion.differential)
    _further(opinion, doubt.OF_PHOTOGRAPHS)
    st.caption(
        "The bars count such cases among the conditions the system knows, from calibrated "
        f"probabilities. System: {escape(opinion.bundle)}."
    )


def _chart(
    differential: tuple[tuple[str, float], ...], what: str = "cases", lines: int = 1
) -> None:
    names = [condition_name(condition) for condition, _ in differential]
    told = [frequency(probability) for _, probability in differential]
    shares = [100 * probability for _, probability in differential]
    between = ": " if lines == 1 else "<br>"
    labels = [
        f"{html.escape(name, quote=False)}{between}{count} such {what}"
        for name, count in zip(names, told, strict=True)
    ]
    st.plotly_chart(
        _bars(labels, shares, _LINE * lines),
        theme=None,
        config={"staticPlot": True},
        alt=f"Of 100 such {what}: "
        + "; ".join(f"{name} {count}" for name, count in zip(names, told, strict=True)),
    )


def _further(opinion: Opinion, words: doubt.Words) -> None:
    if opinion.next_action:
        st.markdown(f"**Next action:** {escape(opinion.next_action)}")
    if opinion.p_outlier is not None:
        st.markdown(
            f"**None of the conditions it knows:** {frequency(opinion.p_outlier)} such cases."
        )
    if opinion.aleatoric is not None:
        st.markdown(doubt.sentence(opinion.aleatoric, opinion.epistemic, words))


def _bars(labels: list[str], shares: list[float], label_height: int) -> go.Figure:
    rows = list(range(len(labels)))
    pitch = 42 + label_height  # pixels from bar to bar
    thick = 21 / pitch
    figure = go.Figure()
    for width, colour in (([100.0] * len(rows), _REST), (shares, _BAR)):
        figure.add_bar(x=width, y=rows, orientation="h", marker_color=colour, width=thick)
    for row, label in zip(rows, labels, strict=True):
        figure.add_annotation(
            x=0,
            y=row - thick / 2,
            yshift=2,
            text=label,
            showarrow=False,
            xanchor="left",
            yanchor="bottom",
            align="left",
            font={"size": 15, "color": _TEXT},
        )
    figure.update_layout(
        barmode="overlay",
        showlegend=False,
        height=label_height + 10 + pitch * len(rows),
        margin={"l": 0, "r": 0, "t": label_height, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Source Sans, sans-serif"},
    )
    figure.update_xaxes(visible=False, range=[0, 100])
    figure.update_yaxes(visible=False, autorange="reversed")
    return figure
