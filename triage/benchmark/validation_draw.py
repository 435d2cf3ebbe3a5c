"""Validation cases of one draw, read from its records: what a recommendation may be chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.benchmark.draw_record import DRAW, VALIDATION, Floats, head_record, read_record
from triage.benchmark.records import Records


@dataclass(frozen=True)
class ValidationDraw:
    """Validation cases of one draw; nothing of any test case is in it.

    Parameters
    ----------
    seed : int
    n_inliers : int
    truth, clusters : int64 array [N]
        Truth is -1 for cases of no inlier condition.
    fresh : bool array [N] or None
        Inliers, and outliers of conditions that trained no ensemble; None in records of versions
        that did not keep the conditions.
    probabilities : dict of float array [N, C]
        By arm.
    scores : dict of float array [N]
        By name of the method.
    """

    seed: int
    n_inliers: int
    truth: NDArray[np.int64]
    clusters: NDArray[np.int64]
    fresh: NDArray[np.bool_] | None
    probabilities: dict[str, Floats]
    scores: dict[str, Floats]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which cases are of inlier conditions."""
        return self.truth >= 0


def read_validation(
    records: Records, seed: int, arms: Sequence[str], scores: Sequence[str]
) -> ValidationDraw:
    """Read the validation part of a draw's records.

    Raises
    ------
    UsageError
        If a record is missing.
    """
    arrays, header = read_record(records, seed, DRAW)
    fresh = None
    if "met" in header:
        conditions = np.array(header["validation"]["outliers"], dtype=np.str_)
        fresh = (conditions == "") | ~np.isin(conditions, header["met"])
    return ValidationDraw(
        seed=seed,
        n_inliers=len(header["inliers"]),
        truth=arrays[f"truth/{VALIDATION}"],
        clusters=arrays[f"cluster/{VALIDATION}"],
        fresh=fresh,
        probabilities={
            arm: read_record(records, seed, head_record(arm))[0][VALIDATION] for arm in arms
        },
        scores={name: read_record(records, seed, name)[0][VALIDATION] for name in scores},
    )
