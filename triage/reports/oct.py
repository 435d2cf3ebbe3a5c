"""Charts of referrals and tissue maps, which only reports of OCT volumes have."""

from __future__ import annotations

from markupsafe import Markup

from triage.charts import estimate_chart, referral_matrix
from triage.evaluation.referral import ReferralResult
from triage.evaluation.segmentation import SegmentationResult
from triage.vocabulary.diagnoses import DIAGNOSES


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
