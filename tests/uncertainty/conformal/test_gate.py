"""The promise behind a gate: kept for answered inliers if the gate was there at calibration."""

import numpy as np
import pytest

from tests.uncertainty.conformal.cases import simulate
from triage.errors import UsageError
from triage.uncertainty.conformal import CONFORMAL, Lac, gated_sets, passes

ALPHA, THRESHOLD, N = 0.2, 0.55, 60


def draw(repeats, seed):
    """Inliers, half of them with nonsense for probabilities and mostly above the gate."""
    n = repeats * (N + 1)
    rng = np.random.default_rng(seed)
    odd = rng.random(n) < 0.5
    p, truth = simulate(n, k=4, seed=seed)
    p[odd] = p[odd][:, [1, 2, 3, 0]]
    return p, truth, np.clip(rng.normal(0.4 + 0.3 * odd, 0.1), 0, 1)


def hits(kind, gate_calibration, repeats=1500):
    p, truth, score = draw(repeats, seed=2)
    held = answered = 0
    for i in range(repeats):
        rows = np.arange(i * (N + 1), i * (N + 1) + N)
        new = rows[-1] + 1
        if score[new] > THRESHOLD:
            continue
        if gate_calibration:
            rows = rows[passes(score[rows], THRESHOLD)]
        if len(rows) < 3:
            continue
        sets, _ = gated_sets(
            kind(alpha=ALPHA).fit(p[rows], truth[rows]).sets(p[[new]]), score[[new]], THRESHOLD
        )
        held += int(sets[0, truth[new]])
        answered += 1
    return held, answered


@pytest.mark.parametrize("kind", CONFORMAL.values(), ids=list(CONFORMAL))
def test_gated_at_calibration_too_the_promise_to_answered_inliers_holds(kind):
    held, answered = hits(kind, gate_calibration=True)
    assert answered > 500
    assert held / answered > 1 - ALPHA - 4 * np.sqrt(ALPHA * (1 - ALPHA) / answered)


def test_ungated_calibration_keeps_another_promise():
    """Those that pass are covered far more often than those the quantile was taken of."""
    held, answered = hits(Lac, gate_calibration=False)
    assert held / answered > 0.9


def test_cases_above_the_gate_have_no_set_and_are_told_from_empty_ones():
    sets = np.array([[True, True], [True, False], [False, False]])
    gated, answered = gated_sets(sets, np.array([0.9, 0.5, 0.1]), 0.5)
    np.testing.assert_array_equal(gated, [[False, False], [True, False], [False, False]])
    np.testing.assert_array_equal(answered, [False, True, True])


def test_outliers_are_kept_from_sets():
    p, truth = simulate(400, seed=0)
    sets = Lac().fit(p, truth).sets(p)
    gated, answered = gated_sets(sets, np.full(400, 0.8), 0.5)
    assert not gated.any()
    assert not answered.any()


def test_refusals():
    with pytest.raises(UsageError, match="finite"):
        passes(np.array([0.1, np.nan]), 0.5)
    with pytest.raises(UsageError, match="finite"):
        passes(np.array([0.1]), np.nan)
    with pytest.raises(UsageError, match="2 scores for 1 sets"):
        gated_sets(np.ones((1, 2), dtype=bool), np.array([0.1, 0.2]), 0.5)
