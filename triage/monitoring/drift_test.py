"""The answer of a test whether two samples come from one distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from triage.errors import UsageError
from triage.vocabulary.monitoring import ChartVerdict

MIN_REFERENCE, MIN_CURRENT = 20, 10
"""Fewer cases than these are not tested: no test at a small level could find anything in them."""
MAX_PERMUTATIONS = 1_000_000


@dataclass(frozen=True)
class DriftTest:
    """What a drift test found.

    Parameters
    ----------
    method : str
        In words, for people.
    n_reference, n_current : int
        Cases that were compared, without missing values.
    level : float
        Probability of an alarm without drift.
    verdict : ChartVerdict
        Alarm where `p_value <= level`.
    statistic, p_value : float, optional
        None where nothing was tested.
    effect : float, optional
        Size of the difference, which does not grow with the number of cases; the function says
        what it is.
    expected : float, optional
        Expected value of the statistic without drift.
    limit : float, optional
        The statistic from which on the test would alarm, where it is known.
    note : str
        What to know of the answer; '' where nothing is.
    """

    method: str
    n_reference: int
    n_current: int
    level: float
    verdict: ChartVerdict
    statistic: float | None = None
    p_value: float | None = None
    effect: float | None = None
    expected: float | None = None
    limit: float | None = None
    note: str = ""


def judged(p_value: float, level: float) -> ChartVerdict:
    """An alarm where the p-value is at most the level."""
    return ChartVerdict.ALARM if p_value <= level else ChartVerdict.IN_CONTROL


def too_few(method: str, n_reference: int, n_current: int, level: float) -> DriftTest | None:
    """The answer where there are too few cases; None where there are enough."""
    if n_reference >= MIN_REFERENCE and n_current >= MIN_CURRENT:
        return None
    note = (
        f"{n_reference} reference and {n_current} current cases; "
        f"at least {MIN_REFERENCE} and {MIN_CURRENT} are needed"
    )
    return DriftTest(method, n_reference, n_current, level, ChartVerdict.NOT_ENOUGH, note=note)


def permutations_for(level: float, n_permutations: int) -> int:
    """Permutations that a p-value at most the level needs at least, or more where asked for.

    The smallest p-value of B permutations is 1 / (B + 1): that is at most half the level.

    Raises
    ------
    UsageError
        If the level is not between 0 and 1, or needs more than a million permutations.
    """
    if not 0 < level < 1:
        raise UsageError(f"a level of {level:g} is not between 0 and 1")
    needed = max(n_permutations, math.ceil(2 / level) - 1)
    if needed > MAX_PERMUTATIONS:
        raise UsageError(
            f"a level of {level:.2g} needs {needed} permutations, more than {MAX_PERMUTATIONS}",
            hint="Plan fewer looks, or test fewer columns, or allow a larger budget.",
        )
    return needed


def first_of_units(units: ArrayLike) -> NDArray[np.int64]:
    """Places of the first case of each patient, in order.

    Tests of single columns need independent cases; several cases of a patient are not.

    Parameters
    ----------
    units : array [N]
        Patient of each case.
    """
    return np.sort(np.unique(np.asarray(units), return_index=True)[1]).astype(np.int64)
