"""The cases that may be chosen, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.hashing import hash_json

Doubles = NDArray[np.float64]
FLOOR = 1e-12
"""Least probability that is taken a logarithm of."""


@dataclass(frozen=True)
class Pool:
    """N cases without a label, as K members of one ensemble see them.

    Parameters
    ----------
    names : tuple of str, length N
        A name for each case, none twice. It breaks ties, and seeds what is drawn, so that the order
        of the pool changes nothing.
    members : float64 array [N, K, C]
        Probabilities of every member, which is the same member for every case.
    flag : float64 array [N], optional
        Probability that the case is underrepresented in training, by an introspective head.
    saving : float64 array [N], optional
        Expected clinical cost that a perfect label saves, in the units of the cost matrix.
    minutes : float64 array [N], optional
        Expected reading time of a specialist.
    groups : tuple of str, length N, optional
        Level of each case on the axis that is balanced.

    Raises
    ------
    UsageError
        If the arrays are of other shapes, or hold what cannot be.
    """

    names: tuple[str, ...]
    members: Doubles
    flag: Doubles | None = None
    saving: Doubles | None = None
    minutes: Doubles | None = None
    groups: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Check shapes and values."""
        n, shape = len(self.names), self.members.shape
        if len(shape) != 3 or shape[0] != n or 0 in shape[1:]:
            raise UsageError(f"probabilities have shape {shape}, not [{n}, members, classes]")
        if self.members.dtype != np.float64:
            raise UsageError(f"probabilities are {self.members.dtype}, not float64")
        if not (self.members >= 0).all() or not np.allclose(self.members.sum(2), 1, atol=1e-3):
            raise UsageError("member probabilities are negative, not finite or do not sum to one")
        if len({*self.names}) < n:
            raise UsageError("a case is in the pool twice")
        if self.groups is not None and len(self.groups) != n:
            raise UsageError(f"there are {len(self.groups)} groups for {n} cases")
        for name, least in (("flag", 0.0), ("saving", None), ("minutes", 0.0)):
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != (n,) or not np.isfinite(values).all():
                raise UsageError(f"is not one finite number for each of {n} cases", where=name)
            if least is not None and (values < least).any():
                raise UsageError("is negative", where=name)
        if self.minutes is not None and (self.minutes == 0).any():
            raise UsageError("is zero", where="minutes")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def mean(self) -> Doubles:
        """Mean probabilities of the members, float64 [N, C]."""
        averaged: Doubles = self.members.mean(axis=1)
        return averaged

    def chance(self, seed: int, *, purpose: str) -> Doubles:
        """Return a number in (0, 1) for each case that depends on its name alone, float64 [N].

        Parameters
        ----------
        seed : int
        purpose : str
            Numbers of different purposes are independent.
        """
        drawn = [int(hash_json([purpose, seed, name])[:13], 16) for name in self.names]
        uniform: Doubles = (np.array(drawn, dtype=np.float64) + 0.5) / 16.0**13
        return uniform
