"""A report of made-up outcomes, and a command to look at it."""

import sys
from pathlib import Path

from tests.evaluation.synthetic import make_outcomes
from triage.evaluation import evaluate
from triage.reports import build_report, write_report

BUNDLE = {
    "digest": "0" * 64,
    "format": "triage-bundle-2",
    "name": "derm_phantoms, HOD ensemble",
    "created_at": "2026-01-05T10:00:00Z",
    "code_version": "0.1.0",
    "spec_name": "derm_phantoms",
    "spec_hash": "5" * 64,
    "data_hash": "d" * 64,
    "roles": {
        "seed": 0,
        "inliers": ["acne", "melanoma"],
        "train": ["lentigo"],
        "validation": [],
        "test": ["sarcoid", "vitiligo"],
    },
    "head": "hod",
    "score": "outlier_mass",
    "members": [{"name": "seed 0", "weights": "a"}, {"name": "seed 1", "weights": "b"}],
    "settings": {"head": "hod", "members": 3},
    "thresholds": {"temperature": 1.31, "threshold": 0.42},
    "files": {"members/0.safetensors": "a" * 64, "members/1.safetensors": "b" * 64},
    "intended_use": "Research on generated photographs. Not for clinical use.",
}
DATA = {
    "spec": "derm_phantoms",
    "title": "Skin lesion phantoms",
    "licence": "Apache-2.0",
    "source": "generated",
    "hashes": {"manifest": "c" * 64},
    "counts": {
        "train": {"inlier": 900, "outlier_train": 120},
        "validation": {"inlier": 300, "outlier_validation": 60},
        "test": {"inlier": 290, "outlier_test": 130},
    },
    "notes": ["Validation outliers are held-out cases of training outlier conditions."],
    "exclusions": {"truncated": 3, "zero bytes": 1},
}
REVIEWS = {
    "opened": 43,
    "first_reads": 42,
    "decided": 40,
    "with_opinion": 31,
    "abstained": 9,
    "cases": 38,
    "condition_switches": 6,
    "towards_ai": 4,
    "agreed_finally": 27,
    "lowered_on_abstention": 0,
    "reasons": {"R1 AI missed finding": 3, "R4 clinical history": 2},
}
REASONS = {"A4 unfamiliar": 101, "A5 ambiguous": 31}


def example(n_clusters=300, **changes):
    inputs = {
        "bundle": BUNDLE,
        "data": DATA,
        "reviews": REVIEWS,
        "predictions_hash": "f" * 64,
        "generated_at": "2026-01-06T09:30:00Z",
        "abstention_reasons": REASONS,
    }
    return build_report(evaluate(make_outcomes(n_clusters), n_resamples=200), **inputs | changes)


if __name__ == "__main__":
    print(*write_report(example(), Path(sys.argv[1])), sep="\n")
