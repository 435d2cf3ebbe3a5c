"""Calibration slopes that cannot be fitted are undefined, and no error."""

import numpy as np

from triage.evaluation.metrics.recalibration import _newton


def test_no_slope_where_all_logits_are_alike():
    start = np.array([[0.0, 1.0]])
    for x in ([0.7, 0.7], [0.7, 0.7 + 1e-9], [1e-3]):
        count = np.full((1, len(x)), 20.0)
        assert np.isnan(_newton(np.array(x), count, count * 0.4, start)).all()
    apart = _newton(np.array([-1.0, 1.0]), np.full((1, 2), 20.0), np.array([[5.0, 15.0]]), start)
    assert np.allclose(apart, [[0.0, np.log(3)]])
