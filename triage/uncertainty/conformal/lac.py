"""LAC: all conditions above one probability; the smallest sets on average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from triage.uncertainty.conformal.conformal_set import (
    ConformalInfo,
    ConformalSet,
    Probabilities,
    State,
)


@dataclass
class Lac(ConformalSet):
    """A condition's score is one minus its probability: Sadinle, Lei & Wasserman 2019."""

    info: ClassVar[ConformalInfo] = ConformalInfo(
        "lac",
        "LAC",
        "Sadinle, Lei & Wasserman 2019",
        "smallest on average; empty where nothing is probable",
    )

    def _score(self, probabilities: Probabilities, state: State) -> NDArray[np.float64]:
        return 1.0 - probabilities
