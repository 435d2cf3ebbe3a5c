"""How many cases are chosen, and of which group: quotas by largest remainder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from triage.acquisition.pool import Doubles, Pool
from triage.errors import UsageError
from triage.hashing import hash_json


def even_quotas(sizes: Mapping[str, int], n: int) -> dict[str, int]:
    """Share seats evenly among groups; what a small group cannot fill goes to the others.

    Parameters
    ----------
    sizes : mapping of str to int
        Cases of each group.
    n : int
        Seats, at most as many as there are cases.

    Returns
    -------
    dict of str to int
        Seats of each group. Of an uneven share the remaining seats go to the groups whose names
        have the smallest hashes, since equal shares have equal remainders.
    """
    quotas: dict[str, int] = {}
    while True:
        open_ = {name: 1.0 for name in sizes if name not in quotas}
        left = n - sum(quotas.values())
        small = [name for name in open_ if sizes[name] * len(open_) <= left]
        if not small:
            return quotas | (largest_remainder(open_, left) if open_ else {})
        quotas |= {name: sizes[name] for name in small}


def largest_remainder(weights: Mapping[str, float], n: int) -> dict[str, int]:
    """Share seats in proportion to weights (the method of Hamilton).

    Parameters
    ----------
    weights : mapping of str to float
        Positive.
    n : int
        Seats.

    Returns
    -------
    dict of str to int
        They sum to n. Equal remainders are ordered by the hash of the name.
    """
    total = sum(weights.values())
    shares = {name: n * weight / total for name, weight in weights.items()}
    seats = {name: int(share) for name, share in shares.items()}
    order = sorted(
        weights, key=lambda name: (-round(shares[name] - seats[name], 9), hash_json(name))
    )
    for name in order[: n - sum(seats.values())]:
        seats[name] += 1
    return seats


class Seats:
    """The places to be filled by a choice, one after another.

    Parameters
    ----------
    pool : Pool
    n : int
        Places; from 1 to the number of cases. With groups in the pool they are shared evenly.

    Raises
    ------
    UsageError
        If the pool is empty or n is out of its range.
    """

    def __init__(self, pool: Pool, n: int) -> None:
        if not len(pool):
            raise UsageError(
                "there is no case to choose from",
                hint="Score new cases first, or wait until cases without a label arrive.",
            )
        if not 1 <= n <= len(pool):
            raise UsageError(f"{n} of {len(pool)} cases cannot be chosen", where="--n")
        self.n = n
        self.groups = pool.groups
        self.quotas = None if pool.groups is None else even_quotas(Counter(pool.groups), n)
        self._ties = np.array([hash_json(["tie", name]) for name in pool.names])

    def best(self, values: Doubles, taken: Sequence[int] = ()) -> tuple[int, ...]:
        """Return the rows that fill the places, best first.

        Parameters
        ----------
        values : float64 array [N]
            The larger the better; of equal ones the smaller hash of the name comes first.
        taken : sequence of int
            Rows that have places already; they are returned first.
        """
        chosen = list(taken)
        for row in self.order(values):
            if len(chosen) == self.n:
                break
            if row not in chosen and self.is_open(row, chosen):
                chosen.append(row)
        return tuple(chosen)

    def order(self, values: Doubles) -> list[int]:
        """Rows from the largest value to the smallest, whatever their places."""
        # Equal on paper, though not in floats, is a tie.
        return [int(row) for row in np.lexsort((self._ties, -np.round(values, 12)))]

    def is_open(self, row: int, chosen: Sequence[int]) -> bool:
        """Whether the group of a case has a place left."""
        if self.groups is None or self.quotas is None:
            return len(chosen) < self.n
        group = self.groups[row]
        return sum(self.groups[other] == group for other in chosen) < self.quotas[group]

    def open_rows(self, rows: Sequence[int], chosen: Sequence[int]) -> NDArray[np.int64]:
        """Those of some rows that are not chosen and whose group has a place left."""
        fit = [row for row in rows if row not in chosen and self.is_open(row, chosen)]
        return np.array(fit, dtype=np.int64)
