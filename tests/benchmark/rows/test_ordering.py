"""The order of rows does not hang on the last digits of sums."""

from __future__ import annotations

from triage.benchmark.rows.ordering import first_of, in_order

A = 0.1 + 0.2  # 0.30000000000000004
B = 0.3


def names(rows, **options):
    return [row[0] for row in in_order(rows, lambda row: row[1:], **options)]


def test_values_equal_but_for_rounding_are_equal() -> None:
    assert A != B
    assert names([("x", B, 0.5), ("y", A, 0.4)]) == ["x", "y"]
    assert names([("x", B, 0.4), ("y", A, 0.5)]) == ["y", "x"]
    assert names([("x", B, 0.5), ("y", A, 0.5)]) == ["x", "y"]
    assert names([("y", A, 0.5), ("x", B, 0.5)]) == ["y", "x"]


def test_the_largest_or_the_smallest_first_and_undefined_last() -> None:
    rows = [("none", None), ("low", 0.0), ("high", 0.2)]
    assert names(rows) == ["high", "low", "none"]
    assert names(rows, descending=False) == ["low", "high", "none"]


def test_the_first_of_equal_rows_is_chosen() -> None:
    assert first_of([("x", B), ("y", A), ("z", 0.1)], lambda row: row[1])[0] == "x"
    assert first_of([("y", A), ("x", B), ("z", 0.4)], lambda row: row[1], largest=False)[0] == "y"
