"""Rows of prediction sets: their coverage against the nominal level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triage.benchmark.draw_record import TEST, DrawRecord
from triage.benchmark.results import ConformalRow
from triage.benchmark.rows.method_names import Named
from triage.evaluation.coverage import coverage_of
from triage.uncertainty.conformal import CONFORMAL

GATE, ANSWERED = "gate", "gate answered"
"""Records of the sets behind an OOD gate, and of which cases it let through."""


def conformal_rows(
    draws: Sequence[DrawRecord], methods: Sequence[Named], promised: float
) -> list[ConformalRow]:
    """Compute the coverage of sets over the test inliers of all draws.

    Parameters
    ----------
    draws : sequence of DrawRecord
    methods : sequence of Named
        Kinds of set with their heads.
    promised : float
        Share of cases whose set is to hold the truth.
    """
    rows = []
    for method in methods:
        name = method.name
        for by in _fitted_by(draws, name):
            answered = [_answered(draw, name, by) for draw in draws]
            inlier = [draw.truth[TEST] >= 0 for draw in draws]
            kept = [a & k for a, k in zip(answered, inlier, strict=True)]
            found = coverage_of(
                _pooled([draw.results[name].arrays[by] for draw in draws], kept).astype(np.bool_),
                _pooled([draw.truth[TEST] for draw in draws], kept),
                1 - promised,
                classes=draws[0].inliers,
                subgroups=pd.concat(
                    [draw.subgroups[k] for draw, k in zip(draws, kept, strict=True)],
                    ignore_index=True,
                ),
                cluster=_pooled([draw.clusters[TEST] for draw in draws], kept),
            )
            outlier = _pooled(answered, [~k for k in inlier])
            rows.append(
                ConformalRow(
                    key=name,
                    title=CONFORMAL[method.key].info.title,
                    head=method.head,
                    by=by,
                    promised=promised,
                    answered=float(_pooled(answered, inlier).mean()),
                    outliers_answered=float(outlier.mean()) if len(outlier) else None,
                    rows=found,
                )
            )
    return rows


def _fitted_by(draws: Sequence[DrawRecord], name: str) -> list[str]:
    """Groupings of quantiles present in every draw; a gate may let no inlier pass."""
    common = set.intersection(*({*draw.results[name].arrays} for draw in draws))
    return [by for by in draws[0].results[name].arrays if by in common and by != ANSWERED]


def _answered(draw: DrawRecord, name: str, by: str) -> NDArray[np.bool_]:
    if by != GATE:
        return np.ones(len(draw.truth[TEST]), dtype=np.bool_)
    return draw.results[name].arrays[ANSWERED].astype(np.bool_)


def _pooled(arrays: Sequence[NDArray[Any]], kept: Sequence[NDArray[np.bool_]]) -> NDArray[Any]:
    return np.concatenate([array[k] for array, k in zip(arrays, kept, strict=True)])
