"""The AI's opinion, drawn only from what `triage.review.reveal` hands out."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from triage.review import Opinion
from ui.words import URGENCIES, condition_name, escape, frequency

_BAR, _REST, _TEXT = "#164a6f", "#e3e9ee", "#0f1923"


def show(opinion: Opinion | None) -> None:
    """Draw an opinion, an abstention, or that no system has scored the case."""
    with st.container(border=True):
        st.subheader("AI opinion", anchor=False)
        if opinion is None:
            _no_opinion("No system has scored this case.", "Decide without the AI.")
        elif opinion.urgency is None:
            code = f" ({opinion.reason_code})" if opinion.reason_code else ""
            _no_opinion(f"{opinion.reason}{code}", opinion.next_action)
        else:
            _differential(opinion)


def _no_opinion(reason: str, next_action: str) -> None:
    st.warning("**No AI opinion. This does not mean low risk.**", icon=":material/front_hand:")
    st.markdown(f"**Reason:** {escape(reason)}")
    st.markdown(f"**Next action:** {escape(next_action)}")


def _differential(opinion: Opinion) -> None:
    assert opinion.urgency is not None, "an opinion has an urgency"
    st.markdown(
        f"Most likely **{escape(condition_name(opinion.condition or ''))}**, "
        f"referral **{URGENCIES[opinion.urgency].lower()}**."
    )
    names = [condition_name(condition) for condition, _ in opinion.differential]
    told = [frequency(probability) for _, probability in opinion.differential]
    shares = [100 * probability for _, probability in opinion.differential]
    st.plotly_chart(
        _bars(names, told, shares),
        theme=None,
        config={"staticPlot": True},
        alt="Of 100 such cases: "
        + "; ".join(f"{name} {count}" for name, count in zip(names, told, strict=True)),
    )
    if opinion.next_action:
        st.markdown(f"**Next action:** {escape(opinion.next_action)}")
    if opinion.p_outlier is not None:
        st.markdown(
            f"**None of the conditions it knows:** {frequency(opinion.p_outlier)} such cases."
        )
    st.caption(
        "The bars count such cases among the conditions the system knows, from calibrated "
        f"probabilities. System: {escape(opinion.bundle)}."
    )


def _bars(names: list[str], told: list[str], shares: list[float]) -> go.Figure:
    labels = [f"{name}: {count} such cases" for name, count in zip(names, told, strict=True)]
    rows = list(range(len(names)))
    figure = go.Figure()
    for width, colour in (([100.0] * len(rows), _REST), (shares, _BAR)):
        figure.add_bar(x=width, y=rows, orientation="h", marker_color=colour, width=0.34)
    for row, label in zip(rows, labels, strict=True):
        figure.add_annotation(
            x=0,
            y=row - 0.36,
            text=label.replace("<", "&lt;"),
            showarrow=False,
            xanchor="left",
            font={"size": 15, "color": _TEXT},
        )
    figure.update_layout(
        barmode="overlay",
        showlegend=False,
        height=30 + 62 * len(rows),
        margin={"l": 0, "r": 0, "t": 14, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Source Sans, sans-serif"},
    )
    figure.update_xaxes(visible=False, range=[0, 100])
    figure.update_yaxes(visible=False, autorange="reversed")
    return figure
