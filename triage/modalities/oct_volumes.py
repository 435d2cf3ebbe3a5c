"""OCT volumes of the retina."""

from triage.modalities.description import ModalityDescription
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.modality import Modality

OCT_VOLUMES = ModalityDescription(
    modality=Modality.OCT_VOLUMES,
    title="retinal OCT volumes",
    cases="volumes",
    classes="referral classes",
    devices="scanners",
    default_shifts=("gaussian_blur:3", "gaussian_noise:3"),
    volumes=True,
    diagnoses=DIAGNOSES,
    reported_reasons=(
        AbstainReason.QUALITY,
        AbstainReason.UNSEEN_DEVICE,
        AbstainReason.UNFAMILIAR,
    ),
)
