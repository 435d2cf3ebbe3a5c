"""Metrics of each level of each subgroup axis."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from triage.evaluation.outcomes import Outcomes
from triage.evaluation.results import Estimate, Level, level_order


@dataclass(frozen=True)
class Scope:
    """A set of cases to evaluate: all of them, or one level of a subgroup axis."""

    axis: str
    level: str
    where: NDArray[np.int64]
    outcomes: Outcomes


def subgroup_scopes(outcomes: Outcomes) -> list[Scope]:
    """One scope per level of each subgroup axis, "unknown" last."""
    scopes = []
    for axis in outcomes.subgroups.columns:
        column = outcomes.subgroups[axis].to_numpy()
        for level in sorted(set(column), key=level_order):
            where = np.flatnonzero(column == level)
            scopes.append(Scope(axis, level, where, select_cases(outcomes, where)))
    return scopes


def select_cases(outcomes: Outcomes, where: NDArray[np.int64]) -> Outcomes:
    """Outcomes of some of the cases, by their place."""
    return replace(
        outcomes,
        truth=outcomes.truth[where],
        probabilities=outcomes.probabilities[where],
        ood_score=outcomes.ood_score[where],
        abstained=outcomes.abstained[where],
        cost=outcomes.cost[where],
        true_urgency=outcomes.true_urgency[where],
        queue_urgency=outcomes.queue_urgency[where],
        cluster=outcomes.cluster[where],
        subgroups=outcomes.subgroups.iloc[where],
    )


def subgroup_result(scope: Scope, metrics: dict[str, Estimate]) -> Level:
    """The metrics of one level, with its numbers of cases and of abstentions."""
    outlier, abstained = scope.outcomes.is_outlier, scope.outcomes.abstained
    return Level(
        axis=scope.axis,
        level=scope.level,
        n_cases=len(outlier),
        n_clusters=len(np.unique(scope.outcomes.cluster)),
        inliers=int((~outlier).sum()),
        inliers_abstained=int((~outlier & abstained).sum()),
        outliers=int(outlier.sum()),
        outliers_abstained=int((outlier & abstained).sum()),
        metrics=metrics,
    )
