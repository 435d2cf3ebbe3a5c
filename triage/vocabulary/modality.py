"""What a case is made of."""

from __future__ import annotations

from enum import StrEnum


class Modality(StrEnum):
    """What the files of a case are, as a data spec, a bundle and the case database name it."""

    PHOTOGRAPHS = "photographs"
    OCT_BSCANS = "oct_bscans"
    OCT_VOLUMES = "oct_volumes"
