"""What people decided, before and after they saw the system's opinion, against the truth.

Each function returns the values of the cases whose mean is its metric. Switches are those of
`triage.review.figures.switches`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from triage.evaluation.metrics.cases import BoolColumn, Cases, Column
from triage.evaluation.metrics.clinical import URGENT
from triage.evaluation.metrics.weighted import CaseValues

SEMI_URGENT = 1


class ReadCases(Cases, Protocol):
    """Cases that people read; -1 where a read or a time (NaN) is not known."""

    @property
    def first_right(self) -> Column:
        """Whether the person named the true condition before the opinion was shown, int [N]."""

    @property
    def final_right(self) -> Column:
        """Whether the person named the true condition in the end, int [N]."""

    @property
    def final_urgency(self) -> Column:
        """Rank of the urgency of the final decision, int [N]."""

    @property
    def seconds(self) -> Column:
        """Time of the person on the case, float [N]."""

    @property
    def shown(self) -> BoolColumn:
        """Whether the person was shown the system's output; true where that is not recorded."""


def first_read_accuracy(cases: ReadCases) -> CaseValues:
    """Whether the first read names the true condition, of cases with a first read."""
    return CaseValues(cases.first_right == 1, cases.labelled & (cases.first_right >= 0))


def final_accuracy(cases: ReadCases) -> CaseValues:
    """Whether the final decision names the true condition, of cases with one."""
    return CaseValues(cases.final_right == 1, cases.labelled & (cases.final_right >= 0))


def team_gain(cases: ReadCases) -> CaseValues:
    """Final decision right less first read right, of cases with both: -1, 0 or 1."""
    gain = cases.final_right.astype(np.float64) - cases.first_right
    return CaseValues(gain, _both(cases), low=-1.0)


def helpful_switches(cases: ReadCases) -> CaseValues:
    """Whether a wrong first read became right, of those shown the system's output."""
    return CaseValues(cases.final_right == 1, _both(cases) & cases.shown & (cases.first_right == 0))


def harmful_switches(cases: ReadCases) -> CaseValues:
    """Whether a right first read became wrong, of those shown the system's output."""
    return CaseValues(cases.final_right == 0, _both(cases) & cases.shown & (cases.first_right == 1))


def final_sensitivity_urgent(cases: ReadCases) -> CaseValues:
    """Whether the final decision is urgent, of urgent cases with one."""
    urgent = (cases.true_urgency == URGENT) & (cases.final_urgency >= 0)
    return CaseValues(cases.final_urgency == URGENT, urgent)


def abstention_under_calls(cases: ReadCases) -> CaseValues:
    """Whether the final decision is less urgent than the truth, where an abstention was shown.

    Of urgent and semi-urgent cases: an abstention must not be read as "nothing was found".
    """
    pressing = (cases.true_urgency >= URGENT) & (cases.true_urgency <= SEMI_URGENT)
    where = cases.abstained & cases.shown & pressing & (cases.final_urgency >= 0)
    return CaseValues(cases.final_urgency > cases.true_urgency, where)


def seconds(cases: ReadCases) -> CaseValues:
    """Time of the person on the case, in seconds, of cases whose time is known."""
    return CaseValues(cases.seconds, np.isfinite(cases.seconds), high=np.inf)


def _both(cases: ReadCases) -> BoolColumn:
    found: BoolColumn = cases.labelled & (cases.first_right >= 0) & (cases.final_right >= 0)
    return found
