"""Tables of the page on training, from the registries; `python -m tests.training_tables`."""

from __future__ import annotations

from pathlib import Path

from tests.oct_tables import renew_tables, table
from triage.heads import HEADS
from triage.losses import CRITERIA
from triage.models.mixing import MIXINGS
from triage.posteriors import POSTERIORS, AfterTraining

PAGE = Path(__file__).parents[1] / "docs" / "training.md"


def heads_table() -> str:
    """Every head: what it learns from, and what its own score is."""
    return table(
        ("head", "name", "training outliers", "its own score", "takes a criterion", "source"),
        (
            (
                f"`{kind}`",
                head.info.title,
                "needed" if head.info.learns_outliers else "not used",
                "outlier mass" if head.info.has_outlier_mass else "largest probability",
                "no" if head.info.own_loss else "yes",
                head.info.source,
            )
            for kind, head in HEADS.items()
        ),
    )


def criteria_table() -> str:
    """Every criterion."""
    return table(
        ("criterion", "name", "source"),
        ((f"`{key}`", info.title, info.source) for key, info in CRITERIA.items()),
    )


def mixings_table() -> str:
    """Every mixing."""
    return table(
        ("mixing", "name", "source"),
        ((f"`{key}`", kind.info.title, kind.info.source) for key, kind in MIXINGS.items()),
    )


def posteriors_table() -> str:
    """Every posterior, and when its members come to be."""
    return table(
        ("posterior", "name", "members", "source"),
        (
            (
                f"`{key}`",
                kind.info.title,
                ("one, " if kind.info.one_member else "")
                + ("after training" if issubclass(kind, AfterTraining) else "trained together"),
                kind.info.source,
            )
            for key, kind in POSTERIORS.items()
        ),
    )


TABLES = (heads_table, criteria_table, mixings_table, posteriors_table)


if __name__ == "__main__":
    PAGE.write_text(renew_tables(PAGE.read_text(encoding="utf-8"), TABLES), encoding="utf-8")
