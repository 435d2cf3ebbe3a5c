"""The part of a report that only OCT has: referral and tissue maps, and its words."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from triage.charts import estimate_chart, referral_matrix
from triage.evaluation.referral import ReferralResult
from triage.evaluation.segmentation import SegmentationResult
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.modality import Modality


class CaseWords(NamedTuple):
    """What a case and a class of it are called; both plural."""

    cases: str
    classes: str


CASE_WORDS = {
    Modality.PHOTOGRAPHS: CaseWords("cases", "conditions it knows"),
    Modality.OCT_BSCANS: CaseWords("B-scans", "conditions it knows"),
    Modality.OCT_VOLUMES: CaseWords("volumes", "referral classes"),
}


def charts_of_volumes(
    referral: ReferralResult | None, tissue: SegmentationResult | None
) -> dict[str, Markup]:
    """Draw what was measured; a chart only of what there is."""
    drawn = {}
    if referral is not None:
        drawn["referral"] = referral_matrix(referral)
        if referral.diagnoses:
            drawn["diagnoses"] = estimate_chart(
                "diagnoses",
                "AUROC of each diagnosis",
                "AUROC",
                [
                    (DIAGNOSES[name], found.n_cases, found)
                    for name, found in referral.diagnoses.items()
                ],
            )
    if tissue is not None:
        drawn["tissue"] = estimate_chart(
            "tissue",
            "Dice of each tissue",
            "Dice",
            [
                (scores.name, scores.n_volumes, scores.dice)
                for scores in tissue.classes
                if scores.n_volumes
            ],
        )
    return drawn
