"""Single B-scans of the retina."""

from triage.modalities.description import ModalityDescription
from triage.vocabulary.modality import Modality

OCT_BSCANS = ModalityDescription(
    modality=Modality.OCT_BSCANS,
    title="single retinal OCT B-scans",
    cases="B-scans",
    classes="conditions it knows",
    devices="scanners",
    # Grey scans have no colours to cast.
    default_shifts=("gaussian_blur:3", "gaussian_noise:3"),
)
