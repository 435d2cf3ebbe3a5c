"""Recorded data of one draw: truth, clusters, ensembles, and the results of every method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triage.array_file import Arrays
from triage.benchmark.records import Records
from triage.errors import UsageError
from triage.evaluation.outcomes import Outcomes
from triage.uncertainty.calibration.temperature_scaling import apply_temperature, fit_temperature

DRAW = "draw"
TRAIN, VALIDATION, TEST, FAR = "train", "validation", "test", "far"
"""Sets of a draw; every other set is a shifted one."""
Floats = NDArray[np.float64]


def head_record(head: str) -> str:
    """Name of the record of an ensemble's probabilities, [N, C] per set."""
    return f"head-{head}"


def members_record(head: str) -> str:
    """Name of the record of what each member gives a test inlier's own condition, [N, K]."""
    return f"members-{head}"


@dataclass(frozen=True)
class MethodRecord:
    """Recorded result of one method in one draw: an array per set, and its cost."""

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
    own : float array [N, K], optional
        Probability that each member gives the condition of each test inlier; None in records of
        versions that did not keep it.
    """

    probabilities: dict[str, Floats]
    temperature: float
    n_inliers: int
    own: Floats | None = None

    def calibrated(self, name: str) -> Floats:
        """Probability of each condition given an inlier, [N, K]."""
        return apply_temperature(self.probabilities[name], self.n_inliers, self.temperature)


@dataclass(frozen=True)
class DrawRecord:
    """All recorded data of one draw.

    Parameters
    ----------
    seed : int
    inliers : tuple of str
    truth, clusters : dict of int64 array
        By set; truth is -1 for cases of no inlier condition.
    subgroups : DataFrame
        Of the test cases.
    outliers : str array or None
        Condition of each test case that is an outlier, '' for inliers; None in records of
        versions that did not keep it.
    validation_outliers : str array or None
        The same of validation.
    validation_subgroups : DataFrame or None
        Of the validation cases; None in records of versions that did not keep them.
    heads : dict of Ensemble
        By kind of head.
    results : dict of MethodRecord
        By name of the method.
    rejected : int
    """

    seed: int
    inliers: tuple[str, ...]
    truth: dict[str, NDArray[np.int64]]
    clusters: dict[str, NDArray[np.int64]]
    subgroups: pd.DataFrame
    heads: dict[str, Ensemble]
    results: dict[str, MethodRecord] = field(default_factory=dict)
    rejected: int = 0
    outliers: NDArray[np.str_] | None = None
    validation_outliers: NDArray[np.str_] | None = None
    validation_subgroups: pd.DataFrame | None = None

    @property
    def shifts(self) -> list[str]:
        """Names of the shifted sets."""
        return [name for name in self.truth if name not in (TRAIN, VALIDATION, TEST, FAR)]

    @cached_property
    def all_clusters(self) -> NDArray[np.int64]:
        """Clusters of all test cases."""
        return np.concatenate(
            [codes for name, codes in self.clusters.items() if name not in (TRAIN, VALIDATION)]
        )

    def outcomes(self, name: str, probabilities: Floats) -> Outcomes:
        """Outcomes of a set with these calibrated probabilities, without abstention or score."""
        return bare_outcomes(
            self.inliers, self.truth[name], probabilities, self.clusters[name].astype(str)
        )


def bare_outcomes(
    classes: tuple[str, ...],
    truth: NDArray[np.int64],
    probabilities: Floats,
    cluster: NDArray[np.str_],
) -> Outcomes:
    """Outcomes with truth and probabilities only; other fields are zero."""
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
    arrays, header = read_record(records, seed, DRAW)
    truth = {name: arrays[f"truth/{name}"] for name in header["sets"]}
    n_inliers = len(header["inliers"])
    ensembles = {}
    for head in heads:
        probabilities, _ = read_record(records, seed, head_record(head))
        known = truth[VALIDATION] >= 0
        temperature = fit_temperature(
            probabilities[VALIDATION][known], n_inliers, truth[VALIDATION][known]
        )
        by_member = records.load(seed, members_record(head))
        own = None if by_member is None else by_member[0].get(TEST)
        ensembles[head] = Ensemble(probabilities, temperature, n_inliers, own)
    results = {}
    for method in methods:
        found, cost = read_record(records, seed, method)
        results[method] = MethodRecord(found, **cost)
    seen = header.get("validation", {})
    return DrawRecord(
        seed=seed,
        inliers=tuple(header["inliers"]),
        truth=truth,
        clusters={name: arrays[f"cluster/{name}"] for name in header["sets"]},
        subgroups=pd.DataFrame(header["subgroups"], index=range(len(truth[TEST]))),
        heads=ensembles,
        results=results,
        rejected=header["rejected"],
        outliers=_texts(header.get("outliers")),
        validation_outliers=_texts(seen.get("outliers")),
        validation_subgroups=pd.DataFrame(seen["subgroups"], index=range(len(truth[VALIDATION])))
        if "subgroups" in seen
        else None,
    )


def _texts(values: list[str] | None) -> NDArray[np.str_] | None:
    return None if values is None else np.array(values, dtype=np.str_)


def read_record(records: Records, seed: int, name: str) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and header of one record of a draw.

    Raises
    ------
    UsageError
        If it is missing.
    """
    found = records.load(seed, name)
    if found is None:
        raise UsageError(
            "a record is missing", where=f"draw {seed}, {name}", hint="Run the benchmark again."
        )
    return found
