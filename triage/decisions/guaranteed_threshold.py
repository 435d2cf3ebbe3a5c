"""A threshold that misses at most a stated share of the high-risk cases, with a guarantee.

Learn then test (Angelopoulos, Bates, Candès, Jordan & Lei 2021): every threshold of a grid
fixed beforehand is a hypothesis, "more than alpha of the high-risk cases are missed", that
calibration cases must reject. Thresholds are tested from the lowest, which misses least, each
at level delta, until one is not rejected (fixed sequence testing); the last rejected one is
taken. For misses, which happen or do not, the p-value is the binomial tail (their section
on binary losses). The tests are MAPIE's.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import expit, logit

from triage.errors import UsageError

_LOWEST = 1e-4
GRID: NDArray[np.float64] = expit(np.linspace(logit(_LOWEST), logit(1.0 - _LOWEST), 400))
"""Thresholds that are tested, lowest first; even in log odds, as small probabilities matter."""


class GuaranteedThreshold(BaseModel):
    """With probability 1 - delta over the calibration cases, at most alpha is missed.

    Parameters
    ----------
    threshold : float or None
        A case is flagged when its probability of high risk reaches this; None where not
        certified.
    alpha : float
        Largest share of high-risk cases missed.
    delta : float
        Probability, over the draw of calibration cases, that the share is larger after all.
    n_high_risk : int
        Independent high-risk calibration cases: clusters, where those were given.
    n_missed : int
        Of them missed at the threshold; at the lowest threshold where not certified.
    certified : bool
    reason : str
        In a sentence, why no threshold could be certified; "" where one was.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    threshold: float | None = Field(ge=0.0, le=1.0)
    alpha: float = Field(gt=0.0, lt=1.0)
    delta: float = Field(gt=0.0, lt=1.0)
    n_high_risk: int = Field(ge=0)
    n_missed: int = Field(ge=0)
    certified: bool
    reason: str

    @model_validator(mode="after")
    def _certified_or_a_reason(self) -> Self:
        if self.certified != (self.threshold is not None) or self.certified == bool(self.reason):
            raise ValueError("either certified with a threshold, or neither and a reason")
        return self

    def flags(self, p_high_risk: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether each case is flagged as possibly of high risk, bool [N].

        Raises
        ------
        UsageError
            If no threshold was certified.
        """
        if self.threshold is None:
            raise UsageError("no threshold was certified", hint=self.reason)
        flagged: NDArray[np.bool_] = np.asarray(p_high_risk) >= self.threshold
        return flagged


def needed_high_risk(alpha: float, delta: float) -> int:
    """Least number of high-risk cases that can certify anything, if none is missed.

    The smallest n with (1 - alpha)^n <= delta.
    """
    return math.ceil(math.log(delta) / math.log1p(-alpha) - 1e-9)


def fit_guaranteed_threshold(
    p_high_risk: NDArray[np.floating],
    high_risk: NDArray[np.bool_],
    *,
    alpha: float,
    delta: float = 0.1,
    abstained: NDArray[np.bool_] | None = None,
    cluster: NDArray[Any] | None = None,
) -> GuaranteedThreshold:
    """Certify the highest threshold that misses at most `alpha` of the high-risk cases.

    The guarantee is for cases drawn as the calibration cases were, and from a system that
    was not fitted on them: not for another device, nor for calibration on the training cases.

    Parameters
    ----------
    p_high_risk : float array [N]
        Summed calibrated probability of the high-risk conditions.
    high_risk : bool array [N]
        Whether the true condition is of high risk.
    alpha, delta : float
        Miss at most `alpha`, except with probability `delta`.
    abstained : bool array [N], optional
        Cases without an opinion count as caught, since a specialist sees them. Without
        this, abstaining catches nothing and each case stands on its probability.
    cluster : array [N], optional
        Patient of each case. The test needs independent cases, so a patient then counts once,
        and as missed if any of their high-risk cases is: the guarantee is on patients.

    Returns
    -------
    GuaranteedThreshold

    Raises
    ------
    UsageError
        If alpha or delta does not lie between 0 and 1, arrays differ in length, or
        probabilities do not lie in [0, 1].
    """
    for name, value in (("alpha", alpha), ("delta", delta)):
        if not 0.0 < value < 1.0:
            raise UsageError(f"must lie between 0 and 1, not {value}", where=name)
    # sums of float32 probabilities may pass 1 by a rounding
    p = np.asarray(p_high_risk, dtype=np.float64)
    if not ((p >= 0.0) & (p <= 1.0 + 1e-3)).all():
        raise UsageError("holds values outside [0, 1]", where="p_high_risk")
    for name, array in (("high_risk", high_risk), ("abstained", abstained), ("cluster", cluster)):
        if array is not None and len(array) != len(p):
            raise UsageError(f"{len(array)} values for {len(p)} cases", where=name)
    caught = p if abstained is None else np.where(abstained, 1.0, p)
    risky = np.asarray(high_risk, dtype=np.bool_)
    caught = caught[risky]
    if cluster is not None:
        caught = _lowest_of_each(caught, np.asarray(cluster)[risky])
    n = len(caught)
    certified = _certified(caught, alpha, delta) if n else np.empty(0)
    threshold = float(certified.max()) if len(certified) else None
    reason = ""
    if threshold is None:
        unit = "high-risk cases" if cluster is None else "patients with high-risk cases"
        reason = _why_not(n, int((caught < GRID[0]).sum()), alpha, delta, unit)
    return GuaranteedThreshold(
        threshold=threshold,
        alpha=alpha,
        delta=delta,
        n_high_risk=n,
        n_missed=int((caught < (GRID[0] if threshold is None else threshold)).sum()),
        certified=threshold is not None,
        reason=reason,
    )


def _certified(p: NDArray[np.float64], alpha: float, delta: float) -> NDArray[np.float64]:
    """Thresholds of `GRID` that n >= 1 high-risk cases certify, by MAPIE."""
    from mapie.risk_control import BinaryClassificationController, BinaryRisk

    missed = BinaryRisk(
        risk_occurrence=lambda truth, flagged: flagged == 0,
        risk_condition=lambda truth, flagged: truth == 1,
        higher_is_better=False,
    )
    controller = BinaryClassificationController(
        predict_function=lambda cases: np.column_stack([1.0 - cases, cases]),
        risk=missed,
        target_level=float(alpha),
        confidence_level=1.0 - delta,
        best_predict_param_choice="predicted_positive_fraction",
        list_predict_params=GRID,
        fwer_method="fixed_sequence",
    )
    with warnings.catch_warnings():
        # It warns where nothing is certified, which the caller says in a sentence.
        warnings.simplefilter("ignore")
        controller.calibrate(p, np.ones(len(p), dtype=np.int64))
    return np.asarray(controller.valid_predict_params, dtype=np.float64)


def _lowest_of_each(p: NDArray[np.float64], cluster: NDArray[Any]) -> NDArray[np.float64]:
    names, member = np.unique(cluster, return_inverse=True)
    lowest = np.full(len(names), np.inf)
    np.minimum.at(lowest, member, p)
    return lowest


def _why_not(n: int, n_missed: int, alpha: float, delta: float, unit: str) -> str:
    needed = needed_high_risk(alpha, delta)
    if n < needed:
        return (
            f"{n} {unit} are too few: to promise at most {alpha:.1%} missed with "
            f"{1 - delta:.0%} confidence, at least {needed} are needed, even if none is missed."
        )
    return (
        f"Even at the lowest threshold, {GRID[0]:g}, {n_missed} of {n} {unit} are missed, which "
        f"is too many to promise at most {alpha:.1%} with {1 - delta:.0%} confidence."
    )
