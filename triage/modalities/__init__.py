"""Kinds of cases: what each is called, how its files are read, what is reported of it.

`MODALITIES` has one description for each `Modality`. Nothing here imports torch; how a trained
system of a kind is fitted, loaded and measured is in `triage.systems.family`.
"""

from triage.modalities.description import ModalityDescription
from triage.modalities.oct_bscans import OCT_BSCANS
from triage.modalities.oct_volumes import OCT_VOLUMES
from triage.modalities.photographs import PHOTOGRAPHS
from triage.vocabulary.modality import Modality

MODALITIES: dict[Modality, ModalityDescription] = {
    description.modality: description for description in (PHOTOGRAPHS, OCT_BSCANS, OCT_VOLUMES)
}
"""The description of every modality."""

__all__ = ["MODALITIES", "ModalityDescription"]
