"""Quotas by largest remainder."""

from __future__ import annotations

import pytest

from triage.acquisition.seats import even_quotas, largest_remainder


def test_largest_remainder_by_hand() -> None:
    # 10 seats: 4.7, 3.1, 2.2 -> the one seat left goes to the largest remainder.
    assert largest_remainder({"a": 47, "b": 31, "c": 22}, 10) == {"a": 5, "b": 3, "c": 2}


def test_equal_remainders_do_not_depend_on_the_order() -> None:
    names = ["x", "y", "z"]
    assert largest_remainder(dict.fromkeys(names, 1.0), 4) == largest_remainder(
        dict.fromkeys(reversed(names), 1.0), 4
    )


@pytest.mark.parametrize("n", range(16))
def test_even_quotas_fill_every_seat(n: int) -> None:
    sizes = {"a": 9, "b": 5, "c": 1}
    quotas = even_quotas(sizes, n)
    assert sum(quotas.values()) == n
    assert all(quotas[name] <= sizes[name] for name in sizes)
    full = [name for name in sizes if quotas[name] == sizes[name]]
    rest = [quotas[name] for name in sizes if name not in full]
    assert max(rest, default=0) - min(rest, default=0) <= 1
