"""Sums by level and patient."""

from __future__ import annotations

import numpy as np

from tests.auditing.analyses.tables import table
from triage.auditing.analyses.group_sums import GroupSums, every_axis, group_sums
from triage.auditing.audit_plan import IntervalSettings

SETTINGS = IntervalSettings(replicates=2000)
SOME = table(400)


def sums() -> GroupSums:
    assert SOME.ood_score is not None
    return group_sums(SOME, SOME.axes["site"], (SOME.truth == 0, SOME.ood_score), SOME.truth >= 0)


def test_totals_are_those_of_the_cases() -> None:
    assert SOME.ood_score is not None
    found = sums()
    for level in range(2):
        chosen = (SOME.axes["site"].codes == level) & (SOME.truth >= 0)
        assert found.totals[level, 0] == (SOME.truth[chosen] == 0).sum()
        np.testing.assert_allclose(found.totals[level, 1], SOME.ood_score[chosen].sum())
        of_first = chosen & (SOME.truth == 0)
        assert found.patients[level, 0] == len(np.unique(SOME.cluster[of_first]))
        places, each = found.patients_of(level)
        assert len(places) == len(np.unique(SOME.cluster[chosen]))
        np.testing.assert_allclose(each.sum(axis=0), found.totals[level])
        assert found.largest[level, 0] == np.bincount(SOME.cluster[of_first]).max()


def test_resamples_vary_as_the_covariance_says() -> None:
    found = sums()
    drawn, _ = found.draw(SETTINGS)
    flat = drawn.reshape(len(drawn), -1)
    error = np.sqrt(np.diag(found.covariance) / len(drawn))
    assert (np.abs(flat.mean(axis=0) - found.totals.ravel()) < 5 * error).all()
    np.testing.assert_allclose(np.cov(flat.T), found.covariance, atol=0.15 * found.covariance.max())


def test_with_many_patients_totals_are_drawn_from_the_same_covariance() -> None:
    many = IntervalSettings(replicates=2000, max_bootstrap_patients=100)
    found = sums()
    assert found.replicates(many) is None
    drawn = found.draw(many)[0].reshape(2000, -1)
    np.testing.assert_allclose(
        np.cov(drawn.T), found.covariance, atol=0.15 * found.covariance.max()
    )


def test_the_first_axis_is_all_cases() -> None:
    (name, levels), *others = every_axis(SOME)
    assert (name, levels.levels) == ("overall", ("all",))
    assert [axis for axis, _ in others] == ["skin", "site"]
