"""The data of a bundle's report, its answers by truth, and what its readers did."""

from __future__ import annotations

from triage.charts import confusion_matrix
from triage.charts.number_format import MISSING
from triage.evaluation.results import Confusion
from triage.reports.bundle_extra import BundleExtra, DataFacts
from triage.reports.document import Block, Cell, Column, Facts, Heading, Paragraph, Section, Table
from triage.reports.names import words
from triage.reports.reviews import ReviewCount
from triage.reports.sections.bundle_parts import count_table, figure, share_cell
from triage.reports.sections.cells import count_cell


def data_section(extra: BundleExtra) -> Section:
    """Return the section on the data spec: where cases come from, and their flow."""
    data = extra.data
    stated = (
        ("Data spec", data.spec),
        ("Title", data.title),
        ("Licence", data.licence),
        ("Source", data.source),
    )
    hashes = tuple((f"Hash of {name}", digest) for name, digest in data.hashes.items())
    blocks: list[Block] = [Paragraph(note, "note") for note in data.notes]
    blocks.append(Facts(stated + hashes))
    blocks += _flow(data)
    if data.exclusions:
        blocks.append(
            count_table("Cases left out, by reason", "Reason", "Cases", data.exclusions, "left_out")
        )
    else:
        blocks.append(Paragraph("No case was left out."))
    return Section("bundle_data", "Data of the bundle", tuple(blocks))


def _flow(data: DataFacts) -> list[Block]:
    if not data.counts:
        return [Paragraph("Counts by split and role are not stated.", "missing")]
    kinds = list(dict.fromkeys(kind for row in data.counts.values() for kind in row))
    rows = tuple(
        (
            Cell(words(split)),
            *(count_cell(row.get(kind, 0)) for kind in kinds),
            count_cell(sum(row.values())),
        )
        for split, row in data.counts.items()
    )
    columns = (Column("Split"), *(Column(words(k), "number") for k in kinds))
    return [
        Table(
            "Cases by split and role",
            (*columns, Column("All", "number")),
            rows,
            key="cases_by_split",
        )
    ]


def answers_section(confusion: Confusion) -> Section:
    """Return the section on what was answered, by what was true."""
    rows = tuple(
        (Cell(name), *map(count_cell, row))
        for name, row in zip(confusion.rows, confusion.counts, strict=True)
    )
    columns = (Column("Truth"), *(Column(name, "number") for name in confusion.columns))
    return Section(
        "bundle_answers",
        "Answers by truth",
        (
            figure(
                confusion_matrix(confusion),
                "Confusion matrix",
                "What was answered (columns) by what was true (rows), in cases. Shade is the share "
                "of the row; framed cells are right, which for outliers is to give no opinion.",
            ),
            Table("Cases by truth and answer", columns, rows, key="confusion"),
        ),
    )


def reviews_section(extra: BundleExtra) -> Section:
    """Return the section on the reviews in the case database."""
    title = "Reviews in the case database"
    if not extra.reviews:
        reason = "no case database was named" if extra.reviews is None else "there are no reviews"
        return Section("reviews", title, unavailable=reason)
    blocks: list[Block] = [_reviews(extra.reviews)]
    for key, tally in extra.review_tallies.items():
        if tally:
            blocks += [
                Heading(words(key)),
                count_table(words(key), "What", "Count", tally, f"reviews_{key}"),
            ]
    return Section("reviews", title, tuple(blocks))


def _reviews(counts: list[ReviewCount]) -> Table:
    rows = tuple(
        (
            Cell(row.label),
            count_cell(row.count),
            Cell(MISSING) if row.of is None else count_cell(row.of),
            share_cell(None)
            if row.low is None or not row.of
            else share_cell(row.count / row.of, row.low, row.high),
        )
        for row in counts
    )
    return Table(
        "Reviews, with rates of those that could be such",
        (Column("What"), Column("Reviews", "number"), Column("Of", "number"), Column("Rate")),
        rows,
        note="The first read is given before anything of the system is shown. Intervals count each "
        "review as independent.",
        key="reviews",
    )
