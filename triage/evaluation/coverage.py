"""Coverage of prediction sets against the nominal level: overall, per condition, per subgroup.

The promise of conformal sets is an average over draws of calibration and test cases. Of one
draw of n calibration cases the coverage itself varies, with a standard deviation of about
sqrt(alpha (1 - alpha) / n), which the intervals here leave out: they are of the sets as they were
fitted. Valid sets are therefore sometimes reported as invalid: in our simulation 5 to 6 % of LAC,
APS with as many test as calibration cases, 14 % with 1,000 test and 300 calibration cases. Promises
are kept for a condition or a subgroup only by sets that were fitted by it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from triage.errors import UsageError
from triage.evaluation.bootstrap_intervals import clopper_pearson, korn_graubard
from triage.evaluation.results import level_order

OVERALL, CONDITION = "overall", "condition"


class CoverageRow(BaseModel):
    """Coverage of the sets of some cases.

    `axis` and `level` give the group: overall, of one true condition, or of one level of a
    subgroup. `covered` is the share of sets with the true condition, `low` and `high` its
    95 % interval; `mean_size` counts conditions in a set, `empty` is the share of sets without
    any. `holds` is whether the nominal level does not lie above the interval.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    axis: str
    level: str
    n_cases: int
    n_clusters: int
    covered: float
    low: float
    high: float
    promised: float
    mean_size: float
    empty: float
    holds: bool


def coverage_of(
    sets: NDArray[np.bool_],
    truth: NDArray[np.integer],
    alpha: float,
    *,
    classes: tuple[str, ...] = (),
    subgroups: pd.DataFrame | None = None,
    cluster: NDArray[Any] | None = None,
) -> list[CoverageRow]:
    """Count how often sets hold the true condition.

    Parameters
    ----------
    sets : bool array [N, K]
        Of answered inliers: leave out outliers, and cases that an OOD gate stopped.
    truth : int array [N]
        True inlier condition, 0 to K - 1.
    alpha : float
        The sets promise to hold the truth for 1 - alpha of the cases.
    classes : tuple of str, length K, optional
        Names of the conditions; their numbers by default.
    subgroups : DataFrame, N rows, optional
        One string column per subgroup axis.
    cluster : array [N], optional
        Patient of each case. Intervals are Clopper-Pearson's with one trial a case, or,
        where patients have several cases, Korn-Graubard's with as many trials as those are
        worth by the variance between patients (Taylor linearisation of the share).

    Returns
    -------
    list of CoverageRow
        Overall first, then each condition that has cases, then each level ("unknown" last).

    Raises
    ------
    UsageError
        If there is no case, a case is not of an inlier condition, or lengths differ.
    """
    n, k = sets.shape
    if n == 0:
        raise UsageError("there are no cases to take the coverage of")
    if not 0.0 < alpha < 1.0:
        raise UsageError(f"must lie between 0 and 1, not {alpha}", where="alpha")
    lengths = {len(part) for part in (truth, subgroups, cluster) if part is not None} | {n}
    if len(lengths) > 1 or (classes and len(classes) != k):
        raise UsageError(f"sets are of {n} cases and {k} conditions, other arguments are not")
    if truth.min() < 0 or truth.max() >= k:
        raise UsageError("coverage is promised for inlier conditions only: leave outliers out")
    names = classes or tuple(str(index) for index in range(k))
    patients = np.arange(n) if cluster is None else np.unique(cluster, return_inverse=True)[1]
    held = sets[np.arange(n), truth]
    sizes = sets.sum(axis=1)
    return [
        _row(axis, level, held[where], sizes[where], patients[where], 1.0 - alpha)
        for axis, level, where in _levels(truth, names, subgroups)
    ]


def _levels(
    truth: NDArray[np.integer], names: tuple[str, ...], subgroups: pd.DataFrame | None
) -> list[tuple[str, str, NDArray[np.bool_]]]:
    found = [(OVERALL, "all", np.ones(len(truth), dtype=np.bool_))]
    found += [(CONDITION, names[label], truth == label) for label in np.unique(truth)]
    for axis in () if subgroups is None else subgroups.columns:
        column = subgroups[axis].to_numpy()  # type: ignore[index]
        for level in sorted(set(column), key=level_order):
            found.append((str(axis), str(level), column == level))
    return found


def _row(
    axis: str,
    level: str,
    held: NDArray[np.bool_],
    sizes: NDArray[np.integer],
    patients: NDArray[np.integer],
    promised: float,
) -> CoverageRow:
    share = float(held.mean())
    low, high, n_clusters = _interval(held, patients)
    return CoverageRow(
        axis=axis,
        level=level,
        n_cases=len(held),
        n_clusters=n_clusters,
        covered=share,
        low=low,
        high=high,
        promised=promised,
        mean_size=float(sizes.mean()),
        empty=float((sizes == 0).mean()),
        holds=promised <= high,
    )


def _interval(held: NDArray[np.bool_], patients: NDArray[np.integer]) -> tuple[float, float, int]:
    """95 % interval of the coverage, and the number of patients."""
    n, share = len(held), float(held.mean())
    _, member = np.unique(patients, return_inverse=True)
    cases = np.bincount(member)
    c = len(cases)
    if c == n:
        return *clopper_pearson(float(held.sum()), n), c
    # Residuals of the patients' totals: the variance of a ratio of two sums.
    residuals = np.bincount(member, held) - share * cases
    variance = float(c / (c - 1) * (residuals**2).sum() / n**2) if c > 1 else 0.0
    return *korn_graubard(share, variance, n, c), c
