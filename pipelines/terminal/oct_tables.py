"""Tables for the terminal of what is measured of OCT volumes."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from pipelines.terminal.tables import plain_table, shown
from triage.evaluation.referral import ReferralResult
from triage.evaluation.segmentation import SegmentationResult
from triage.learning.segmentation import SegmentationRun
from triage.learning.transfer import Transfer

_TISSUE = ("class", "volumes", "Dice", "ASSD (um)", "QU-BraTS", "ECE")


def referral_table(result: ReferralResult, note: str = "") -> Table:
    """True referrals by row, given ones by column, and what they add up to in the caption."""
    rows = [
        [name, *map(str, counts)]
        for name, counts in zip(result.classes, result.confusion, strict=True)
    ]
    told = [
        f"error {shown(result.error)} of {result.n_cases} volumes",
        f"urgent against the rest: AUROC {shown(result.urgent_auroc)}",
        f"urgent volumes sent to observation: {result.urgent_to_observation}",
        "as if the system never abstained",
        *([note] if note else []),
    ]
    columns = ["true referral \\ given", *result.classes]
    return plain_table("Referral of known conditions", columns, rows, "\n".join(told))


def tissue_table(result: SegmentationResult, title: str) -> Table:
    """One row a class that is in the truth or was invented, means over the volumes with it."""
    rows = [
        [
            scores.name,
            str(scores.n_volumes),
            *(shown(found) for found in (scores.dice, scores.assd, scores.qubrats)),
            "-" if scores.ece_relevant is None else f"{scores.ece_relevant:.3f}",
        ]
        for scores in result.classes
        if scores.n_volumes or scores.n_invented
    ]
    caption = (
        f"Mean Dice of present classes {shown(result.mean_dice)}; {result.n_volumes} volumes of "
        f"{result.n_patients} groups. ECE over voxels of the class, or most probably of it."
    )
    return plain_table(title, _TISSUE, rows, caption)


def segmentation_tables(run: SegmentationRun) -> Iterable[Table]:
    """One table a grader, and one of the graders between themselves."""
    graders = len(run.results)
    for number, result in enumerate(run.results, 1):
        against = f", against grader {number}" if graders > 1 else ""
        yield tissue_table(result, f"{run.spec.title}: {run.folds} folds{against}")
    if run.between_graders is not None:
        yield tissue_table(run.between_graders, "Second grader against the first")


def transfer_table(found: Transfer) -> Table:
    """One row a stage, for the terminal."""
    rows = [
        [
            name,
            str(run.referral.n_cases) if run.referral else "-",
            shown(run.referral.error if run.referral else None),
            shown(run.referral.urgent_auroc if run.referral else None),
            str(run.referral.urgent_to_observation) if run.referral else "-",
            shown(run.tissue.mean_dice if run.tissue else None),
        ]
        for name, run in found.runs.items()
    ]
    columns = ("stage", "volumes", "referral error", "urgent AUROC", "urgent at observation",
               "mean Dice")  # fmt: skip
    title = (
        f"Another device: stage 1 adapted with {found.volumes} annotated volumes "
        f"({found.share:.0%} of {found.old_volumes})"
    )
    return plain_table(title, columns, rows)
