"""How much the system doubts between what it knows, and where that comes from, in plain words."""

from __future__ import annotations

import math
from typing import NamedTuple

LITTLE = 0.2
"""Nats below which doubt is little: about that between 95 and 5 of 100 (our own limit)."""
MUCH = math.log(2)
"""Nats from which it is much: that between two that are equally likely (our own limit)."""


class Words(NamedTuple):
    """What is doubted between, and why even models that agree may doubt."""

    title: str
    ambiguous: str


OF_PHOTOGRAPHS = Words("Doubt between those it knows", "the picture fits several")
OF_A_SCAN = Words("Doubt about the referral", "the scan fits several referral classes")
_DISAGREE = "the models disagree (more such training cases would help)"


def sentence(aleatoric: float, epistemic: float | None, words: Words) -> str:
    """Say how much doubt there is, and of more than a little where it comes from.

    Parameters
    ----------
    aleatoric : float
        Mean doubt of the models, in nats.
    epistemic : float, optional
        What their disagreement adds; None where there is one model, which cannot disagree.
    words : Words
    """
    total = aleatoric + (epistemic or 0.0)
    amount = "little" if total < LITTLE else "some" if total < MUCH else "much"
    begin = f"**{words.title}:** {amount}."
    if epistemic is None:
        return f"{begin} There is one model: whether others would disagree is not known."
    if total < LITTLE:
        return begin
    percent = round(100 * epistemic / total)
    if percent in (0, 100):
        return f"{begin} Nearly all of it because {_DISAGREE if percent else words.ambiguous}."
    return (
        f"{begin} About {100 - percent} % of it because {words.ambiguous}, "
        f"about {percent} % because {_DISAGREE}."
    )
