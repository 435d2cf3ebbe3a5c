"""The reusable hold-out: a gate split that judges many challengers without being learned by heart.

Each answer tells the next challenger something of the gate split. The Ladder (Blum and Hardt, The
Ladder: a reliable leaderboard for machine learning competitions, ICML 2015) answers only whether
the best result so far is beaten by a step, and repeats it otherwise. Here the step is free of a
parameter: the standard error of the paired difference, times the quantile of a level that is spent
over the uses, so that all answers together are wrong with at most `alpha`.

An AUROC is no mean of losses of cases, so its standard error comes from placement values (DeLong,
DeLong and Clarke-Pearson, Biometrics 44:837, 1988), added up by cluster (Obuchowski, Biometrics
53:567, 1997).

Thresholdout (Dwork et al., Science 349:636, 2015) is the other method. It needs the challenger's
results on its training data, adds noise whose seed the submitter must not know, and stops
answering when its budget is spent; for the few challengers of a gate it is less exact and no safer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from scipy import stats

from triage.gating.readiness import ReadinessRule

ALPHA = 0.05
"""Level of all answers "better" of one gate split together, one-sided."""
_PARTS_OF_A_STEP = 4
_MOST_EVIDENCE = 10_000_000


@dataclass(frozen=True)
class PairedDifference:
    """A paired difference on the gate split: the challenger's result less the champion's.

    Parameters
    ----------
    value : float
        Larger is better.
    standard_error : float
    degrees : float
        Degrees of freedom of Student's distribution: clusters of the rarer class, less one.
    """

    value: float
    standard_error: float
    degrees: float


class HoldOutState(BaseModel):
    """What a use of a gate split left for the next one.

    Parameters
    ----------
    use : int
        Different submissions that the split has judged, this one counted.
    improvements : int
        Earlier ones that it called better.
    level, step : float
        One-sided level of this use, and the difference that it asks for; the step is None where
        nothing could be compared.
    better : bool
    claimed : float
        The gain that is sure at this level, rounded down; 0 where it is not better.
    cases : tuple of str
        Short hashes of the cases, in the first use of the split only.
    continues : tuple of str
        Gate sets used earlier that share cases with this one; their uses count for this one.
    readiness : ReadinessRule, optional
        Conditions of the readiness levels in the policy that judged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str = "ladder-1"
    use: int
    improvements: int
    level: float
    step: float | None
    better: bool
    claimed: float
    cases: tuple[str, ...] = ()
    continues: tuple[str, ...] = ()
    readiness: ReadinessRule | None = None


def level_of_use(use: int, improvements: int, alpha: float = ALPHA) -> float:
    """Return the one-sided level at which a use of a gate split may say "better".

    Before the first "better", every answer was "no", so the next challenger cannot depend on the
    data and the levels add up: alpha / (k (k + 1)) sums to alpha over all k. After b answers
    "better", the challenger may depend on which of the k - 1 earlier uses they were; there are
    C(k - 1, b) such histories, and b has the share 2^-(b + 1) of the level of its use, so that all
    histories together still sum to alpha.

    Parameters
    ----------
    use : int
        k, from 1.
    improvements : int
        b, earlier uses that answered "better".
    alpha : float

    Raises
    ------
    ValueError
        If there are more improvements than earlier uses.

    Examples
    --------
    >>> round(level_of_use(1, 0, alpha=0.05), 4)
    0.0125
    >>> level_of_use(20, 1) < level_of_use(20, 0) < level_of_use(2, 0)
    True
    """
    if use < 1 or not 0 <= improvements < use:
        raise ValueError(f"{improvements} improvements in {use - 1} earlier uses")
    histories = math.comb(use - 1, improvements)
    return float(alpha / (use * (use + 1)) / 2 ** (improvements + 1) / histories)


def answer(
    difference: PairedDifference | None, use: int, improvements: int, alpha: float = ALPHA
) -> HoldOutState:
    """Return the Ladder's answer to one submission.

    Parameters
    ----------
    difference : PairedDifference or None
        None where there is nothing to compare; that is counted and is not better.
    use, improvements : int
        As for `level_of_use`.

    Notes
    -----
    The claimed gain is the lower end of the one-sided interval at the level of the use, rounded
    down to a quarter of the step: with probability 1 - alpha no claim of any use exceeds the true
    gain. A difference without variance between cases is never better.
    """
    level = level_of_use(use, improvements, alpha)
    step, better, claimed = None, False, 0.0
    if difference is not None and difference.standard_error > 0 and difference.degrees >= 1:
        quantile = float(stats.t.isf(level, min(difference.degrees, _MOST_EVIDENCE)))
        step = quantile * difference.standard_error
        better = difference.value > step
        if better:
            claimed = round_down(difference.value - step, step / _PARTS_OF_A_STEP)
    return HoldOutState(
        use=use, improvements=improvements, level=level, step=step, better=better, claimed=claimed
    )


def round_down(value: float, unit: float) -> float:
    """Round a number that is not negative down to a multiple of a unit."""
    return float(math.floor(value / unit) * unit)


def round_to(value: float, unit: float) -> float:
    """Round a number to the nearest multiple of a unit; what is less than half of it is 0."""
    return round(value / unit) * unit + 0.0


def auroc_difference(
    champion: ArrayLike,
    challenger: ArrayLike,
    positive: ArrayLike,
    clusters: ArrayLike | None = None,
) -> PairedDifference | None:
    """Compare two AUROC on the same cases.

    Parameters
    ----------
    champion, challenger : array of float [N]
        Scores, larger for positives.
    positive : array of bool [N]
    clusters : array [N], optional
        Cases with the same value are resampled together; by default each is its own.

    Returns
    -------
    PairedDifference or None
        None where there are fewer than two clusters with positives, or with negatives.
    """
    is_positive = np.asarray(positive, bool)
    number = np.arange(len(is_positive)) if clusters is None else _numbered(clusters)
    counts = [len(np.unique(number[kind])) for kind in (is_positive, ~is_positive)]
    if min(counts) < 2:
        return None
    before, after = (placements(each, is_positive) for each in (champion, challenger))
    value = after.auroc - before.auroc
    parts = np.bincount(number, after.influence - before.influence)
    n_clusters = int(number.max()) + 1
    variance = float(np.sum(parts**2)) * n_clusters / (n_clusters - 1)
    return PairedDifference(value, math.sqrt(variance), min(counts) - 1)


def _numbered(clusters: ArrayLike) -> NDArray[np.int64]:
    _, number = np.unique(np.asarray(clusters).astype(str), return_inverse=True)
    return number.astype(np.int64)


@dataclass(frozen=True)
class Placements:
    """An AUROC, and what each case moves it by.

    Parameters
    ----------
    auroc : float
    influence : array of float [N]
        Placement value less the AUROC, over the number of cases of its class; they sum to 0, and
        the sum of their squares estimates the variance of the AUROC.
    """

    auroc: float
    influence: NDArray[np.float64]


def placements(scores: ArrayLike, positive: NDArray[np.bool_]) -> Placements:
    """Return the AUROC and the placement values of its cases; ties count half.

    Parameters
    ----------
    scores : array of float [N]
        Larger for positives.
    positive : array of bool [N]
        Both kinds occur.
    """
    score = np.asarray(scores, np.float64)
    m, n = int(positive.sum()), int((~positive).sum())
    everyone = stats.rankdata(score)
    among_own = np.empty_like(score)
    among_own[positive] = stats.rankdata(score[positive])
    among_own[~positive] = stats.rankdata(score[~positive])
    others = np.where(positive, n, m)
    above = (everyone - among_own) / others  # share of the other kind that is below
    found = np.where(positive, above, 1 - above)
    auroc = float(found[positive].mean())
    return Placements(auroc, (found - auroc) / np.where(positive, m, n))
