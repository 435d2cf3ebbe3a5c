"""The table of prediction sets: what they promise, and where they do not keep it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from triage.evaluation.benchmarks.draw_record import TEST, DrawRecord
from triage.evaluation.benchmarks.results import ConformalRow
from triage.evaluation.coverage import coverage_of
from triage.uncertainty.conformal import CONFORMAL


def conformal_rows(
    draws: Sequence[DrawRecord], names: Sequence[str], promised: float
) -> list[ConformalRow]:
    """Count over the test inliers of all draws how often sets hold the truth.

    Parameters
    ----------
    draws : sequence of DrawRecord
    names : sequence of str
        Kinds of set with their heads: `lac@hod`.
    promised : float
        Share of cases whose set is to hold the truth.
    """
    known = [draw.truth[TEST] >= 0 for draw in draws]
    truth = np.concatenate([draw.truth[TEST][k] for draw, k in zip(draws, known, strict=True)])
    clusters = np.concatenate(
        [draw.clusters[TEST][k] for draw, k in zip(draws, known, strict=True)]
    )
    subgroups = pd.concat(
        [draw.subgroups[k] for draw, k in zip(draws, known, strict=True)], ignore_index=True
    )
    rows = []
    for name in names:
        key, _, head = name.partition("@")
        for by in draws[0].said[name].arrays:
            sets = np.concatenate(
                [draw.said[name].arrays[by][k] for draw, k in zip(draws, known, strict=True)]
            )
            found = coverage_of(
                sets.astype(np.bool_),
                truth,
                1 - promised,
                classes=draws[0].inliers,
                subgroups=subgroups,
                cluster=clusters,
            )
            rows.append(
                ConformalRow(
                    key=name,
                    title=CONFORMAL[key].info.title,
                    head=head,
                    by=by,
                    promised=promised,
                    rows=found,
                )
            )
    return rows
