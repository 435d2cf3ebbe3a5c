"""The mean of paired differences of the same cases, with its law over patients."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from triage.auditing.intervals.bounded import BoundedMean

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class CaseGains:
    """A measure of N cases under both systems, larger better.

    Parameters
    ----------
    champion, challenger : float array [N]
    where : bool array [N]
        Cases that it is taken of.
    low, high : float
        Bounds of a case's value.
    """

    champion: FloatArray
    challenger: FloatArray
    where: NDArray[np.bool_]
    low: float = 0.0
    high: float = 1.0

    def among(self, rows: NDArray[np.bool_]) -> CaseGains:
        """Return the same measure of some of the cases."""
        return CaseGains(
            self.champion, self.challenger, self.where & rows, self.low, self.high
        )


@dataclass(frozen=True)
class PairedMean:
    """The mean difference, challenger less champion, of n cases of C patients.

    Parameters
    ----------
    champion, challenger, value : float
        NaN without cases.
    n_cases, n_patients : int
    variance : float
        Of `value` over patients: the sum of squared influences times C / (C - 1).
    law : BoundedMean, optional
        Gaffke's law of the mean difference: bounds of a case's difference and an unseen patient
        keep it from having no width where no case was discordant. None without cases.
    influence : float array [n_patients of the table]
        Influence of each patient on `value`.
    """

    champion: float
    challenger: float
    value: float
    n_cases: int
    n_patients: int
    variance: float
    law: BoundedMean | None
    influence: FloatArray

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval of which each end leaves out `level`."""
        if self.law is None:
            return math.nan, math.nan
        return self.law.limits(1 - 2 * level)

    def p_not_better(self) -> float:
        """Return the one-sided p-value that the challenger is no better."""
        if self.law is None or self.value <= 0:
            return 1.0
        return self.law.p_value(0.0) / 2

    def p_not_worse(self) -> float:
        """Return the one-sided p-value that the challenger is no worse."""
        if self.law is None or self.value >= 0:
            return 1.0
        return self.law.p_value(0.0) / 2


def paired_mean(gains: CaseGains, cluster: NDArray[np.int32], n_patients: int) -> PairedMean:
    """Return the mean difference of a measure.

    Parameters
    ----------
    gains : CaseGains
    cluster : int array [N]
        Patient of each case, below `n_patients`.
    n_patients : int
    """
    rows = np.flatnonzero(gains.where)
    before, after = gains.champion[rows], gains.challenger[rows]
    patient = cluster[rows]
    sums = np.bincount(patient, after - before, minlength=n_patients)
    sizes = np.bincount(patient, minlength=n_patients).astype(np.float64)
    n, seen = len(rows), sizes > 0
    if not n:
        nothing = np.zeros(n_patients)
        return PairedMean(math.nan, math.nan, math.nan, 0, 0, math.nan, None, nothing)
    value = float(sums.sum() / n)
    influence = (sums - value * sizes) / n
    count = int(seen.sum())
    variance = float(influence @ influence) * count / max(count - 1, 1)
    # One sort of pairs, as the parts of a complex number.
    pairs, counts = np.unique(sums[seen] + 1j * sizes[seen], return_counts=True)
    width = gains.high - gains.low
    law = BoundedMean(value, pairs.real, pairs.imag, counts.astype(np.float64), -width, width)
    return PairedMean(
        float(before.mean()), float(after.mean()), value, n, count, variance, law, influence
    )


def p_not_below_the_rest(part: PairedMean, rest: PairedMean) -> float:
    """Return the one-sided p-value that a part gains no less than all other cases.

    By the normal distribution, with the variance of the difference over patients; a patient with
    cases on both sides counts with both. One discordant patient that was not seen is added to each
    variance, so that it is never zero.
    """
    if part.law is None or rest.law is None or part.value >= rest.value:
        return 1.0
    influence = part.influence - rest.influence
    count = part.n_patients + rest.n_patients
    variance = float(influence @ influence) * count / max(count - 1, 1)
    unseen = sum(
        (mean.law.sizes.max() * mean.law.high / mean.n_cases) ** 2
        for mean in (part, rest)
        if mean.law is not None
    )
    return float(special.ndtr((part.value - rest.value) / math.sqrt(variance + unseen)))
