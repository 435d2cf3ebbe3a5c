"""Decision curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.auditing.analyses.tables import number, plan, table
from triage.auditing.analyses.decision_curve import EVERYONE, SYSTEM, decision_curve, net_benefit
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.audit_table import AuditTable

ONE = plan(thresholds=(0.1,))


def counted(hits: int, missed: int, alarms: int, quiet: int) -> AuditTable:
    """Return a table of cases above and below a threshold of 0.1, urgent and not."""
    urgent = np.repeat([1, 1, 0, 0], [hits, missed, alarms, quiet]) == 1
    above = np.repeat([1, 0, 1, 0], [hits, missed, alarms, quiet]) == 1
    return AuditTable(
        classes=("a", "b"),
        truth=np.where(urgent, 0, 1).astype(np.int16),
        cluster=np.arange(len(urgent), dtype=np.int32),
        patients_known=True,
        axes={},
        true_urgency=np.where(urgent, 0, 3).astype(np.int8),
        p_urgent=np.where(above, 0.1, 0.05).astype(np.float32),
    )


def test_the_worked_example() -> None:
    found = decision_curve(counted(80, 20, 200, 700), ONE)
    curves = {curve.name: curve.points[0].y for curve in found.curves}
    assert curves[SYSTEM] == pytest.approx(0.057778, abs=1e-6)
    assert curves[EVERYONE] == pytest.approx(0, abs=1e-12)
    gain = number(found, "net_benefit_gain")
    assert gain.value == pytest.approx(0.057778, abs=1e-6)
    assert number(found, "interventions_avoided").value == pytest.approx(100 * 0.057778 * 9, 1e-4)
    assert gain.low is not None
    assert gain.high is not None
    assert gain.low < gain.value < gain.high


def test_each_threshold_and_level_is_that_of_its_cases() -> None:
    some = table(500)
    assert some.p_urgent is not None
    assert some.abstained is not None
    assert some.true_urgency is not None
    given = plan(thresholds=(0.05, 0.3))
    found = decision_curve(some, given)
    of_level = some.axes["skin"].codes == 1
    (curve,) = (each for each in found.curves if (each.name, each.level) == (SYSTEM, "II"))
    for point in curve.points:
        treated = (some.p_urgent >= point.x) | some.abstained
        urgent = some.true_urgency == 0
        expected = (treated & urgent)[of_level].mean()
        expected -= (treated & ~urgent)[of_level].mean() * point.x / (1 - point.x)
        assert point.y == pytest.approx(expected)


def test_a_case_without_opinion_is_referred() -> None:
    some = table(300)
    everyone = replace(some, abstained=np.ones(len(some), dtype=np.bool_))
    found = decision_curve(everyone, ONE)
    assert number(found, "net_benefit_gain").value == pytest.approx(0, abs=1e-12)
    low, high = (getattr(number(found, "net_benefit_gain"), end) for end in ("low", "high"))
    assert low < 0 < high  # nothing varied, and the interval has width all the same


def test_intervals_cover_the_true_gain() -> None:
    draw = np.random.default_rng(3)
    settings = IntervalSettings(replicates=200)
    given = plan(thresholds=(0.3,), intervals=settings)
    rates = {(1, 1): 0.2, (1, 0): 0.1, (0, 1): 0.2, (0, 0): 0.5}  # (urgent, above)
    weight = 0.3 / 0.7
    true = (0.2 - 0.3) - weight * (0.2 - 0.7)
    covered = 0
    for _ in range(150):
        kinds = draw.multinomial(80, list(rates.values()))
        made = counted(kinds[0], kinds[1], kinds[2], kinds[3])
        assert made.p_urgent is not None
        high = replace(made, p_urgent=np.where(made.p_urgent > 0.07, 0.9, 0.1).astype(np.float32))
        found = number(decision_curve(high, given), "net_benefit_gain")
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= true <= found.high
    assert covered >= 0.88 * 150


def test_what_cannot_be_measured_says_why() -> None:
    some = table(60)
    assert "probability" in decision_curve(replace(some, p_urgent=None), ONE).reason
    unknown = replace(some, true_urgency=np.full(len(some), -1, dtype=np.int8))
    assert not decision_curve(unknown, ONE).available


def test_no_case_has_no_net_benefit() -> None:
    assert np.isnan(net_benefit(np.array(0.0), np.array(0.0), np.array(0.0), 0.1))
