"""What the gate may know beyond two predictions tables; retraining measures it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class GateEvidence:
    """Evidence that some checks need; a check without its evidence is reported as not done.

    Parameters
    ----------
    frozen_champion, frozen_challenger : DataFrame, optional
        Predictions on the frozen regression set, with the columns of the gate's tables.
    seed_flip_rate : float, optional
        Share of the gate's cases right in one and wrong in another champion that was trained with
        the same recipe and another seed.
    far_champion, far_challenger : array of float, optional
        Out-of-distribution scores of pictures far from the training data.
    seconds_champion, seconds_challenger : float, optional
        Of one case, measured in alternation on this machine.
    bytes_champion, bytes_challenger : int, optional
        Peak memory of scoring.
    gate_split_is_reported : bool
        Whether reports show the cases of the gate split.
    """

    frozen_champion: pd.DataFrame | None = None
    frozen_challenger: pd.DataFrame | None = None
    seed_flip_rate: float | None = None
    far_champion: tuple[float, ...] | None = None
    far_challenger: tuple[float, ...] | None = None
    seconds_champion: float | None = None
    seconds_challenger: float | None = None
    bytes_champion: int | None = None
    bytes_challenger: int | None = None
    gate_split_is_reported: bool = False
