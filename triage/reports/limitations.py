"""What a report must not be read as saying."""

from __future__ import annotations

from triage.audit import AuditPlan
from triage.evaluation.results import UNKNOWN, Evaluation
from triage.reports.model import DataFacts


def limitations(
    evaluation: Evaluation, data: DataFacts, plan: AuditPlan, *, reviewed: bool
) -> list[str]:
    """List the limitations that hold for this report, the general ones first."""
    found = [
        "The numbers describe the labelled cases of this data set, looked at afterwards. They do "
        "not promise the same at another site, with other cameras, or in other patients.",
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
    if not reviewed:
        found.append(
            "No reviews were read: what people do with the system's opinions, and with its "
            "abstaining, is not measured here."
        )
    return found + data.notes
