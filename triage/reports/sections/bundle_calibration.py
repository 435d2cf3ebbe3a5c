"""Calibration of a bundle: the bins, prediction sets, and where the doubt comes from."""

from __future__ import annotations

from triage.charts import reliability_diagram
from triage.charts.number_format import number, span
from triage.evaluation.coverage import OVERALL
from triage.evaluation.prediction_sets import PredictionSetResult
from triage.evaluation.results import ReliabilityBin
from triage.evaluation.uncertainty import UncertaintyResult
from triage.modalities import MODALITIES
from triage.modalities.description import ModalityDescription
from triage.reports.bundle_extra import BundleExtra
from triage.reports.document import Block, Cell, Column, Heading, Paragraph, Section, Table
from triage.reports.names import group
from triage.reports.sections.bundle_parts import estimate_cell, figure, share_cell
from triage.reports.sections.cells import count_cell


def calibration_section(extra: BundleExtra) -> Section:
    """Return the section on confidence, prediction sets and uncertainty."""
    terms = MODALITIES[extra.data.modality]
    blocks: list[Block] = [
        figure(
            reliability_diagram(extra.reliability),
            "Reliability diagram",
            "Known conditions in bins of confidence, with 95 % intervals. Below the diagonal the "
            "system is surer than it should be.",
        ),
        _bins(extra.reliability),
    ]
    if extra.prediction_sets is not None:
        blocks += _sets(extra.prediction_sets, terms)
    if extra.uncertainty is not None:
        blocks += _doubt(extra.uncertainty, terms)
    return Section("bundle_calibration", "Confidence, prediction sets and doubt", tuple(blocks))


def _bins(bins: list[ReliabilityBin]) -> Table:
    rows = tuple(
        (
            Cell(f"{100 * each.lower:.0f} to {100 * each.upper:.0f} %"),
            count_cell(each.count),
            share_cell(each.confidence),
            share_cell(each.accuracy, each.low, each.high),
        )
        for each in bins
        if each.count
    )
    columns = (
        Column("Confidence"),
        Column("Cases", "number"),
        Column("Mean confidence"),
        Column("Accuracy"),
    )
    return Table("Known conditions by confidence", columns, rows, key="reliability")


def _sets(sets: PredictionSetResult, terms: ModalityDescription) -> list[Block]:
    promised = number(sets.promised, "proportion")
    if sets.answered is None:
        answered = "No case of a known condition has an AI opinion."
    else:
        found = sets.answered
        answered = (
            f"Of those with an AI opinion, whose sets readers see, "
            f"{number(found.covered, 'proportion')} ({span(found.low, found.high, 'proportion')}, "
            f"n = {found.n_cases}) hold it, with {found.mean_size:.2f} conditions on average."
        )
    rows = tuple(
        (
            Cell(
                "All known conditions" if row.axis == OVERALL else group(row.axis, row.level),
            ),
            count_cell(row.n_cases),
            share_cell(row.covered, row.low, row.high),
            Cell(f"{row.mean_size:.2f}", value=row.mean_size),
            share_cell(row.empty),
            Cell("within the interval or exceeded" if row.holds else "not reached"),
        )
        for row in sets.rows
    )
    return [
        Heading("Prediction sets"),
        Paragraph(
            f"Each case has a set of conditions that is to hold the true one in {promised} of the "
            f"{terms.cases} of known conditions. {answered} Unknown conditions are in no set."
        ),
        Table(
            "Share of sets with the true condition, with 95 % intervals",
            (
                Column("Group"),
                Column("Cases", "number"),
                Column("Covered"),
                Column("Mean size"),
                Column("Empty"),
                Column("Nominal coverage"),
            ),
            rows,
            note=f"Promised for all {terms.cases} together, unless the sets were fitted by "
            "condition or by subgroup.",
            key="prediction_sets",
        ),
    ]


def _doubt(found: UncertaintyResult, terms: ModalityDescription) -> list[Block]:
    rows = tuple(
        (
            Cell(group(row.axis, row.level) if row.axis else row.level),
            count_cell(row.aleatoric.n_cases),
            *(
                Cell("one model: not known", weak=True) if each is None else estimate_cell(each)
                for each in (row.total, row.aleatoric, row.epistemic)
            ),
        )
        for row in found.rows
    )
    return [
        Heading("Where the doubt comes from"),
        Table(
            f"Mean doubt between the {terms.classes}, in nats, with 95 % intervals",
            (
                Column("Group"),
                Column("Cases", "number"),
                Column("Total"),
                Column(f"The {terms.cases} themselves (aleatoric)"),
                Column("The models (epistemic)"),
            ),
            rows,
            note=f"Given that the truth is one of the {terms.classes}; 0.2 is the doubt between 95 "
            "and 5 of 100, 0.69 that between two equally likely. Aleatoric: what every model "
            "doubts, because several classes fit. Epistemic: what their disagreement adds, which "
            "more training data of that kind would lessen.",
            key="uncertainty",
        ),
    ]
