"""Paired differences against a direct computation with scikit-learn, part by part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.benchmark.rows.synthetic_records import Name, made_up_draw
from triage.benchmark.draw_record import DrawRecord
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.results import PairPart
from triage.benchmark.rows.mean_over_draws import mean_numbers
from triage.benchmark.rows.pair_rows import NOT_RECORDED, TOO_FEW, pair_rows
from triage.data.spec import DataSpec
from triage.evaluation.bootstrap_intervals import clopper_pearson
from triage.evaluation.metrics import Interval
from triage.evaluation.metrics.weighted import CaseValues

A, B = Name("outlier_mass", "hod"), Name("vim", "softmax")
HIGH, MEDIUM, LOW = "crusted ulcer", "keratotic crater", "pale depigmented patch"
RESAMPLES = 80


def make_draws(**options: bool) -> list[DrawRecord]:
    tested = ([HIGH, LOW], [MEDIUM, LOW], [HIGH, LOW], [HIGH, MEDIUM])
    return [made_up_draw(seed, names, [A, B], **options) for seed, names in enumerate(tested)]


def resamples_of(draws: list[DrawRecord]) -> CrossedResamples:
    return CrossedResamples([draw.all_clusters for draw in draws], n_resamples=RESAMPLES, seed=3)


def parts_of(draws: list[DrawRecord], spec: DataSpec) -> dict[tuple[str, str], PairPart]:
    (row,) = pair_rows(draws, [(A, B)], spec, resamples_of(draws))
    assert (row.a, row.b) == (A.name, B.name)
    return {(part.axis, part.level): part for part in row.parts}


def auroc(draw: DrawRecord, method: Name, kept: np.ndarray, weights: np.ndarray) -> float:
    score = draw.results[method.name].arrays["test"]
    return roc_auc_score(draw.truth["test"][kept] < 0, score[kept], sample_weight=weights)


def sizes_of(draws: list[DrawRecord], kept: list[np.ndarray | None]) -> dict[str, int]:
    """Cases of all draws, and clusters of the scarcer of outliers and inliers."""
    known = [(draw, rows) for draw, rows in zip(draws, kept, strict=True) if rows is not None]
    sides = [
        {code for draw, rows in known for code in draw.clusters["test"][rows & side(draw)]}
        for side in (lambda draw: draw.truth["test"] < 0, lambda draw: draw.truth["test"] >= 0)
    ]
    return {
        "n_cases": sum(int(rows.sum()) for _, rows in known),
        "n_clusters": min(len(codes) for codes in sides),
    }


def check(part: PairPart, draws: list[DrawRecord], kept: list[np.ndarray | None]) -> None:
    """The very resamples, one at a time: draws and clusters drawn together."""
    resamples = resamples_of(draws)
    sizes = sizes_of(draws, kept)
    values = np.full((3, len(draws), RESAMPLES + 1), np.nan)
    for number, (draw, rows) in enumerate(zip(draws, kept, strict=True)):
        if rows is None:
            continue
        for place, weights in enumerate(resamples.weights(draw.clusters["test"][rows])):
            found = [auroc(draw, method, rows, weights) for method in (A, B)]
            values[:, number, place] = *found, found[0] - found[1]
    kinds = (Interval.KORN_GRAUBARD, Interval.KORN_GRAUBARD, Interval.PERCENTILE)
    numbers = (part.a, part.b, part.difference)
    for shown, of_draws, kind in zip(numbers, values, kinds, strict=True):
        expected = resamples.number(of_draws, kind, **sizes)
        assert (shown.value, shown.low, shown.high) == pytest.approx(
            (expected.value, expected.low, expected.high)
        )
    assert part.draws == sum(rows is not None for rows in kept)
    assert not part.reason


def test_overall_and_by_subgroup(phantom_spec: DataSpec) -> None:
    draws = make_draws()
    parts = parts_of(draws, phantom_spec)
    assert next(iter(parts)) == ("overall", "all")
    check(parts["overall", "all"], draws, [np.ones(180, bool)] * 4)
    assert (parts["overall", "all"].outliers, parts["overall", "all"].inliers) == (60, 120)
    for level in ("I", "II"):
        kept = [draw.subgroups["tone"].to_numpy() == level for draw in draws]
        check(parts["tone", level], draws, kept)
        inliers = [
            (draw.truth["test"][rows] >= 0).sum() for draw, rows in zip(draws, kept, strict=True)
        ]
        assert parts["tone", level].inliers == pytest.approx(np.mean(inliers))


def test_a_risk_level_holds_its_outliers_and_all_inliers(phantom_spec: DataSpec) -> None:
    draws = make_draws()
    parts = parts_of(draws, phantom_spec)
    assert [level for axis, level in parts if axis == "risk"] == ["low", "medium", "high"]
    for level, name in (("high", HIGH), ("low", LOW)):
        kept = [
            (draw.outliers == "") | (draw.outliers == name) if name in draw.outliers else None
            for draw in draws
        ]
        check(parts["risk", level], draws, kept)
        assert (parts["risk", level].outliers, parts["risk", level].inliers) == (30, 120)


def test_the_difference_is_paired() -> None:
    """A score against a copy of itself differs in no resample; elsewhere it still may."""
    from triage.data.spec_files import load_spec, shipped_spec

    draws = make_draws()
    copied = [
        replace(draw, results={A.name: draw.results[A.name], B.name: draw.results[A.name]})
        for draw in draws
    ]
    part = parts_of(copied, load_spec(shipped_spec("derm_phantoms")))["overall", "all"]
    unseen = clopper_pearson(0, sizes_of(copied, [np.ones(180, bool)] * 4)["n_clusters"])[1]
    assert part.difference.value == 0
    assert (part.difference.low, part.difference.high) == pytest.approx((-unseen, unseen))
    assert part.a == part.b
    assert part.a.low != part.a.high


def test_too_few_cases_give_a_reason(phantom_spec: DataSpec) -> None:
    draws = make_draws()
    parts = parts_of(draws, phantom_spec)
    nose = parts["site", "nose"]  # four inliers, no outlier
    assert (nose.reason, nose.draws, nose.difference.value) == (TOO_FEW, 0, None)
    # Of two draws in four, one resample in sixteen holds neither: more than one in twenty.
    medium = parts["risk", "medium"]
    assert (medium.reason, medium.draws, medium.a.value) == (TOO_FEW, 2, None)
    few = [made_up_draw(seed, [HIGH], [A, B], n_outliers=8) for seed in range(3)]
    assert {part.reason for part in parts_of(few, phantom_spec).values()} == {TOO_FEW}
    none = [made_up_draw(0, [HIGH], [A, B], n_outliers=0)]
    assert {part.reason for part in parts_of(none, phantom_spec).values()} == {TOO_FEW}


def test_records_of_before_do_not_tell_the_risk(phantom_spec: DataSpec) -> None:
    draws = make_draws(recorded=False)
    parts = parts_of(draws, phantom_spec)
    reasons = {level: part.reason for (axis, level), part in parts.items() if axis == "risk"}
    assert reasons == dict.fromkeys(("low", "medium", "high"), NOT_RECORDED)
    check(parts["overall", "all"], draws, [np.ones(180, bool)] * 4)


def test_ensembles_differ_in_accuracy_and_calibration(phantom_spec: DataSpec) -> None:
    draws = make_draws()
    resamples = resamples_of(draws)
    (row,) = pair_rows(draws, [(A, B)], phantom_spec, resamples)
    gained = []
    for draw in draws:
        inlier = draw.truth["test"] >= 0
        first, second = (
            draw.heads[method.head].probabilities["test"].argmax(axis=1) == draw.truth["test"]
            for method in (A, B)
        )
        gained.append(CaseValues(first.astype(float) - second, inlier, low=-1, high=1))
    clusters = [draw.clusters["test"] for draw in draws]
    expected = mean_numbers({"gain": gained}, clusters, seed=3)["gain"]
    found = row.heads["accuracy"]
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )
    assert found.at_split_share is None
    assert row.heads.keys() == {"accuracy", "ece"}
    shared = Name("vim", "hod")
    (row,) = pair_rows(
        [
            replace(draw, results=draw.results | {shared.name: draw.results[B.name]})
            for draw in draws
        ],
        [(A, shared)],
        phantom_spec,
        resamples,
    )
    assert row.heads == {}  # one ensemble
