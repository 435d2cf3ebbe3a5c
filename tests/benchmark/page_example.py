"""The result of a made-up benchmark, and a command to look at its page."""

import sys
from pathlib import Path

import numpy as np

from triage.benchmark.html_page import write_benchmark_page
from triage.benchmark.results import (
    BenchmarkResult,
    CalibratorRow,
    ConformalRow,
    Cost,
    Curve,
    GuaranteeRow,
    HeadRow,
    Number,
    PairPart,
    PairRow,
    RejectionRow,
    ScoreRow,
    Skipped,
)
from triage.evaluation.coverage import CoverageRow
from triage.evaluation.results import ReliabilityBin

SCORES = [
    ("max_softmax", "Maximum softmax probability", "softmax", "probabilities", 0.642),
    ("entropy", "Predictive entropy", "softmax", "probabilities", 0.648),
    ("energy", "Energy", "softmax", "logits", 0.661),
    ("mahalanobis", "Mahalanobis distance", "softmax", "embeddings", 0.672),
    ("mahalanobis_normalised", "Mahalanobis++, on features of unit length", "softmax",
     "embeddings", 0.705),
    ("knn", "Distance to the k-th nearest neighbour", "softmax", "embeddings", 0.690),
    ("vim", "Virtual-logit matching (ViM)", "softmax", "features and last layer", 0.701),
    ("gram", "Gram matrices", "softmax", "feature maps", 0.583),
    ("outlier_mass", "Outlier mass", "reject", "probabilities", 0.731),
    ("outlier_mass", "Outlier mass", "hod", "probabilities", 0.744),
]  # fmt: skip
SHIFTS = ("gaussian_blur:3", "colour_cast:3")


def around(value, half=0.03, own=None):
    """A number with its interval, and what it is with the split's own outliers."""
    return Number(value=value, low=value - half, high=value + half, at_split_share=own)


def score_row(place, key, title, head, need, auroc):
    rng = np.random.default_rng(place)
    baseline = key in ("max_softmax", "energy")
    return ScoreRow(
        key=f"{key}@{head}",
        score=key,
        head=head,
        title=title,
        need=need,
        baseline=baseline,
        uses_outliers=head != "softmax",
        near={
            "ood_auroc": around(auroc),
            "ood_fpr95": around(1.45 - auroc),
            "ood_aupr": around(auroc - 0.3, own=auroc - 0.1),
            "aurc": around(0.9 - auroc, 0.02, own=0.95 - auroc),
            "clinical_cost": around(1.1 - auroc, 0.04, own=1.2 - auroc),
            "abstention_rate": around(0.12, 0.02, own=0.15),
        },
        far=around(min(auroc + 0.27, 0.96)),
        shifted={name: around(0.5 + 0.1 * number, 0.02) for number, name in enumerate(SHIFTS)},
        difference=None if key == "energy" else around(auroc - 0.661, 0.025),
        near_auroc_by_draw=[float(auroc + d) for d in rng.normal(0, 0.02, 10)],
        validation_auroc=auroc,
        cost=Cost(
            fit_seconds=0.004 * 7**place % 3, score_seconds=0.0003 * (place + 1), memory_mib=18.2
        ),
    )


def reliability(gap):
    rng = np.random.default_rng(3)
    bins = []
    for index in range(15):
        middle = (index + 0.5) / 15
        count = int(rng.integers(20, 300)) if index > 3 else 0
        right = min(max(middle - gap * middle, 0.01), 0.99)
        bins.append(
            ReliabilityBin(
                lower=index / 15,
                upper=(index + 1) / 15,
                count=count,
                confidence=middle if count else None,
                accuracy=right if count else None,
                low=max(right - 0.06, 0) if count else None,
                high=min(right + 0.06, 1) if count else None,
            )
        )
    return bins


def calibrator_row(key, title, ece, nll):
    return CalibratorRow(
        key=f"{key}@hod",
        calibrator=key,
        head="hod",
        title=title,
        metrics={
            "ece": around(ece, 0.01),
            "ece_equal_mass": around(ece + 0.004, 0.01),
            "classwise_ece": around(ece / 2, 0.006),
            "adaptive_ece": around(ece / 2 + 0.002, 0.006),
            "nll": around(nll, 0.05),
            "brier": around(0.44, 0.02),
            "brier_reliability": around(ece**2, 0.0005),
            "brier_resolution": around(0.06, 0.01),
            "accuracy": around(0.713, 0.02),
        },
        shifted={name: around(2 * ece, 0.02) for name in SHIFTS},
        ece_floor=0.018,
        reliability=reliability(4 * ece),
        cost=Cost(fit_seconds=0.031, score_seconds=0.0002),
    )


def coverage_row(axis, level, n, covered, half):
    low, high = max(covered - half, 0.0), min(covered + half, 1.0)
    return CoverageRow(
        axis=axis, level=level, n_cases=10 * n, n_clusters=n, covered=covered, low=low, high=high,
        promised=0.9, mean_size=2.31, empty=0.004, holds=high >= 0.9,
    )  # fmt: skip


def conformal_row(key, title, by, short):
    return ConformalRow(
        key=f"{key}@hod",
        title=title,
        head="hod",
        by=by,
        promised=0.9,
        answered=1.0,
        outliers_answered=1.0,
        rows=[
            coverage_row("overall", "all", 812, 0.901, 0.02),
            coverage_row("condition", "melanoma", 96, 0.801 if short else 0.91, 0.07),
            coverage_row("condition", "naevus", 400, 0.94, 0.02),
            coverage_row("skin_type", "I-II", 500, 0.91, 0.025),
            coverage_row("skin_type", "V-VI", 14, 0.79, 0.2),
        ],
    )


def pair_part(axis, level, difference, half=0.02):
    return PairPart(
        axis=axis,
        level=level,
        draws=10,
        outliers=81.4,
        inliers=203.0,
        a=around(0.744 + difference / 2),
        b=around(0.744 - difference / 2),
        difference=around(difference, half),
    )


def too_few(axis, level):
    return PairPart(axis=axis, level=level, draws=1, reason="too few draws have ten groups")


def pair_rows():
    return [
        PairRow(
            a="outlier_mass@hod",
            b="outlier_mass@reject",
            parts=[
                pair_part("overall", "all", 0.013),
                pair_part("risk", "low", -0.031),
                pair_part("risk", "high", 0.058),
                pair_part("skin_type", "I-II", 0.009),
                too_few("skin_type", "V-VI"),
            ],
            heads={"accuracy": around(0.004, 0.01), "ece": around(-0.02, 0.01)},
        ),
        PairRow(
            a="outlier_mass@hod",
            b="energy@hod",
            parts=[too_few("overall", "all"), too_few("risk", "low")],
            heads={},
        ),
    ]


def example(**changes):
    """A whole result; `changes` replace its fields."""
    coverage = [round(float(c), 6) for c in np.linspace(0.05, 1, 39)]
    rejection = [
        ("score threshold", 0.402, None),
        (
            "joint rejection, fitted threshold",
            0.371,
            Number(value=-0.031, low=-0.05, high=-0.012, at_split_share=-0.044),
        ),
        ("doubtful condition only", 0.398, Number(value=-0.004, low=-0.02, high=0.012)),
        ("never abstain", 0.61, Number(value=0.208, low=0.17, high=0.25)),
    ]
    fields = {
        "spec_name": "derm_example",
        "spec_title": "Skin conditions of a made-up clinic",
        "code_version": "0.1.0",
        "created_at": "2026-01-06T09:30:00+00:00",
        "command": "triage benchmark --spec derm_example.yaml --root photos --repeats 10 --out out",
        "seeds": list(range(10)),
        "backbones": ["mobilenet_v2_1.0_224", "resnet18_3stage"],
        "members": 6,
        "n_resamples": 1000,
        "outlier_prevalence": 0.1,
        "outlier_share": 240 / 1052,
        "counts": {"test inliers": 812, "near": 240, "train": 2400, "validation": 800, "far": 812},
        "far": "Test inliers of which nothing is left to recognise (shuffled_tiles).",
        "best_baseline": "energy@softmax",
        "scores": [score_row(place, *row) for place, row in enumerate(SCORES)],
        "pairs": pair_rows(),
        "heads": [
            HeadRow(
                head=head,
                metrics={
                    "accuracy": around(0.71),
                    "balanced_accuracy": around(0.66),
                    "ece": around(0.03, 0.01),
                    "nll": around(0.91),
                    "brier": around(0.44),
                },
                shifted={n: {"accuracy": around(0.6), "ece": around(0.1)} for n in SHIFTS},
                joint={"joint": around(-0.83), "marginal": around(-0.9), "gain": around(0.07)},
                members=9,
            )
            for head in ("softmax", "reject", "hod")
        ],
        "calibrators": [
            calibrator_row("temperature", "Temperature scaling", 0.021, 0.871),
            calibrator_row("isotonic", "Isotonic regression", 0.034, 0.93),
            calibrator_row("none", "No calibration", 0.071, 0.981),
        ],
        "conformal": [
            conformal_row("lac", "Least ambiguous sets (LAC)", "all", True),
            conformal_row("lac", "Least ambiguous sets (LAC)", "condition", False),
        ],
        "rejection": [
            RejectionRow(
                key=f"{title}@hod",
                title=title,
                head="hod",
                cost=around(cost, own=cost + 0.1),
                abstained=around(0.12, 0.02, own=0.15),
                difference=difference,
            )
            for title, cost, difference in rejection
        ],
        "guarantees": [
            GuaranteeRow(
                title="miss at most 10% of high-risk inliers (hod)",
                alpha=0.1,
                delta=0.1,
                certified=[True] * 9 + [False],
                missed=[0.04, 0.06, 0.05, 0.11, 0.02, 0.07, 0.03, 0.05, 0.08, None],
                n_high_risk=[61, 60, 66, 70, 59, 64, 65, 62, 63, 18],
                flagged=[0.41] * 9 + [None],
            ),
            GuaranteeRow(
                title="miss at most 1% of high-risk inliers (hod)",
                alpha=0.01,
                delta=0.1,
                certified=[False] * 10,
                missed=[None] * 10,
                n_high_risk=[60] * 10,
                flagged=[None] * 10,
            ),
        ],
        "curves": [
            Curve(
                key="outlier_mass@hod",
                coverage=coverage,
                risk=[0.36 * c**1.6 for c in coverage],
                at_split_share=[0.45 * c**1.6 for c in coverage],
            ),
            Curve(key="energy@softmax", coverage=coverage, risk=[0.36 * c**0.6 for c in coverage]),
            Curve(key="random referral", coverage=coverage, risk=[0.36] * len(coverage)),
        ],
        "skipped": [
            Skipped(
                key="image_text@softmax",
                reason="needs an image-text model: name one with --image-text",
            )
        ],
        "notes": ["Rare conditions play the unseen ones; the spec says how they were chosen."],
    }
    return BenchmarkResult(**(fields | changes))


if __name__ == "__main__":
    write_benchmark_page(example(), Path(sys.argv[1]))
