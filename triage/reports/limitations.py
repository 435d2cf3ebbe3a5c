"""What a report must not be read as saying."""

from __future__ import annotations

from triage.auditing import AuditPlan
from triage.evaluation.referral import ReferralResult
from triage.evaluation.results import Evaluation
from triage.evaluation.segmentation import SegmentationResult
from triage.modalities import MODALITIES
from triage.reports.model import DataFacts
from triage.vocabulary.subgroup_levels import UNKNOWN


def limitations(
    evaluation: Evaluation,
    data: DataFacts,
    plan: AuditPlan,
    *,
    referral: ReferralResult | None,
    tissue: SegmentationResult | None,
    reviewed: bool,
) -> list[str]:
    """List the limitations that hold for this report, the general ones first."""
    found = [
        "The numbers describe the labelled cases of this data set, looked at afterwards. They do "
        f"not promise the same at another site, with other {MODALITIES[data.modality].devices}, or "
        "in other patients.",
        "Outliers are the conditions that this data set holds out. Other unknown conditions may "
        "be easier or harder to notice.",
        f"Intervals are pointwise, at {evaluation.confidence:.0%}, and not corrected for the "
        "number of comparisons: among many subgroups some will look worse, or better, by chance.",
        "The worst group is chosen after looking. Its estimate tends to be worse than its truth.",
        "The calibration error is biased upwards in small samples; near perfect calibration its "
        "interval tends to lie too high.",
        f"The limits of the verdict were set by: {plan.source}.",
    ]
    if not data.licence:
        found.append("The licence of the data is not stated.")
    if data.exclusions is None:
        found.append("How many cases were left out, and why, is not stated.")
    if not evaluation.subgroups:
        found.append("The data have no subgroup columns: nothing is known about any group.")
    for axis in evaluation.axes:
        unknown = [x.n_cases for x in evaluation.levels(axis) if x.level == UNKNOWN]
        if unknown:
            share = unknown[0] / evaluation.n_cases
            found.append(f"The {axis} of {unknown[0]} cases ({share:.0%}) is unknown.")
    if referral is not None:
        found.append(
            "The referral table takes every volume of a known condition as answered, abstained or "
            "not, so that it can be set beside published tables. What was done with each volume "
            "is under abstention."
        )
    if tissue is not None:
        found.append(
            "Tissue maps were compared on the grid of the networks, which is coarser than the "
            "scan: detail lost there counts neither for nor against the system."
        )
    if not reviewed:
        found.append(
            "No reviews were read: what people do with the system's opinions, and with its "
            "abstaining, is not measured here."
        )
    return found + data.notes
