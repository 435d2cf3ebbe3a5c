"""Coverage and risk, reliability, and the list of missed urgent cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score

from tests.auditing.analyses.tables import number, plan, table
from triage.auditing.analyses.error_list import MOST_LISTED, error_list
from triage.auditing.analyses.ood import ood
from triage.auditing.analyses.reliability import CONFIDENCE, P_URGENT, reliability
from triage.auditing.audit_plan import Axis, IntervalSettings
from triage.auditing.audit_table import LevelCodes

SOME = table(800)


def test_risk_is_that_of_the_cases_with_the_least_scores() -> None:
    assert SOME.ood_score is not None
    wrong = SOME.predicted != SOME.truth
    where = SOME.axes["skin"].codes == 1
    order = np.argsort(SOME.ood_score[where])
    (curve,) = (each for each in ood(SOME, plan()).curves if each.level == "II")
    n = int(where.sum())
    for point in curve.points:
        count = point.x * n
        full = int(count)
        part = wrong[where][order][: full + 1]
        expected = (part[:full].sum() + (count - full) * part[full : full + 1].sum()) / count
        assert point.y == pytest.approx(expected)
        assert point.low is not None
        assert point.high is not None
        assert point.low <= point.y <= point.high


def test_equal_scores_are_answered_at_random() -> None:
    flat = replace(SOME, ood_score=np.zeros(len(SOME)))
    (curve,) = (each for each in ood(flat, plan()).curves if each.level == "all")
    share = (SOME.predicted != SOME.truth).mean()
    assert [point.y for point in curve.points] == pytest.approx([share] * len(curve.points))


def test_outliers_of_a_kind_against_all_known_conditions() -> None:
    assert SOME.label_codes is not None
    assert SOME.ood_score is not None
    kinds = LevelCodes(("near", "far"), (SOME.label_codes == 5).astype(np.int16))
    some = replace(SOME, axes={"kind": kinds})
    found = ood(some, plan(axes=(Axis(name="kind", property="frequency"),)))
    for level, code in (("near", 4), ("far", 5)):
        shown = number(found, "outlier_auroc", "kind", level)
        chosen = (SOME.truth >= 0) | (SOME.label_codes == code)
        expected = roc_auc_score(SOME.is_outlier[chosen], SOME.ood_score[chosen])
        assert shown.value == pytest.approx(expected)
        assert shown.low is not None
        assert shown.high is not None
        assert shown.low < expected < shown.high


def test_reliability_is_that_of_the_bins() -> None:
    assert SOME.p_urgent is not None
    known = SOME.truth >= 0
    found = {(each.name, each.level): each.points for each in reliability(SOME, plan()).curves}
    share, mean = calibration_curve(
        (SOME.true_urgency == 0)[known], SOME.p_urgent[known].astype(float), n_bins=10
    )
    points = found[P_URGENT, "all"]
    assert [point.y for point in points] == pytest.approx(share.tolist())
    assert [point.x for point in points] == pytest.approx(mean.tolist())
    assert (CONFIDENCE, "III") in found
    wide = reliability(SOME, plan(intervals=IntervalSettings(confidence=0.99))).curves[0].points[4]
    narrow = reliability(SOME, plan()).curves[0].points[4]
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.low < narrow.low


def test_missed_urgent_cases_are_counted_and_listed_by_number() -> None:
    found = error_list(SOME, plan())
    assert SOME.queue_urgency is not None
    urgent = SOME.true_urgency == 0
    missed = urgent & (SOME.queue_urgency > 0)
    assert number(found, "urgent_missed").value == pytest.approx(missed.sum() / urgent.sum())
    listed = [each.value for each in found.numbers if each.key == "urgent_miss"]
    assert set(listed) <= set((np.flatnonzero(missed) + 1).tolist())
    assert len(listed) == min(int(missed.sum()), MOST_LISTED)
    first = listed[0]
    assert first is not None
    assert SOME.queue_urgency[int(first) - 1] == SOME.queue_urgency[missed].max()
    numbered = replace(SOME, case_numbers=np.arange(len(SOME)) + 5000)
    shown = [each.value for each in error_list(numbered, plan()).numbers if each.value]
    assert first + 4999 in shown


def test_the_list_is_capped_and_says_so() -> None:
    many = replace(
        table(4000),
        true_urgency=np.zeros(4000, dtype=np.int8),
        queue_urgency=np.ones(4000, dtype=np.int8),
    )
    found = error_list(many, plan())
    assert sum(each.key == "urgent_miss" for each in found.numbers) == MOST_LISTED
    assert any(str(4000 - MOST_LISTED) in note for note in found.notes)


def test_what_cannot_be_measured_says_why() -> None:
    assert "OOD score" in ood(replace(SOME, ood_score=None), plan()).reason
    assert not reliability(replace(SOME, probabilities=None, p_urgent=None), plan()).available
    calm = replace(SOME, true_urgency=np.full(len(SOME), 3, dtype=np.int8))
    assert error_list(calm, plan()).reason == "no case is urgent"
