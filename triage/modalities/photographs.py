"""Skin photographs."""

from triage.modalities.description import ModalityDescription
from triage.vocabulary.modality import Modality

PHOTOGRAPHS = ModalityDescription(
    modality=Modality.PHOTOGRAPHS,
    title="skin photographs",
    cases="cases",
    classes="conditions it knows",
    devices="cameras",
    default_shifts=("gaussian_blur:3", "colour_cast:3"),
)
