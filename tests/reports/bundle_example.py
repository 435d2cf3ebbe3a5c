"""The report of a bundle with made-up outcomes, beyond the table of metrics."""

from tests.evaluation.synthetic import make_outcomes
from tests.reports.small_audit import audit_report
from triage.evaluation import evaluate
from triage.reports.bundle_extra import BundleExtra, DataFacts
from triage.reports.document import Facts, Figure, Heading, Items, Paragraph, Table
from triage.reports.reviews import review_counts
from triage.reports.sections.bundle_sections import extra_sections

DATA = {
    "spec": "derm_phantoms",
    "title": "Skin lesion phantoms",
    "licence": "Apache-2.0",
    "source": "generated",
    "hashes": {"manifest": "c" * 64},
    "counts": {
        "train": {"inlier": 900, "outlier_train": 120},
        "validation": {"inlier": 300, "outlier_validation": 60},
        "test": {"inlier": 290, "outlier_test": 130},
    },
    "notes": ["Validation outliers are held-out cases of training outlier conditions."],
    "exclusions": {"truncated": 3, "zero bytes": 1},
}
REVIEWS = {
    "opened": 43,
    "first_reads": 42,
    "decided": 40,
    "with_opinion": 31,
    "abstained": 9,
    "cases": 38,
    "condition_switches": 6,
    "towards_ai": 4,
    "agreed_finally": 27,
    "lowered_on_abstention": 0,
}
TALLIES = {"reasons": {"R1 AI missed finding": 3, "R4 clinical history": 2}}
REASONS = {"A4 unfamiliar": 101, "A5 ambiguous": 31}


def bundle_extra(n_clusters=60, outcomes=None, **changes):
    found = evaluate(outcomes or make_outcomes(n_clusters), n_resamples=20)
    content = {
        "data": DataFacts(**DATA),
        "confusion": found.confusion,
        "reliability": found.reliability,
        "risk_coverage": found.risk_coverage,
        "abstention_reasons": REASONS,
        "reviews": review_counts(REVIEWS | TALLIES),
        "review_tallies": TALLIES,
    }
    return BundleExtra(**content | changes)


def sections(extra):
    """Return the sections of a report that holds this, by key."""
    report = audit_report(extra=extra.model_dump(mode="json"))
    return {section.key: section for section in extra_sections(report)}


def words(section):
    """Return all text of a section, figures left out."""
    parts = []
    for block in section.blocks:
        match block:
            case Paragraph(text) | Heading(text):
                parts.append(text)
            case Items(items):
                parts += items
            case Facts(facts):
                parts += [f"{label} {value or 'not stated'}" for label, value in facts]
            case Table(title, columns, rows, note):
                cells = [f"{cell.text} {cell.detail}" for row in rows for cell in row]
                parts += [title, *(column.title for column in columns), *cells, note]
            case Figure(_, title, caption):
                parts += [title, caption]
    return " ".join(" ".join(parts).split())


def table(section, key):
    """Return the table of a section with a key, as rows of text."""
    (found,) = (b for b in section.blocks if isinstance(b, Table) and b.key == key)
    assert all(len(row) == len(found.columns) for row in found.rows)
    return [[cell.text for cell in row] for row in found.rows]
