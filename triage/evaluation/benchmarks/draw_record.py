"""One draw as its records tell it: truth, clusters, ensembles, and what every method said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from triage.array_file import Arrays
from triage.data.spec import DataSpec
from triage.decisions.joint_rejection import fit_joint_rejection
from triage.errors import UsageError
from triage.evaluation.benchmarks.records import Records
from triage.evaluation.outcomes import Outcomes
from triage.uncertainty.calibration.temperature import apply_temperature, fit_temperature
from triage.uncertainty.outlier_probability import fit_outlier_probability, prevalence_weights

DRAW = "draw"
VALIDATION, TEST, FAR = "validation", "test", "far"
NOT_SHIFTS = ("train", VALIDATION, TEST, FAR)
Floats = NDArray[np.float64]


def head_record(head: str) -> str:
    """Name of the record of an ensemble's probabilities, [N, C] a set."""
    return f"head-{head}"


@dataclass(frozen=True)
class Said:
    """What one method said in one draw: an array a set, and what it cost."""

    arrays: Arrays
    fit_seconds: float
    score_seconds: float
    memory_mib: float | None


@dataclass(frozen=True)
class Ensemble:
    """One kind of ensemble in one draw.

    Parameters
    ----------
    probabilities : dict of float array [N, C]
        By set.
    temperature : float
        Fitted on validation inliers.
    n_inliers : int
    """

    probabilities: dict[str, Floats]
    temperature: float
    n_inliers: int

    def calibrated(self, name: str) -> Floats:
        """Probability of each condition given an inlier, [N, K]."""
        return apply_temperature(self.probabilities[name], self.n_inliers, self.temperature)


@dataclass(frozen=True)
class DrawRecord:
    """All that is known of one draw.

    Parameters
    ----------
    seed : int
    inliers : tuple of str
    truth, clusters : dict of int64 array
        By set; truth is -1 for cases of no inlier condition.
    subgroups : DataFrame
        Of the test cases.
    heads : dict of Ensemble
        By kind of head.
    said : dict of Said
        By name of the method.
    rejected : int
    """

    seed: int
    inliers: tuple[str, ...]
    truth: dict[str, NDArray[np.int64]]
    clusters: dict[str, NDArray[np.int64]]
    subgroups: pd.DataFrame
    heads: dict[str, Ensemble]
    said: dict[str, Said] = field(default_factory=dict)
    rejected: int = 0

    @property
    def shifts(self) -> list[str]:
        """Names of the shifted sets."""
        return [name for name in self.truth if name not in NOT_SHIFTS]

    @cached_property
    def all_clusters(self) -> NDArray[np.int64]:
        """Clusters of all cases that are tested."""
        return np.concatenate(
            [codes for name, codes in self.clusters.items() if name not in ("train", VALIDATION)]
        )

    def prevalence(self, name: str, prevalence: float) -> Floats:
        """Factors on the cases of a set that bring outliers to a prevalence, averaging one."""
        outlier = self.truth[name] < 0
        if not outlier.any() or outlier.all():
            return np.ones(len(outlier))
        return prevalence_weights(outlier, prevalence) * len(outlier)

    def outcomes(self, name: str, probabilities: Floats) -> Outcomes:
        """Cases of a set with these calibrated probabilities; nothing abstains, no score."""
        return bare_outcomes(
            self.inliers, self.truth[name], probabilities, self.clusters[name].astype(str)
        )


def bare_outcomes(
    classes: tuple[str, ...],
    truth: NDArray[np.int64],
    probabilities: Floats,
    cluster: NDArray[np.str_],
) -> Outcomes:
    """Outcomes of which only truth and probabilities are known; the rest reads nought."""
    nothing = np.zeros(len(truth))
    return Outcomes(
        classes=classes,
        truth=truth,
        probabilities=probabilities,
        ood_score=nothing,
        abstained=nothing.astype(np.bool_),
        cost=nothing,
        true_urgency=nothing.astype(np.int64),
        queue_urgency=nothing.astype(np.int64),
        cluster=cluster,
        subgroups=pd.DataFrame(index=range(len(truth))),
    )


def read_draw(
    records: Records, seed: int, heads: Sequence[str], methods: Sequence[str]
) -> DrawRecord:
    """Read all records of a draw.

    Raises
    ------
    UsageError
        If a record is missing.
    """
    arrays, header = _read(records, seed, DRAW)
    truth = {name: arrays[f"truth/{name}"] for name in header["sets"]}
    n_inliers = len(header["inliers"])
    ensembles = {}
    for head in heads:
        probabilities, _ = _read(records, seed, head_record(head))
        known = truth[VALIDATION] >= 0
        temperature = fit_temperature(
            probabilities[VALIDATION][known], n_inliers, truth[VALIDATION][known]
        )
        ensembles[head] = Ensemble(probabilities, temperature, n_inliers)
    said = {}
    for method in methods:
        found, cost = _read(records, seed, method)
        said[method] = Said(found, **cost)
    return DrawRecord(
        seed=seed,
        inliers=tuple(header["inliers"]),
        truth=truth,
        clusters={name: arrays[f"cluster/{name}"] for name in header["sets"]},
        subgroups=pd.DataFrame(header["subgroups"], index=range(len(truth[TEST]))),
        heads=ensembles,
        said=said,
        rejected=header["rejected"],
    )


@dataclass(frozen=True)
class Judged:
    """What a rule of abstaining may know of the cases of one set, and what was true of them.

    Parameters
    ----------
    p_outlier : float array [N]
        From the score, by a logistic curve fitted on validation at the spec's prevalence.
    p_top : float array [N]
        Calibrated probability of the most probable condition, given an inlier.
    score : float array [N]
        In [0, 1]; of another scale, standardised by validation and squeezed.
    outlier, right : bool array [N]
    """

    p_outlier: Floats
    p_top: Floats
    score: Floats
    outlier: NDArray[np.bool_]
    right: NDArray[np.bool_]


def judge(
    draw: DrawRecord, head: str, scores: dict[str, Floats], spec: DataSpec
) -> dict[str, Judged]:
    """Judge validation and test cases by a score of any scale and the ensemble's conditions.

    Parameters
    ----------
    draw : DrawRecord
    head : str
        Whose probabilities name the condition.
    scores : dict of float array
        Of the sets `validation` and `test`.
    spec : DataSpec
    """
    squeezed = _in_unit_interval({name: scores[name] for name in (VALIDATION, TEST)})
    platt = fit_outlier_probability(
        squeezed[VALIDATION], draw.truth[VALIDATION] < 0, spec.outlier_prevalence
    )
    found = {}
    for name, score in squeezed.items():
        probabilities = draw.heads[head].calibrated(name)
        found[name] = Judged(
            p_outlier=platt(score),
            p_top=probabilities.max(axis=1),
            score=score,
            outlier=draw.truth[name] < 0,
            right=probabilities.argmax(axis=1) == draw.truth[name],
        )
    return found


def _in_unit_interval(scores: dict[str, Floats]) -> dict[str, Floats]:
    """Scores in [0, 1] as they are, as a policy takes them; others standardised by validation.

    The logistic curve is fitted in the logit of what is returned: the standardised score.
    """
    if all(((score >= 0) & (score <= 1)).all() for score in scores.values()):
        return scores
    centre, spread = scores[VALIDATION].mean(), scores[VALIDATION].std() or 1.0
    return {name: expit((score - centre) / spread) for name, score in scores.items()}


def joint_rejection(judged: dict[str, Judged], spec: DataSpec) -> NDArray[np.bool_]:
    """Which test cases abstain under the rule of `triage train`, bool [N]."""
    seen, asked = judged[VALIDATION], judged[TEST]
    fitted = fit_joint_rejection(
        seen.p_outlier,
        seen.p_top,
        seen.outlier,
        seen.right,
        spec.costs.outcomes,
        spec.outlier_prevalence,
    )
    return fitted.abstains(asked.p_outlier, asked.p_top)


def _read(records: Records, seed: int, name: str) -> tuple[Arrays, dict[str, Any]]:
    found = records.load(seed, name)
    if found is None:
        raise UsageError(
            "a record is missing", where=f"draw {seed}, {name}", mend="Run the benchmark again."
        )
    return found
