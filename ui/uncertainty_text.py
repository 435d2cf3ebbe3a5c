"""The uncertainty between the conditions that a system knows, and its sources, as a sentence."""

from __future__ import annotations

import math

from ui.case_words import CaseWords

LITTLE = 0.2
"""Nats below which the uncertainty is called little: that of 95 against 5 of 100, about. Ours."""
MUCH = math.log(2)
"""Nats from which it is called much: that of two equally probable conditions. Ours."""
_DISAGREE = "the models disagree (more such training cases would help)"


def uncertainty_line(aleatoric: float, epistemic: float | None, words: CaseWords) -> str:
    """Return how large the uncertainty is and its main source, in one short line.

    Parameters
    ----------
    aleatoric : float
        Mean entropy of the models, in nats.
    epistemic : float, optional
        What the disagreement of the models adds, in nats; None where there is one model.
    words : CaseWords
    """
    total = aleatoric + (epistemic or 0.0)
    named = f"{words.uncertainty[:1].lower()}{words.uncertainty[1:]}"
    begin = f"{_amount(total).capitalize()} {named}"
    if epistemic is None:
        return f"{begin}; one model only."
    if total < LITTLE:
        return f"{begin}."
    models = epistemic > aleatoric
    return f"{begin}, mostly because {'the models disagree' if models else words.ambiguous}."


def _amount(total: float) -> str:
    return "little" if total < LITTLE else "some" if total < MUCH else "much"


def uncertainty_sentence(aleatoric: float, epistemic: float | None, words: CaseWords) -> str:
    """Return how large the uncertainty is and, unless it is little, where it comes from.

    Parameters
    ----------
    aleatoric : float
        Mean entropy of the models, in nats.
    epistemic : float, optional
        What the disagreement of the models adds, in nats; None where there is one model.
    words : CaseWords
    """
    total = aleatoric + (epistemic or 0.0)
    begin = f"{words.uncertainty}: {_amount(total)}."
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
