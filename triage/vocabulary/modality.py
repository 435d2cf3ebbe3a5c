"""What a case is made of."""

from __future__ import annotations

from enum import StrEnum


class Modality(StrEnum):
    """Kind of files of a case, as named by data specs, bundles and the case database."""

    PHOTOGRAPHS = "photographs"
    OCT_BSCANS = "oct_bscans"
    OCT_VOLUMES = "oct_volumes"
