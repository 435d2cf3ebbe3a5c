"""How long readers were active on a case: over cases, never by reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triage.review.figures.reviewed_cases import ReviewedCase
from triage.review.figures.statistics import Spread, spread
from triage.vocabulary.review_policies import ReadingMode


@dataclass(frozen=True, slots=True)
class ActiveTime:
    """Active seconds a case of who decided it, idle time excluded.

    Cases of which no activity was recorded are not among them.

    Parameters
    ----------
    before : Spread
        Before the reveal; None in sites that read with the AI from the beginning.
    after : Spread
        From the reveal to the decision; None of cases read without it.
    """

    before: Spread
    after: Spread


def active_time(cases: Sequence[ReviewedCase]) -> dict[ReadingMode, ActiveTime]:
    """Return the active time by mode of reading."""
    found = {}
    for mode in ReadingMode:
        measured = [case for case in cases if case.mode is mode and case.seconds is not None]
        blind = mode is not ReadingMode.CONCURRENT
        found[mode] = ActiveTime(
            before=spread([case.seconds[0] for case in measured if case.seconds and blind]),
            after=spread([case.seconds[1] for case in measured if case.seconds and case.revealed]),
        )
    return found
