"""Evaluation of referrals: the 4 x 4 table, errors in both directions, urgent against the rest.

The measures De Fauw et al. 2018 report, with exact intervals if every patient has one volume and
Gaffke's (`triage.evaluation.bounded_mean`) if some have more. Urgency ranks grow as urgency falls
(0 = urgent ... 3 = observation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from triage.data.spec import UrgencyCosts
from triage.decisions.outcome_costs import urgency_cost_matrix
from triage.errors import UsageError
from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.bootstrap_intervals import CONFIDENCE, clopper_pearson
from triage.evaluation.bounded_mean import draw_means, mean_interval
from triage.evaluation.estimates import estimate_of
from triage.evaluation.metrics.metric import Interval
from triage.evaluation.metrics.weighted import CaseValues, FloatArray
from triage.evaluation.results import Estimate
from triage.uncertainty.auroc import weighted_auroc
from triage.vocabulary.clinical import Urgency

Ranks = NDArray[np.integer]
_CLASSES = tuple(Urgency)
_URGENT, _OBSERVATION = Urgency.URGENT.rank, Urgency.OBSERVATION.rank


class ReferralResult(BaseModel):
    """What was measured of N referrals.

    `confusion` has a row for each true urgency and a column for each one given, most urgent
    first. `error` counts every wrong class equally; `mean_penalty` weighs it by `penalty`, a
    matrix of ours (steps of urgency, priced apart for too low and too high). `diagnoses` holds
    the AUROC of each diagnosis. Estimates are None where nothing was given to measure them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal["triage-referral-1"] = "triage-referral-1"
    n_cases: int
    n_patients: int
    n_resamples: int
    seed: int
    confidence: float
    classes: list[str]
    confusion: list[list[int]]
    error: Estimate
    urgent_hit_rate: Estimate
    urgent_false_alarm_rate: Estimate
    urgent_to_observation: int
    under_triage: int
    over_triage: int
    penalty: list[list[float]]
    mean_penalty: Estimate
    urgent_auroc: Estimate | None
    diagnoses: dict[str, Estimate]


def evaluate_referral(
    truth: Ranks,
    predicted: Ranks,
    patients: NDArray[np.str_],
    *,
    probabilities: FloatArray | None = None,
    diagnoses: Sequence[str] = (),
    diagnosis_truth: Ranks | None = None,
    diagnosis_probabilities: FloatArray | None = None,
    costs: UrgencyCosts | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> ReferralResult:
    """Evaluate referrals against the true ones.

    Parameters
    ----------
    truth, predicted : int array [N]
        Urgency ranks, 0 to 3.
    patients : str array [N]
        Unit of resampling.
    probabilities : float array [N, 4], optional
        Of each referral class; the first column ranks urgent against the rest.
    diagnoses : sequence of str, length D
    diagnosis_truth : int array [N, D], optional
        1 = has it, 0 = has it not, -1 = unknown, left out.
    diagnosis_probabilities : float array [N, D], optional
    costs : UrgencyCosts, optional
        Price of a step of urgency; the project's default if not given.
    n_resamples, seed : int

    Raises
    ------
    UsageError
        If there is no case, a rank is none of the four, or shapes do not fit.
    """
    n = len(truth)
    _check(n, truth, predicted, patients, probabilities)
    weights = np.concatenate(list(cluster_weights(patients, n_resamples=n_resamples, seed=seed)))
    table = np.zeros((len(_CLASSES), len(_CLASSES)), dtype=np.int64)
    np.add.at(table, (truth, predicted), 1)
    penalty = urgency_cost_matrix(costs or UrgencyCosts())
    everyone = np.ones(n, dtype=np.bool_)
    urgent = truth == _URGENT
    called = predicted == _URGENT

    def share(metric: str, values: NDArray[np.bool_], where: NDArray[np.bool_]) -> Estimate:
        return _share(metric, values, where, patients, weights, seed)

    cost = penalty[truth, predicted]
    return ReferralResult(
        n_cases=n,
        n_patients=len(np.unique(patients)),
        n_resamples=n_resamples,
        seed=seed,
        confidence=CONFIDENCE,
        classes=[str(urgency) for urgency in _CLASSES],
        confusion=table.tolist(),
        error=share("error", predicted != truth, everyone),
        urgent_hit_rate=share("urgent_hit_rate", called, urgent),
        urgent_false_alarm_rate=share("urgent_false_alarm_rate", called, ~urgent),
        urgent_to_observation=int(table[_URGENT, _OBSERVATION]),
        under_triage=int((predicted > truth).sum()),
        over_triage=int((predicted < truth).sum()),
        penalty=penalty.tolist(),
        mean_penalty=_mean(
            "mean_penalty",
            "cost",
            CaseValues(cost, everyone, high=float(penalty.max())),
            patients,
            weights,
            seed,
        ),
        urgent_auroc=None
        if probabilities is None
        else _auroc_estimate("urgent_auroc", probabilities[:, 0], urgent, patients, weights),
        diagnoses=_diagnoses(
            diagnoses, diagnosis_truth, diagnosis_probabilities, patients, weights
        ),
    )


def _check(
    n: int,
    truth: Ranks,
    predicted: Ranks,
    patients: NDArray[np.str_],
    probabilities: FloatArray | None,
) -> None:
    if n == 0:
        raise UsageError("there are no referrals to evaluate")
    if len(predicted) != n or len(patients) != n:
        raise UsageError(f"{n} true urgencies for {len(predicted)} referrals of {len(patients)}")
    for name, ranks in (("true", truth), ("given", predicted)):
        if ranks.min() < 0 or ranks.max() >= len(_CLASSES):
            raise UsageError(f"an urgency rank {name} is none of 0 to {len(_CLASSES) - 1}")
    if probabilities is not None and (
        probabilities.shape != (n, len(_CLASSES)) or not np.isfinite(probabilities).all()
    ):
        raise UsageError(f"probabilities of referral classes must be [{n}, 4] and finite")


def _share(
    metric: str,
    values: NDArray[np.bool_],
    where: NDArray[np.bool_],
    patients: NDArray[np.str_],
    weights: FloatArray,
    seed: int,
) -> Estimate:
    """Share of some cases; with an exact interval if each is of another patient."""
    found = _mean(metric, "proportion", CaseValues(values, where), patients, weights, seed)
    if found.n_cases == 0 or found.n_clusters < found.n_cases:
        return found
    low, high = clopper_pearson(int((values & where).sum()), found.n_cases)
    return found.model_copy(update={"low": low, "high": high, "interval": "Clopper-Pearson"})


def _mean(
    metric: str,
    unit: str,
    part: CaseValues,
    patients: NDArray[np.str_],
    weights: FloatArray,
    seed: int,
) -> Estimate:
    """A bounded mean over some cases, with its interval."""
    value = float(part.mean(np.ones((1, len(patients))))[0])
    drawn = draw_means([part], patients, seed=seed)
    return estimate_of(
        metric,
        unit,
        value,
        part.mean(weights),
        Interval.GAFFKE,
        n_cases=int(part.where.sum()),
        n_clusters=len(np.unique(patients[part.where])),
        bounds=mean_interval(value, drawn.least[0], drawn.most[0]),
    )


def _auroc_estimate(
    metric: str,
    score: FloatArray,
    positive: NDArray[np.bool_],
    patients: NDArray[np.str_],
    weights: FloatArray,
) -> Estimate:
    return estimate_of(
        metric,
        "area",
        float(weighted_auroc(score, positive, np.ones((1, len(score))))[0]),
        weighted_auroc(score, positive, weights),
        Interval.KORN_GRAUBARD,
        n_cases=len(score),
        n_clusters=min(len(np.unique(patients[kind])) for kind in (positive, ~positive)),
    )


def _diagnoses(
    names: Sequence[str],
    truth: Ranks | None,
    probabilities: FloatArray | None,
    patients: NDArray[np.str_],
    weights: FloatArray,
) -> dict[str, Estimate]:
    if truth is None or probabilities is None:
        return {}
    if not truth.shape == probabilities.shape == (len(patients), len(names)):
        raise UsageError(
            f"diagnoses of shape {truth.shape} and {probabilities.shape} for "
            f"{len(patients)} cases and {len(names)} names"
        )
    found = {}
    for column, name in enumerate(names):
        known = truth[:, column] >= 0
        found[name] = _auroc_estimate(
            "auroc",
            probabilities[known, column],
            truth[known, column] == 1,
            patients[known],
            weights[:, known],
        )
    return found
