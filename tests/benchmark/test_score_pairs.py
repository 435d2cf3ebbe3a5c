"""Pairs of scores as they are asked for, and what of them can be compared."""

from __future__ import annotations

import pytest

from triage.benchmark.methods import parse_methods
from triage.benchmark.score_pairs import ALWAYS, measured_pairs, missing_pairs, parse_pairs
from triage.errors import UsageError

METHODS = parse_methods("vim,knn,energy@hod,outlier_mass,temperature,outlier_mass@hod+mixup")


def named(*texts: str) -> list[tuple[str, str]]:
    return [(a.name, b.name) for a, b in parse_pairs(texts, METHODS)]


def test_names_are_read_as_methods_are() -> None:
    assert named("vim, knn", "outlier_mass@hod+mixup,outlier_mass@hod") == [
        ("vim@softmax", "knn@softmax"),
        ("outlier_mass@hod+mixup", "outlier_mass@hod"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vim", "--compare: 'vim' is not two methods"),
        ("vim,knn,energy@hod", "is not two methods"),
        ("vim,", "is not two methods"),
        ("vim,vim@softmax", "vim@softmax is compared with itself"),
        ("vim,kn", "--compare: there is no method 'kn'"),
        ("vim,outlier_mass", "several methods.*outlier_mass@reject, outlier_mass@hod"),
        ("vim,temperature", "'temperature' is no score"),
        ("vim,entropy", "entropy@softmax is not measured. Add it to --methods"),
    ],
)
def test_what_cannot_be_compared_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        named(text)


def test_hod_against_the_reject_bucket_stands_first_where_both_are_measured() -> None:
    asked = parse_pairs(["vim,knn", "outlier_mass@hod,outlier_mass@reject"], METHODS)
    assert measured_pairs(asked, METHODS) == [ALWAYS, asked[0]]
    assert measured_pairs((), METHODS) == [ALWAYS]
    assert measured_pairs((), parse_methods("vim,outlier_mass@hod")) == []


def test_a_pair_that_lost_a_method_is_named() -> None:
    asked = parse_pairs(["vim,knn", "vim,energy@hod"], METHODS)
    left = [method for method in METHODS if method.key != "knn"]
    assert measured_pairs(asked, left) == [ALWAYS, asked[1]]
    assert missing_pairs(asked, left) == [
        "vim@softmax and knn@softmax were not compared: knn@softmax could not run."
    ]
