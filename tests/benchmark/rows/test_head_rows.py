"""The floor of the calibration error: what perfect calibration shows on so many cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.benchmark.rows.synthetic_records import Name
from triage.benchmark.draw_record import DrawRecord, MethodRecord
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.rows.head_rows import calibrator_rows

NONE = Name("none", "hod")


def draw_of(p: np.ndarray, truth: np.ndarray) -> DrawRecord:
    codes = np.arange(len(truth))
    return DrawRecord(
        seed=0,
        inliers=("a", "b"),
        truth={"test": truth},
        clusters={"test": codes},
        subgroups=pd.DataFrame(index=range(len(truth))),
        heads={},
        results={"none@hod": MethodRecord({"test": np.column_stack([p, 1 - p])}, 0.0, 0.0, None)},
    )


@pytest.mark.parametrize("n", [40, 400])
def test_the_floor_is_the_mean_deviation_of_a_binomial_share(n: int) -> None:
    p = np.full(n, 0.7)
    truth = (np.random.default_rng(0).random(n) > 0.7).astype(np.int64)
    draw = draw_of(p, truth)
    resamples = CrossedResamples([draw.all_clusters], n_resamples=20, seed=0)
    (row,) = calibrator_rows([draw], [NONE], resamples)
    hits = np.arange(n + 1)
    expected = (stats.binom.pmf(hits, n, 0.7) * np.abs(hits / n - 0.7)).sum()
    assert row.ece_floor == pytest.approx(expected, rel=0.15)  # of 200 simulated sets
    assert row.metrics["ece"].value == pytest.approx(abs((truth == 0).mean() - 0.7))


def test_outliers_do_not_count() -> None:
    p = np.full(100, 0.7)
    truth = np.where(np.arange(100) < 50, 0, -1)
    with_outliers = draw_of(p, truth)
    without = draw_of(p[:50], truth[:50])
    floors = []
    for draw in (with_outliers, without):
        resamples = CrossedResamples([draw.all_clusters], n_resamples=20, seed=0)
        floors.append(calibrator_rows([draw], [NONE], resamples)[0].ece_floor)
    assert floors[0] == floors[1]
