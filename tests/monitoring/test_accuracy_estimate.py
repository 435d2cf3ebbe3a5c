"""Accuracy without labels against scans, resamples drawn singly, and true accuracy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from triage.errors import NotEnoughEvidence, UsageError
from triage.monitoring.accuracy_errors import (
    ShiftedCases,
    fitted_slope,
    measure_errors,
    summarise_errors,
)
from triage.monitoring.accuracy_estimate import (
    AccuracyReference,
    estimate_accuracy,
    fit_accuracy_reference,
    kept_by_gate,
)
from triage.vocabulary.monitoring import ChartVerdict

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def calibrated(
    n: int, seed: int, low: float = 0.4, high: float = 1.0
) -> tuple[Floats, Bools, NDArray[np.str_]]:
    """Confidences that are right as often as they say, of patients with two cases each."""
    generator = np.random.default_rng(seed)
    confidence = generator.uniform(low, high, n)
    unit = np.array([f"p{k // 2}" for k in range(n)])
    return confidence, generator.random(n) < confidence, unit


def scanned_threshold(confidence: Floats, correct: Bools) -> float:
    """The lowest confidence at which right cases below and wrong ones above differ least."""
    tried = [*sorted({*confidence.tolist()}), np.inf]
    gaps = []
    for t in tried:
        below = confidence < t
        gaps.append(abs(int((correct & below).sum()) - int((~correct & ~below).sum())))
    return float(tried[int(np.argmin(gaps))])


@pytest.mark.parametrize("digits", [1, 2, 12])
def test_the_threshold_is_that_of_a_scan(digits: int) -> None:
    confidence, correct, unit = calibrated(150, 1)
    confidence = confidence.round(digits)
    found = fit_accuracy_reference(confidence, correct, units=unit)
    assert found.threshold == pytest.approx(scanned_threshold(confidence, correct))
    assert found.accuracy == pytest.approx(correct.mean())
    assert found.mean_confidence == pytest.approx(confidence.mean())
    assert (found.n, found.n_units, found.n_errors) == (150, 75, int((~correct).sum()))
    assert found.ood_rate is None
    assert len(found.resamples) == 200


def test_resamples_are_of_patients() -> None:
    """Each resample again, with its cases repeated as often as they were drawn."""
    confidence, correct, unit = calibrated(40, 2)
    found = fit_accuracy_reference(confidence, correct, units=unit, n_resamples=5, seed=4)
    names, place = np.unique(unit, return_inverse=True)
    generator = np.random.default_rng(4)
    counts = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=5)
    for resample, count in zip(found.resamples, counts, strict=True):
        rows = np.repeat(np.arange(40), count[place])
        again = confidence[rows], correct[rows]
        expected = (again[1].mean(), again[0].mean(), scanned_threshold(*again))
        # Thresholds that were not drawn lie between those that were, and divide them alike.
        assert resample[:2] == pytest.approx(expected[:2])
        assert ((again[0] >= resample[2]) == (again[0] >= expected[2])).all()


def test_estimates_by_hand() -> None:
    reference = AccuracyReference(
        n=100, n_units=100, n_errors=20, accuracy=0.8, mean_confidence=0.75, threshold=0.6
    )
    confidence = np.array([0.5] * 15 + [0.7] * 25)
    found = estimate_accuracy(reference, confidence)
    assert found.atc == pytest.approx(25 / 40)
    assert found.doc == pytest.approx(0.8 + (0.5 * 15 + 0.7 * 25) / 40 - 0.75)
    assert found.verdict is ChartVerdict.IN_CONTROL
    assert found.ood_rate == 0


def test_the_reference_estimates_its_own_accuracy() -> None:
    confidence, correct, unit = calibrated(400, 3)
    reference = fit_accuracy_reference(confidence, correct, units=unit)
    found = estimate_accuracy(reference, confidence, units=unit)
    assert found.atc == pytest.approx(correct.mean(), abs=1 / 400)
    assert found.doc == pytest.approx(correct.mean())
    assert found.atc_low is not None
    assert found.atc_high is not None
    assert found.atc_low < correct.mean() < found.atc_high


def test_cases_that_the_gate_removed_are_left_out_with_their_rate() -> None:
    confidence, correct, unit = calibrated(400, 4)
    kept = np.arange(400) % 4 != 0
    blank = np.where(kept, confidence, np.nan)
    reference = fit_accuracy_reference(blank, correct, kept=kept, units=unit)
    assert reference.n == 300
    assert reference.ood_rate == pytest.approx(0.25)
    assert reference.accuracy == pytest.approx(correct[kept].mean())
    found = estimate_accuracy(reference, blank, kept=kept, units=unit)
    assert (found.n_cases, found.n_kept, found.ood_rate) == (400, 300, 0.25)
    assert found == estimate_accuracy(reference, confidence[kept], units=unit[kept]).model_copy(
        update={"n_cases": 400, "ood_rate": 0.25}
    )


def test_reasons_of_abstention_that_the_gate_gives() -> None:
    reasons = [None, "", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8"]
    expected = [True, True, False, False, False, False, True, True, False, False]
    assert kept_by_gate(reasons).tolist() == expected


def test_few_errors_give_no_thresholded_confidence() -> None:
    confidence = np.linspace(0.5, 1, 100)
    correct = np.arange(100) >= 19
    reference = fit_accuracy_reference(confidence, correct)
    found = estimate_accuracy(reference, confidence)
    assert found.atc is None
    assert found.atc_low is None
    assert found.doc is not None
    assert "19 errors" in found.note
    enough = fit_accuracy_reference(confidence, np.arange(100) >= 20)
    assert estimate_accuracy(enough, confidence).atc == pytest.approx(0.8)


def test_a_site_with_five_cases_has_no_estimate() -> None:
    confidence, correct, unit = calibrated(200, 5)
    reference = fit_accuracy_reference(confidence, correct, units=unit)
    found = estimate_accuracy(reference, confidence[195:], units=unit[195:])
    assert found.verdict is ChartVerdict.NOT_ENOUGH
    assert found.doc is None
    assert "5 cases" in found.note
    assert estimate_accuracy(reference, []).ood_rate is None


def test_intervals_hold_the_estimate_of_the_population() -> None:
    """Reference and current cases drawn anew: intervals hold what endless cases would give."""
    endless = calibrated(200_000, 6)
    whole = fit_accuracy_reference(*endless[:2], n_resamples=2)
    target, _, _ = calibrated(200_000, 7, low=0.3, high=0.9)
    expected = estimate_accuracy(whole, target, n_resamples=2)
    held = {"atc": 0, "doc": 0}
    for seed in range(100):
        confidence, correct, unit = calibrated(300, 100 + seed)
        reference = fit_accuracy_reference(confidence, correct, units=unit, seed=seed)
        current, _, patient = calibrated(200, 300 + seed, low=0.3, high=0.9)
        found = estimate_accuracy(reference, current, units=patient, seed=seed + 1)
        for name in held:
            low, high = getattr(found, f"{name}_low"), getattr(found, f"{name}_high")
            held[name] += low <= getattr(expected, name) <= high
    assert min(held.values()) >= 85  # of 100; 95 % less three standard errors of a proportion


def test_the_reference_is_read_back_from_json() -> None:
    confidence, correct, unit = calibrated(60, 8)
    found = fit_accuracy_reference(confidence, correct, units=unit, kept=confidence > 0.5)
    assert AccuracyReference.model_validate_json(found.model_dump_json()) == found
    nobody_right = fit_accuracy_reference(confidence, np.zeros(60, np.bool_))
    assert AccuracyReference.model_validate_json(nobody_right.model_dump_json()) == nobody_right
    assert estimate_accuracy(nobody_right, confidence).atc == 0


def test_wrong_arrays_are_refused() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        fit_accuracy_reference([0.5, 1.5], [True, False])
    with pytest.raises(UsageError, match="between 0 and 1"):
        fit_accuracy_reference([0.5, np.nan], [True, False])
    with pytest.raises(UsageError, match="outcomes"):
        fit_accuracy_reference([0.5, 0.6], [True])
    with pytest.raises(UsageError, match="shapes"):
        fit_accuracy_reference([0.5, 0.6], [True, False], units=["a"])
    with pytest.raises(NotEnoughEvidence):
        fit_accuracy_reference([0.5, 0.6], [True, False], kept=[False, False])


def shifts(kinds: str, slope: float) -> list[ShiftedCases]:
    """Shifts whose accuracy changes `slope` times as much as the mean confidence."""
    made = []
    for kind in kinds:
        for severity in (1, 2, 3):
            change = 0.02 * severity * (1 + "abcdef".index(kind))
            confidence = np.full(1000, 0.8 - change)
            right = np.arange(1000) < round(1000 * (0.8 - slope * change))
            ones = np.ones(1000, np.bool_)
            made.append(
                ShiftedCases(f"{kind}:{severity}", kind, confidence, right, ones, np.arange(1000))
            )
    return made


REFERENCE = AccuracyReference(
    n=500, n_units=500, n_errors=100, accuracy=0.8, mean_confidence=0.8, threshold=0.7
)


def test_errors_on_shifts_are_estimate_minus_truth() -> None:
    rows = measure_errors(REFERENCE, shifts("ab", 2.0), shifts("ab", 2.0))
    for row, shift in zip(rows, shifts("ab", 2.0), strict=True):
        assert row.accuracy == pytest.approx(np.mean(shift.correct))
        assert row.doc == pytest.approx(np.mean(shift.confidence))
        assert row.atc == (1.0 if np.mean(shift.confidence) >= 0.7 else 0.0)
        assert row.regression == pytest.approx(row.accuracy, abs=2e-3)
    doc = next(error for error in summarise_errors("all", rows) if error.method == "doc")
    off = [np.mean(shift.confidence) - np.mean(shift.correct) for shift in shifts("ab", 2.0)]
    assert doc.mean_absolute_error == pytest.approx(np.mean(np.abs(off)))
    assert doc.mean_difference == pytest.approx(np.mean(off))
    assert doc.largest_error == pytest.approx(np.max(np.abs(off)))
    assert (doc.over, doc.n_shifts, doc.n_kinds, doc.n_cases) == ("all", 6, 2, 6000)


def test_the_regression_is_not_fitted_to_the_kind_that_it_is_tried_on() -> None:
    fitted = [*shifts("a", 1.0), *shifts("b", 3.0)]
    rows = measure_errors(REFERENCE, shifts("ab", 1.0), fitted)
    for row in rows:
        slope = 3.0 if row.kind == "a" else 1.0
        assert row.change is not None
        assert row.regression == pytest.approx(0.8 + slope * row.change, abs=2e-3)
    change = np.array([np.mean(shift.confidence) - 0.8 for shift in fitted])
    drop = np.array([np.mean(shift.correct) - 0.8 for shift in fitted])
    expected = np.linalg.lstsq(change[:, None], drop, rcond=None)[0][0]
    assert fitted_slope(REFERENCE, fitted) == pytest.approx(expected)
    with pytest.raises(NotEnoughEvidence):
        fitted_slope(REFERENCE, [])


def test_a_shift_that_the_gate_keeps_nothing_of_has_counts_only() -> None:
    none = shifts("a", 1.0)[0]._replace(kept=np.zeros(1000, np.bool_))
    (row,) = measure_errors(REFERENCE, [none], shifts("b", 1.0))
    assert (row.n_cases, row.n_kept, row.ood_rate) == (1000, 0, 1.0)
    assert row.accuracy is None
    assert row.doc is None
    assert row.regression is None
    assert all(error.mean_absolute_error is None for error in summarise_errors("all", [row]))
