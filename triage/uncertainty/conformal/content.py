"""A number between 0 and 1 from what is known of a case: the same case, the same number."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_STEPS = 1_000_000
"""Probabilities are told apart to six decimals, so that float32 and float64 mostly agree."""


def uniform_of(probabilities: NDArray[np.float64], seed: int, purpose: str) -> NDArray[np.float64]:
    """Draw a uniform number for each case from its probabilities alone.

    A keyed hash stands in for the random draw of randomised sets. A case then has the same set
    whichever cases it is scored with, and in whatever order. Coverage needs no more: a
    conformity score may be any fixed function of a case, so cases stay exchangeable. A
    generator that counts cases would break this where cases are scored one at a time: each
    would be given the generator's first number.

    Parameters
    ----------
    probabilities : float array [N, K]
        In [0, 1].
    seed : int
        Another seed, other numbers.
    purpose : str
        Numbers for different purposes are independent; at most 16 bytes.

    Returns
    -------
    float array [N]
        In [0, 1).
    """
    rows = np.rint(probabilities * _STEPS).astype("<u4")
    key, person = seed.to_bytes(8, "little"), purpose.encode()
    digests = b"".join(
        hashlib.blake2b(row.tobytes(), digest_size=8, key=key, person=person).digest()
        for row in rows
    )
    # 53 bits are what a float64 in [0, 1) can hold.
    uniform: NDArray[np.float64] = (np.frombuffer(digests, dtype="<u8") >> 11) / 2.0**53
    return uniform
