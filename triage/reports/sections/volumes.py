"""Referral and tissue maps, which only reports of OCT volumes have."""

from __future__ import annotations

from triage.charts import estimate_chart, referral_matrix
from triage.charts.number_format import interval, number
from triage.evaluation.referral import ReferralResult
from triage.evaluation.results import Estimate
from triage.evaluation.segmentation import SegmentationResult
from triage.evaluation.segmentation.result import ClassScores
from triage.reports.document import Block, Cell, Column, Paragraph, Section, Table
from triage.reports.sections.bundle_parts import estimate_cell, figure
from triage.reports.sections.cells import count_cell
from triage.vocabulary.diagnoses import DIAGNOSES


def referral_section(found: ReferralResult) -> Section:
    """Return the section on the referral of volumes."""
    urgent = sum(found.confusion[0])
    missed = found.urgent_to_observation
    said = f"None of {urgent} urgent volumes was sent to observation."
    if missed:
        were = "was" if missed == 1 else "were"
        said = f"{missed} of {urgent} urgent volumes {were} sent to observation."
    blocks: list[Block] = [
        Paragraph(said, "lead"),
        Paragraph(
            f"Of {found.n_cases} volumes of known conditions from {found.n_patients} patients, "
            f"{number(found.error.value, 'proportion')} were given another referral than the true "
            f"one (95 % interval {interval(found.error)})."
        ),
        Paragraph(
            "The table takes every volume of a known condition as answered, abstained or not, so "
            "that it can be set beside published tables. What was done with each volume is under "
            "abstention.",
            "note",
        ),
        figure(
            referral_matrix(found),
            "Referral matrix",
            "Given referral (columns) by true referral (rows), in volumes. Shade is the share of "
            "the row; framed cells are right. The small number is the penalty of such a volume, a "
            "price of ours: too low costs more than too high.",
        ),
        _confusion(found),
        _measures(found, urgent),
    ]
    return Section("referral", "Referral of volumes", (*blocks, *_diagnoses(found)))


def _confusion(found: ReferralResult) -> Table:
    names = [name.replace("_", "-") for name in found.classes]
    rows = tuple(
        (Cell(name), *map(count_cell, row))
        for name, row in zip(names, found.confusion, strict=True)
    )
    columns = (Column("True referral"), *(Column(f"Given {name}", "number") for name in names))
    return Table("Volumes by true and given referral", columns, rows, key="referral_matrix")


def _measures(found: ReferralResult, urgent: int) -> Table:
    estimates: list[tuple[str, Estimate | None]] = [
        ("Wrong referral, any", found.error),
        ("Urgent volumes called urgent", found.urgent_hit_rate),
        ("Others called urgent", found.urgent_false_alarm_rate),
        ("AUROC, urgent against the rest", found.urgent_auroc),
        ("Mean penalty", found.mean_penalty),
    ]
    rows = [
        (Cell(title), estimate_cell(each), count_cell(each.n_cases))
        for title, each in estimates
        if each is not None
    ]
    counts = (
        ("Urgent sent to observation", found.urgent_to_observation, urgent),
        ("Given too low", found.under_triage, found.n_cases),
        ("Given too high", found.over_triage, found.n_cases),
    )
    rows += [(Cell(title), count_cell(count), count_cell(of)) for title, count, of in counts]
    return Table(
        "Referral, as if the system never abstained",
        (Column("Measure"), Column("Estimate"), Column("Volumes", "number")),
        tuple(rows),
        note=f"Intervals of shares: {found.error.interval}; of the penalty: "
        f"{found.mean_penalty.interval}.",
        key="referral",
    )


def _diagnoses(found: ReferralResult) -> tuple[Block, ...]:
    if not found.diagnoses:
        return ()
    named = [(DIAGNOSES[name], each) for name, each in found.diagnoses.items()]
    chart = estimate_chart(
        "diagnoses",
        "AUROC of each diagnosis",
        "AUROC",
        [(title, each.n_cases, each) for title, each in named],
    )
    table = Table(
        "AUROC of each diagnosis",
        (
            Column("Diagnosis"),
            Column("AUROC"),
            Column("Volumes", "number"),
            Column("Patients", "number"),
        ),
        tuple(
            (
                Cell(title),
                estimate_cell(each),
                count_cell(each.n_cases),
                count_cell(each.n_clusters),
            )
            for title, each in named
        ),
        note="Patients: those of the scarcer kind, with the diagnosis or without.",
        key="diagnoses",
    )
    caption = (
        "How well the probability of each diagnosis tells volumes that have it from those that do "
        "not; several may be true of one volume. n counts the volumes whose truth is known."
    )
    return figure(chart, "AUROC of each diagnosis", caption), table


def tissue_section(found: SegmentationResult) -> Section:
    """Return the section on tissue maps."""
    present = [row for row in found.classes if row.n_volumes]
    absent = [row.name for row in found.classes if not row.n_volumes]
    said = (
        f"Mean Dice of the {len(present)} tissues present: "
        f"{number(found.mean_dice.value, 'score')} (95 % interval "
        f"{interval(found.mean_dice, 'score')}), over {found.n_volumes} annotated volumes from "
        f"{found.n_patients} patients."
    )
    if absent:
        said += f" In no volume: {', '.join(absent)}."
    chart = estimate_chart(
        "tissue",
        "Dice of each tissue",
        "Dice",
        [(row.name, row.n_volumes, row.dice) for row in present],
    )
    return Section(
        "tissue",
        "Tissue maps",
        (
            Paragraph(said),
            Paragraph(
                "Maps were compared on the grid of the networks, which is coarser than the scan: "
                "detail lost there counts neither for nor against the system.",
                "note",
            ),
            figure(
                chart,
                "Dice of each tissue",
                "Mean over the volumes that truly have the tissue (n); a tissue that is missed "
                "altogether counts as 0.",
            ),
            _tissues([row for row in found.classes if row.n_volumes or row.n_invented]),
        ),
    )


def _tissues(rows: list[ClassScores]) -> Table:
    return Table(
        "Scores of each tissue, with 95 % intervals",
        (
            Column("Tissue"),
            Column("Volumes", "number"),
            Column("Missed", "number"),
            Column("Invented", "number"),
            Column("Dice"),
            Column("ASSD"),
            Column("QU-BraTS"),
            Column("Calibration error"),
        ),
        tuple(
            (
                Cell(row.name),
                count_cell(row.n_volumes),
                count_cell(row.n_missed),
                count_cell(row.n_invented),
                estimate_cell(row.dice, "score"),
                estimate_cell(row.assd, "um"),
                estimate_cell(row.qubrats, "score"),
                Cell(number(row.ece_relevant, "score"), value=row.ece_relevant),
            )
            for row in rows
        ),
        note="ASSD: average distance of the surfaces, where a volume has the tissue in truth and "
        "map. QU-BraTS: whether uncertain voxels are the wrong ones, 0 to 1. Calibration error "
        "over the voxels of the tissue or taken for it.",
        key="tissue",
    )
