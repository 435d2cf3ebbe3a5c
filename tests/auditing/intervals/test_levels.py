"""Differences and ratios of two levels of an axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.auditing.intervals.measuring import mean, measured, proportion
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.intervals import (
    adjust_benjamini_hochberg,
    adjust_comparisons,
    adjust_holm,
    compare_levels,
    interval_of,
)
from triage.auditing.intervals.levels import correlation
from triage.auditing.intervals.result import Bounds
from triage.auditing.intervals.variance_recovery import difference_limits, ratio_limits
from triage.auditing.measured import Measured
from triage.auditing.measurement import LevelComparison
from triage.evaluation.proportion_difference import wilson
from triage.vocabulary.verdicts import Verdict

SETTINGS = IntervalSettings()


def compare(
    one: Measured, other: Measured, margin: float | None = None, *, shared: bool = False
) -> LevelComparison:
    """Compare two levels, the second being the reference, of the same or of other patients."""
    if not shared:
        other = replace(other, patients=other.patients + 100_000)
    levels = {"b": (other, interval_of(other, SETTINGS)), "a": (one, interval_of(one, SETTINGS))}
    (found,) = compare_levels("site", "metric", levels, "b", margin, SETTINGS)
    return found


def test_difference_from_two_wilson_intervals_is_newcombes():
    # Newcombe 1998, example (a), method 10: 56/70 less 48/80 is 0.0524 to 0.3339
    found = difference_limits(0.8, Bounds(*wilson(56, 70)), 0.6, Bounds(*wilson(48, 80)))
    assert found == pytest.approx((0.0524, 0.3339), abs=6e-5)


def test_difference_of_symmetric_intervals_is_that_of_normal_theory():
    for together in (-0.5, 0.0, 0.7):
        low, high = difference_limits(2.0, Bounds(1.7, 2.3), 1.0, Bounds(0.6, 1.4), together)
        half = (0.3**2 + 0.4**2 - 2 * together * 0.3 * 0.4) ** 0.5
        assert (low, high) == pytest.approx((1 - half, 1 + half))


def test_ratio_of_symmetric_intervals_is_fiellers():
    a, b, half_a, half_b, together = 3.0, 2.0, 0.6, 0.5, 0.4
    low, high = ratio_limits(
        a, Bounds(a - half_a, a + half_a), b, Bounds(b - half_b, b + half_b), together
    )
    # Fieller 1954: (a - R b)^2 = half_a^2 + R^2 half_b^2 - 2 R r half_a half_b
    quadratic = [
        b**2 - half_b**2, -2 * (a * b - together * half_a * half_b), a**2 - half_a**2,
    ]  # fmt: skip
    assert (low, high) == pytest.approx(tuple(sorted(np.roots(quadratic).real)))


def test_ratio_of_wide_intervals_solves_its_equation():
    a, b, of_a, of_b = 0.3, 0.1, Bounds(0.1, 0.7), Bounds(0.04, 0.35)
    low, high = ratio_limits(a, of_a, b, of_b)
    for limit, end_a, end_b in ((low, of_a.low, of_b.high), (high, of_a.high, of_b.low)):
        left = (a - limit * b) ** 2
        assert left == pytest.approx((a - end_a) ** 2 + limit**2 * (end_b - b) ** 2)
    assert low < a / b < high


def test_ratio_to_what_may_be_zero_has_no_interval():
    assert ratio_limits(0.3, Bounds(0.1, 0.7), 0.1, Bounds(0.0, 0.35)) is None
    found = compare(proportion(10, 20), proportion(0, 20))
    assert (found.ratio, found.ratio_low) == (None, None)
    assert found.difference == 0.5
    zero = compare(proportion(0, 20), proportion(10, 20))
    assert (zero.ratio, zero.ratio_low) == (0.0, 0.0)
    assert zero.ratio_high > 0.0


def test_metric_that_may_be_negative_has_no_ratio():
    below = (-np.inf, np.inf)
    found = compare(
        measured(0.5, np.tile([0.1, -0.1], 10), bounds=below),
        measured(0.3, np.tile([0.1, -0.1], 10), bounds=below),
    )
    assert found.difference_low is not None
    assert (found.ratio, found.ratio_low, found.ratio_high) == (None, None, None)


def test_equal_levels_that_are_all_right_are_not_known_to_be_equal():
    found = compare(proportion(20, 20), proportion(30, 30))
    assert found.difference == 0.0
    assert found.difference_low == pytest.approx(-0.1684, abs=1e-4)
    assert found.p_value == 1.0


@pytest.mark.parametrize("hits", range(12, 31, 2))
def test_p_value_says_the_same_as_the_interval(hits):
    found = compare(proportion(hits, 40), proportion(28, 40))
    inside = found.difference_low < 0 < found.difference_high
    assert (found.p_value > 0.05) == inside


def test_patients_in_both_levels_make_the_difference_narrower():
    generator = np.random.default_rng(0)
    common = generator.normal(0, 0.1, size=100)
    first = measured(0.7, common + generator.normal(0, 0.01, 100) - common.mean())
    second = measured(0.6, common - common.mean())
    apart = replace(second, patients=second.patients + 1000)
    assert correlation(first, apart) == 0.0
    assert correlation(first, second) == pytest.approx(
        np.corrcoef(first.influence, second.influence)[0, 1], abs=0.02
    )
    paired, unpaired = compare(first, second, shared=True), compare(first, second)
    assert paired.difference == unpaired.difference
    width = paired.difference_high - paired.difference_low
    assert width < 0.3 * (unpaired.difference_high - unpaired.difference_low)
    assert paired.p_value < unpaired.p_value


@pytest.mark.parametrize(
    ("hits", "n", "margin", "verdict"),
    [
        (700, 1000, 0.1, Verdict.MEETS),
        (500, 1000, 0.1, Verdict.FAILS),
        (900, 1000, 0.1, Verdict.FAILS),
        (640, 1000, 0.1, Verdict.NOT_ENOUGH),
        (6, 8, 0.5, Verdict.NOT_ENOUGH),
    ],
)
def test_margin_is_met_where_the_interval_is_within_it(hits, n, margin, verdict):
    found = compare(proportion(hits, n), proportion(700, 1000), margin)
    assert (found.margin, found.verdict, found.correction) == (margin, verdict, "Holm")


def test_level_without_an_interval_is_not_compared():
    found = compare(proportion(6, 6), proportion(28, 40))
    assert found.difference == pytest.approx(0.3)
    assert (found.difference_low, found.p_value, found.evidence) == (None, None, "not enough")
    undefined = replace(proportion(20, 40), value=np.nan, influence=np.full(40, np.nan))
    found = compare(undefined, proportion(28, 40))
    assert (found.difference, found.ratio, found.verdict) == (None, None, None)


def test_comparisons_of_an_audit_are_corrected_in_two_sets():
    made = [compare(proportion(hits, 40), proportion(28, 40)) for hits in (12, 16, 20, 24)]
    made += [compare(proportion(hits, 40), proportion(28, 40), 0.1) for hits in (10, 18)]
    made += [compare(proportion(6, 6), proportion(28, 40))]
    found = adjust_comparisons(made)
    raw = [each.p_value for each in made]
    adjusted = [each.p_adjusted for each in found]
    assert adjusted[:4] == pytest.approx(list(adjust_benjamini_hochberg(np.array(raw[:4]))))
    assert adjusted[4:6] == pytest.approx(list(adjust_holm(np.array(raw[4:6]))))
    assert adjusted[6] is None


@pytest.mark.parametrize(("a", "b"), [(0.9, 0.8), (0.97, 0.6)])
def test_difference_and_ratio_of_proportions_are_covered(a, b):
    generator = np.random.default_rng(1)
    runs, differences, ratios, defined = 800, 0, 0, 0
    for _ in range(runs):
        one = proportion(int(generator.binomial(30, a)), 30)
        found = compare(one, proportion(int(generator.binomial(50, b)), 50))
        differences += found.difference_low <= a - b <= found.difference_high
        if found.ratio_low is not None:
            defined += 1
            ratios += found.ratio_low <= a / b <= found.ratio_high
    allowance = 4 * (0.95 * 0.05 / runs) ** 0.5
    assert differences / runs > 0.95 - allowance
    assert ratios / defined > 0.95 - allowance


def test_difference_of_the_same_patients_is_covered():
    generator = np.random.default_rng(2)
    runs, covered, found_width, apart_width = 150, 0, 0.0, 0.0
    for _ in range(runs):
        own = generator.beta(1, 3, size=60)
        first = mean(np.clip(own + generator.uniform(0.0, 0.1, 60), 0, 1))
        second = mean(own)
        found = compare(first, second, shared=True)
        truth = 0.05  # where nothing is clipped; the few clipped cases hardly move it
        covered += found.difference_low <= truth <= found.difference_high
        found_width += found.difference_high - found.difference_low
        apart = compare(first, second)
        apart_width += apart.difference_high - apart.difference_low
    assert covered / runs > 0.95 - 4 * (0.95 * 0.05 / runs) ** 0.5
    assert found_width < apart_width


def test_equal_levels_are_seldom_said_to_differ():
    generator = np.random.default_rng(3)
    runs, wrong = 150, 0
    for _ in range(runs):
        groups = [
            proportion(int(generator.binomial(40, 0.85)), 40, patients=np.arange(40) + 40 * number)
            for number in range(12)
        ]
        levels = {str(at): (each, interval_of(each, SETTINGS)) for at, each in enumerate(groups)}
        made = compare_levels("site", "metric", levels, "0", 0.1, SETTINGS)
        wrong += any(each.p_adjusted < 0.05 for each in adjust_comparisons(made))
    assert wrong / runs <= 0.05 + 4 * (0.05 * 0.95 / runs) ** 0.5
