"""Rows of ensembles and of calibrators: accuracy and calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from triage.benchmark.draw_record import TEST, DrawRecord, Floats, bare_outcomes
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.results import CalibratorRow, HeadRow, Number
from triage.benchmark.rows.joint_rows import joint_numbers, n_members
from triage.benchmark.rows.method_names import Named
from triage.benchmark.rows.metric_numbers import DrawOutcomes, metric_numbers
from triage.benchmark.rows.ordering import in_order
from triage.benchmark.rows.score_rows import cost_of
from triage.evaluation.curves import reliability
from triage.evaluation.metrics.bins import bin_sums, equal_width_bin
from triage.evaluation.results import ReliabilityBin
from triage.uncertainty.calibration import CALIBRATORS

OF_HEADS = ("accuracy", "balanced_accuracy", "ece", "nll", "brier")
OF_CALIBRATORS = (
    "ece",
    "ece_equal_mass",
    "classwise_ece",
    "adaptive_ece",
    "nll",
    "brier",
    "brier_reliability",
    "brier_resolution",
    "accuracy",
)
FLOOR_REPEATS, FLOOR_SEED = 200, 0
SHIFTED = ("accuracy", "ece")
Probabilities = Callable[[DrawRecord, str], Floats]


def head_rows(
    draws: Sequence[DrawRecord], heads: Sequence[str], resamples: CrossedResamples
) -> list[HeadRow]:
    """Measure every kind of ensemble, temperature-scaled, on clean and shifted test inliers."""
    rows = []
    for head in heads:

        def calibrated(draw: DrawRecord, name: str, head: str = head) -> Floats:
            return draw.heads[head].calibrated(name)

        rows.append(
            HeadRow(
                head=head,
                metrics=_numbers(draws, TEST, calibrated, OF_HEADS, resamples),
                shifted={
                    shift: _numbers(draws, shift, calibrated, SHIFTED, resamples)
                    for shift in draws[0].shifts
                },
                joint=joint_numbers(draws, head, resamples),
                members=n_members(draws, head),
            )
        )
    return rows


def calibrator_rows(
    draws: Sequence[DrawRecord],
    methods: Sequence[Named],
    resamples: CrossedResamples,
    tick: Callable[[], None] = lambda: None,
) -> list[CalibratorRow]:
    """Measure every calibrator, sorted by log loss."""
    rows = []
    for method in methods:

        def calibrated(draw: DrawRecord, where: str, name: str = method.name) -> Floats:
            return draw.results[name].arrays[where]

        rows.append(
            CalibratorRow(
                key=method.name,
                calibrator=method.key,
                head=method.head,
                title=CALIBRATORS[method.key].info.title,
                metrics=_numbers(draws, TEST, calibrated, OF_CALIBRATORS, resamples),
                shifted={
                    shift: _numbers(draws, shift, calibrated, ("ece",), resamples)["ece"]
                    for shift in draws[0].shifts
                },
                ece_floor=float(
                    np.mean([_ece_floor(calibrated(draw, TEST), draw) for draw in draws])
                ),
                reliability=_pooled_reliability(draws, calibrated),
                cost=cost_of([draw.results[method.name] for draw in draws]),
            )
        )
        tick()
    return in_order(rows, lambda row: [row.metrics["nll"].value], descending=False)


def outcomes_on(
    draws: Sequence[DrawRecord], where: str, probabilities: Probabilities
) -> DrawOutcomes:
    """Probabilities on a set of every draw."""
    return DrawOutcomes(
        [draw.outcomes(where, probabilities(draw, where)) for draw in draws],
        [draw.clusters[where] for draw in draws],
    )


def _numbers(
    draws: Sequence[DrawRecord],
    where: str,
    probabilities: Probabilities,
    keys: Sequence[str],
    resamples: CrossedResamples,
) -> dict[str, Number]:
    return metric_numbers(keys, outcomes_on(draws, where, probabilities), resamples)


def _ece_floor(probabilities: Floats, draw: DrawRecord) -> float:
    """Mean ECE if every inlier were right with exactly its given probability."""
    top = probabilities[draw.truth[TEST] >= 0].max(axis=1)
    right = np.random.default_rng(FLOOR_SEED).random((FLOOR_REPEATS, len(top))) < top
    gaps = np.abs(bin_sums(np.ones(len(top)), equal_width_bin(top), right - top))
    return float(gaps.sum(axis=1).mean() / len(top))


def _pooled_reliability(
    draws: Sequence[DrawRecord], probabilities: Probabilities
) -> list[ReliabilityBin]:
    parts = [draw.outcomes(TEST, probabilities(draw, TEST)) for draw in draws]
    pooled = bare_outcomes(
        draws[0].inliers,
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.cluster for part in parts]),
    )
    return reliability(pooled)
