"""The answer of the gate, by small tables whose numbers are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.gating.tables import (
    OBSERVED,
    OUTLIER,
    ROUTINE,
    URGENT,
    check,
    judge,
    pair,
    spec,
    table,
)
from triage.gating.evidence import GateEvidence
from triage.vocabulary.learning import GateVerdict

PASSES, FAILS, NOT_ENOUGH = (
    GateVerdict.PASSES, GateVerdict.FAILS, GateVerdict.NOT_ENOUGH_EVIDENCE,
)  # fmt: skip


def test_a_better_challenger_passes() -> None:
    result = judge(*pair())
    assert result.verdict is PASSES
    assert result.better
    found = check(result, "accuracy")
    # 40 gained and 4 lost of 400, beside 40 that both have wrong.
    assert found.value == pytest.approx(0.09)
    assert (found.champion, found.challenger) == pytest.approx((0.8, 0.89))
    assert found.low is not None
    assert found.high is not None
    assert 0.0 < found.low < 0.09 < found.high
    assert (found.n_cases, found.n_patients) == (400, 400)
    urgent = check(result, "urgent_sensitivity")
    assert urgent.n_cases == 100
    assert urgent.value == pytest.approx((10 - 1) / 100)
    assert "The policy is not signed." in result.notes
    assert result.policy_signed_by is None


def test_the_other_way_round_it_fails_with_the_signs_turned() -> None:
    first, second = pair()
    there, back = judge(first, second), judge(second, first)
    assert back.verdict is FAILS
    assert not back.better
    assert there.gate_set == back.gate_set
    assert there.submission != back.submission
    for key in ("accuracy", "urgent_sensitivity", "recommendation", "clinical_cost", "coverage"):
        one, other = check(there, key), check(back, key)
        assert one.value == pytest.approx(-other.value)  # type: ignore[operator]
        assert one.low == pytest.approx(-other.high)  # type: ignore[operator]


def test_the_order_of_rows_changes_nothing() -> None:
    first, second = pair()
    shuffled = [frame.sample(frac=1, random_state=at) for at, frame in enumerate((first, second))]
    assert judge(first, second) == judge(*shuffled)


def test_an_equal_challenger_lacks_evidence_that_it_is_better() -> None:
    first, _ = pair()
    result = judge(first, first)
    assert result.verdict is NOT_ENOUGH
    assert not result.better
    open_ = [each.check for each in result.checks if each.decides and each.verdict is not PASSES]
    assert open_ == ["improvement"]
    accuracy = check(result, "accuracy")
    # No case is discordant, and the interval still has a width: 1 - 0.05^(1/400).
    assert accuracy.low == pytest.approx(-(1 - 0.05 ** (1 / 400)), rel=1e-3)
    assert judge(first, first, improvement="none").verdict is PASSES


def test_a_group_that_pays_for_the_others_fails() -> None:
    labels = [URGENT if at % 4 == 0 else ROUTINE for at in range(1200)]
    wrong = {URGENT: ROUTINE, ROUTINE: OBSERVED}
    group = ["f" if at < 200 else "m" for at in range(1200)]
    first = [wrong[name] if at >= 800 else name for at, name in enumerate(labels)]
    second = [wrong[name] if at >= 1000 or at < 28 else name for at, name in enumerate(labels)]
    result = judge(table(labels, first, sex=group), table(labels, second, sex=group))
    assert result.better
    assert result.verdict is FAILS
    worse = check(result, "accuracy", "sex: f")
    assert worse.verdict is FAILS
    assert worse.value == pytest.approx(-0.14)
    assert check(result, "accuracy", "sex: m").verdict is PASSES
    assert check(result, "accuracy").verdict is PASSES


def test_a_small_group_is_not_enough_evidence_and_says_how_many_it_takes() -> None:
    first, second = pair()
    group = ["x" if at < 5 else "y" for at in range(400)]
    frames = [frame.assign(sex=group) for frame in (first, second)]
    result = judge(*frames)
    assert result.verdict is NOT_ENOUGH
    found = check(result, "accuracy", "sex: x")
    assert found.verdict is NOT_ENOUGH
    assert found.n_patients == 5
    assert found.cases_needed is not None
    assert found.cases_needed >= 10
    assert str(found.cases_needed) in found.sentence
    listed = judge(*frames, gate={"subgroups": {"small": "left_out"}})
    assert listed.verdict is PASSES
    assert check(listed, "accuracy", "sex: x").verdict is None


def test_cases_needed_follow_from_the_discordance() -> None:
    n, lost = 60, 6
    labels = [ROUTINE] * n
    first = [OBSERVED] * lost + [ROUTINE] * (n - lost)
    second = [ROUTINE] * lost + [OBSERVED] * lost + [ROUTINE] * (n - 2 * lost)
    found = check(judge(table(labels, first), table(labels, second)), "accuracy")
    assert found.verdict is NOT_ENOUGH
    z = stats.norm.ppf(0.95) + stats.norm.ppf(0.8)
    assert found.cases_needed == pytest.approx(z**2 * 0.2 / 0.03**2, rel=0.02)


def test_missing_values_are_no_group_unless_there_are_many() -> None:
    first, second = pair()
    few = ["unknown" if at < 5 else "f" for at in range(400)]
    result = judge(*(frame.assign(sex=few) for frame in (first, second)))
    assert result.verdict is PASSES
    assert check(result, "accuracy", "sex: unknown").verdict is None
    assert "5 cases have no valid sex." in result.notes
    many = ["unknown" if at < 40 else "f" for at in range(400)]
    found = judge(*(frame.assign(sex=many) for frame in (first, second)))
    assert check(found, "accuracy", "sex: unknown").verdict is PASSES


@pytest.mark.parametrize(("level", "verdict"), [("unknown", PASSES), ("x", NOT_ENOUGH)])
def test_missing_values_decide_only_by_failing(level: str, verdict: GateVerdict) -> None:
    # Ten urgent cases that neither system changes do not exclude a loss of 20 points.
    group = [level if at >= 360 else "f" for at in range(400)]
    result = judge(*(frame.assign(sex=group) for frame in pair()))
    found = check(result, "urgent_sensitivity", f"sex: {level}")
    assert found.verdict is NOT_ENOUGH
    assert found.decides is (level == "x")
    assert result.verdict is verdict


def test_missing_values_that_are_worse_fail() -> None:
    first, second = pair(lost=0)
    worse = second.copy()
    rows = range(320, 360)
    worse.loc[rows, "condition"] = [URGENT if at % 4 else ROUTINE for at in rows]
    group = ["unknown" if at in rows else "f" for at in range(400)]
    result = judge(*(frame.assign(sex=group) for frame in (first, worse)))
    assert check(result, "accuracy", "sex: unknown").verdict is FAILS
    assert result.verdict is FAILS


@pytest.mark.parametrize(
    ("column", "undone"),
    [
        ("condition", ["accuracy", "clinical_cost", "negative_flips"]),
        ("recommendation", ["urgent_sensitivity", "recommendation", "clinical_cost", "coverage"]),
        ("ood_score", ["near_ood_auroc", "near_ood_fpr95"]),
    ],
)
def test_checks_without_their_columns_are_not_done(column: str, undone: list[str]) -> None:
    first, second = (frame.drop(columns=column) for frame in pair())
    result = judge(first, second)
    for key in undone:
        found = check(result, key)
        assert found.verdict is None
        assert not found.decides
        assert found.sentence
    assert result.verdict is PASSES
    required = judge(first, second, require=[undone[0]])
    assert required.verdict is NOT_ENOUGH
    assert check(required, undone[0]).decides


def test_a_table_without_anything_to_measure_lacks_evidence() -> None:
    frames = [frame[["case_id", "label"]] for frame in pair()]
    result = judge(*frames)
    assert result.verdict is NOT_ENOUGH
    assert "Every case counts as a patient of its own." in result.notes


def test_axes() -> None:
    first, second = pair()
    named = judge(first, second, gate={"subgroups": {"axes": ["device", "sex"]}})
    assert named.verdict is NOT_ENOUGH
    assert check(named, "accuracy", "device").decides
    absent = check(judge(first, second), "accuracy", "device")
    assert absent.verdict is None
    assert not absent.decides
    none = judge(first, second, gate={"subgroups": {"axes": []}})
    assert not [each for each in none.checks if each.group]
    bare = judge(first.drop(columns="sex"), second.drop(columns="sex"))
    assert bare.notes[1].startswith("The tables have no column of a subgroup")


def test_a_check_that_the_policy_requires_and_leaves_out() -> None:
    result = judge(*pair(), gate={"coverage": None}, require=["coverage"])
    assert result.verdict is NOT_ENOUGH
    assert check(result, "coverage").decides


def test_coverage_that_changes_fails() -> None:
    first, second = pair()
    silent = second["recommendation"].where(np.arange(400) >= 40, "no_ai_opinion")
    result = judge(first, second.assign(recommendation=silent))
    found = check(result, "coverage")
    assert found.verdict is FAILS
    assert found.value == pytest.approx(-0.1)
    assert (found.champion, found.challenger) == pytest.approx((1.0, 0.9))


def with_outliers(shift: float, n: int = 600) -> pd.DataFrame:
    labels = [OUTLIER if at % 3 == 0 else ROUTINE for at in range(n)]
    score = np.random.default_rng(0).normal(size=n) + shift * (np.arange(n) % 3 == 0)
    return table(labels, [ROUTINE] * n, ood_score=score)


def test_out_of_distribution_detection() -> None:
    result = judge(with_outliers(2.0), with_outliers(0.2))
    found = check(result, "near_ood_auroc")
    assert found.verdict is FAILS
    outlier = np.arange(600) % 3 == 0
    for frame, value in (
        (with_outliers(2.0), found.champion),
        (with_outliers(0.2), found.challenger),
    ):
        score = frame["ood_score"].to_numpy()
        wins = stats.mannwhitneyu(score[outlier], score[~outlier]).statistic
        assert value == pytest.approx(wins / (200 * 400))
    assert check(result, "near_ood_fpr95").verdict is FAILS
    same = judge(with_outliers(2.0), with_outliers(2.0))
    assert check(same, "near_ood_auroc").verdict is PASSES


def test_far_pictures() -> None:
    first, second = pair()
    far = tuple(np.linspace(2, 3, 50))
    near = tuple(np.linspace(0, 1, 50))
    evidence = GateEvidence(far_champion=far, far_challenger=near)
    result = judge(first, second, evidence)
    found = check(result, "far_ood_auroc")
    assert found.champion == pytest.approx(1.0)
    assert found.challenger == pytest.approx(0.5, abs=0.01)
    assert found.verdict is FAILS
    same = GateEvidence(far_champion=far, far_challenger=far)
    assert check(judge(first, second, same), "far_ood_auroc").verdict is PASSES
    uneven = GateEvidence(far_champion=far, far_challenger=far[1:])
    assert check(judge(first, second, uneven), "far_ood_auroc").verdict is None


def calibrated(power: float, seed: int, n: int = 3000) -> pd.DataFrame:
    """Probabilities that say how often the condition is right, sharpened by a power."""
    rng = np.random.default_rng(0)
    known = [one.name for one in spec().conditions if one.role == "inlier"]
    logits = rng.normal(size=(n, len(known))) * 2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = [known[rng.choice(len(known), p=row)] for row in p]
    said = p**power / (p**power).sum(axis=1, keepdims=True)
    columns = {f"p_{name}": said[:, at] for at, name in enumerate(known)}
    return table(labels, [known[at] for at in said.argmax(axis=1)], **columns)


def test_calibration() -> None:
    good, sharp = calibrated(1.0, 0), calibrated(2.0, 0)
    result = judge(good, sharp, improvement="none")
    slope = check(result, "calibration_slope")
    assert slope.verdict is FAILS
    assert slope.challenger == pytest.approx(0.5, abs=0.1)
    assert check(result, "adaptive_ece").verdict is FAILS
    kept = judge(good, good, improvement="none")
    assert check(kept, "calibration_slope").verdict is PASSES
    assert check(kept, "adaptive_ece").verdict is PASSES


@pytest.mark.parametrize(
    ("rate", "verdict"), [(0.0, PASSES), (0.001, PASSES), (None, None), (-0.01, FAILS)]
)
def test_negative_flips_are_compared_with_those_of_two_seeds(
    rate: float | None, verdict: GateVerdict | None
) -> None:
    # 4 of 400 are right before and wrong now: one point.
    result = judge(*pair(lost=4), GateEvidence(seed_flip_rate=rate))
    found = check(result, "negative_flips")
    assert found.value == pytest.approx(0.01)
    assert found.verdict is verdict
    assert found.decides is (verdict is not None)


def test_a_few_flips_too_many_are_not_enough_evidence() -> None:
    found = check(judge(*pair(lost=6), GateEvidence(seed_flip_rate=0.004)), "negative_flips")
    assert found.verdict is NOT_ENOUGH


def test_new_urgent_misses_on_the_frozen_set_need_a_signature() -> None:
    first, second = pair()
    frozen = [frame.iloc[40:60] for frame in (first, second)]
    result = judge(
        first, second, GateEvidence(frozen_champion=frozen[0], frozen_challenger=frozen[1])
    )
    found = check(result, "new_urgent_misses")
    assert found.value == 1.0
    assert found.verdict is NOT_ENOUGH
    assert result.verdict is NOT_ENOUGH
    assert "named person" in found.sentence
    allowed = judge(
        first, second, GateEvidence(frozen_champion=frozen[0], frozen_challenger=frozen[1]),
        gate={"frozen": {"new_urgent_misses": 1}},
    )  # fmt: skip
    assert allowed.verdict is PASSES


@pytest.mark.parametrize(("seconds", "verdict"), [(1.2, PASSES), (1.3, FAILS)])
def test_time_and_memory(seconds: float, verdict: GateVerdict) -> None:
    evidence = GateEvidence(
        seconds_champion=1.0, seconds_challenger=seconds, bytes_champion=2**30,
        bytes_challenger=2**30,
    )  # fmt: skip
    result = judge(*pair(), evidence)
    assert check(result, "latency").verdict is verdict
    assert check(result, "memory").verdict is PASSES
    assert result.verdict is verdict


EARLIER: dict[str, Any] = {
    "require": [
        {"metric": "accuracy", "low_at_least": -0.05},
        {"metric": "urgent_at_observation_rate", "high_at_most": 0.05},
    ],
    "max_negative_flips": 0.05,
}


def test_a_policy_of_an_earlier_release() -> None:
    first, second = pair()
    result = judge(first, second, **EARLIER)
    assert result.verdict is PASSES
    assert [each.check for each in result.checks] == [
        "negative_flips", "accuracy", "urgent_at_observation_rate",
    ]  # fmt: skip
    assert judge(second, first, **EARLIER).verdict is FAILS
    equal = judge(first, first, **EARLIER)
    assert equal.verdict is PASSES
    assert not equal.better
    few = judge(first.iloc[:8], second.iloc[:8], **EARLIER)
    assert few.verdict is NOT_ENOUGH


def test_a_bound_whose_columns_are_absent_lacks_evidence() -> None:
    result = judge(*pair(), require=[{"metric": "nll", "high_at_most": 0.1}])
    assert result.verdict is NOT_ENOUGH
    assert check(result, "nll").decides


def test_improvement_is_corrected_for_the_number_of_measures() -> None:
    first, second = pair(gained=8, lost=0)
    found = [
        judge(first, second, improvement={"any_of": measures, "level": 0.006})
        for measures in (["accuracy"], ["accuracy", "recommendation"])
    ]
    # Eight gained and none lost: one-sided 0.5^8 = 0.0039, twice that with two measures.
    assert [each.better for each in found] == [True, False]


def test_reports_that_show_the_gate_split_are_noted() -> None:
    evidence = replace(GateEvidence(), gate_split_is_reported=True)
    assert "Reports also show the cases of this gate split." in judge(*pair(), evidence).notes


def test_patients_with_several_cases_widen_every_interval() -> None:
    first, second = pair()
    alone = judge(first, second)
    shared = [f"p{at % 40}" for at in range(400)]
    together = judge(*(frame.assign(patient_id=shared) for frame in (first, second)))
    assert together.n_patients == 40
    for key in ("accuracy", "recommendation"):
        one, other = check(alone, key), check(together, key)
        assert one.value == pytest.approx(other.value)  # type: ignore[arg-type]
        assert one.high is not None
        assert one.low is not None
        assert other.high is not None
        assert other.low is not None
        assert other.high - other.low > one.high - one.low
