"""Uncertainty between the known classes, and its two parts, by group of cases."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from triage.errors import UsageError
from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.estimates import estimate_of
from triage.evaluation.metrics.metric import Interval
from triage.evaluation.metrics.weighted import weighted_mean
from triage.evaluation.results import Estimate, level_order
from triage.predictions import Predictions

_PARTS = ("aleatoric", "epistemic")


class UncertaintyRow(BaseModel):
    """Mean uncertainty of one group of cases, in nats; total = aleatoric + epistemic.

    `axis` is empty of groups that no subgroup axis makes. `total` and `epistemic` are None where
    there was one member.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    axis: str
    level: str
    total: Estimate | None = None
    aleatoric: Estimate
    epistemic: Estimate | None = None


class UncertaintyResult(BaseModel):
    """Rows for all cases, those of known and of unknown conditions, and every subgroup level."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal["triage-uncertainty-1"] = "triage-uncertainty-1"
    n_resamples: int
    seed: int
    rows: list[UncertaintyRow]


def evaluate_uncertainty(
    predictions: Predictions,
    is_outlier: NDArray[np.bool_],
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> UncertaintyResult:
    """Average the uncertainty of cases and its two parts, with intervals from whole clusters.

    Parameters
    ----------
    predictions : Predictions
        N cases with the decision columns `aleatoric` and `epistemic`.
    is_outlier : bool array [N]
        Whether each case is of an unknown condition.
    n_resamples, seed : int

    Raises
    ------
    UsageError
        If there is no case, or an earlier version decided and left these columns out.
    """
    decisions = predictions.decisions
    if decisions is None or not {*_PARTS} <= {*decisions.columns}:
        raise UsageError("the predictions hold no uncertainty", hint="Score the cases again.")
    aleatoric, epistemic = (decisions[name].to_numpy(dtype=np.float64) for name in _PARTS)
    values = {"total": aleatoric + epistemic, "aleatoric": aleatoric, "epistemic": epistemic}
    clusters = predictions.cases["cluster"].to_numpy(dtype=str)
    known = {name: each for name, each in values.items() if not np.isnan(each).any()}
    groups = [group for group in _groups(predictions, is_outlier) if group[2].any()]
    chunks = [
        [[weighted_mean(each, where, weights) for each in known.values()] for *_, where in groups]
        for weights in cluster_weights(clusters, n_resamples=n_resamples, seed=seed)
    ]
    rows = []
    for (axis, level, where), drawn in zip(groups, np.concatenate(chunks, axis=2), strict=True):
        found = {
            name: estimate_of(
                name,
                "nats",
                float(each[where].mean()),
                resamples,
                Interval.PERCENTILE,
                n_cases=int(where.sum()),
                n_clusters=len(np.unique(clusters[where])),
            )
            for (name, each), resamples in zip(known.items(), drawn, strict=True)
        }
        rows.append(UncertaintyRow(axis=axis, level=level, **found))
    return UncertaintyResult(n_resamples=n_resamples, seed=seed, rows=rows)


def _groups(
    predictions: Predictions, is_outlier: NDArray[np.bool_]
) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """Name groups of cases by axis and level, with a mask of their members."""
    found = [
        ("", "All cases", np.ones_like(is_outlier)),
        ("", "Known conditions", ~is_outlier),
        ("", "Unknown conditions", is_outlier),
    ]
    for axis in predictions.subgroup_columns:
        column = predictions.cases[axis].to_numpy(dtype=str)
        levels = sorted({*column}, key=level_order)
        found += [(axis, level, column == level) for level in levels]
    return found
