"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.table import Table

from triage.evaluation import METRICS, Estimate, Evaluation
from triage.printable import printable

HEADLINE = (
    "accuracy",
    "balanced_accuracy",
    "ood_auroc",
    "ood_aupr",
    "ood_fpr95",
    "ece",
    "clinical_cost",
    "abstention_rate",
)
BY_LEVEL = ("accuracy", "ood_auroc", "ece", "clinical_cost")


def shown(estimate: Estimate | None) -> str:
    """Return `0.812 [0.774, 0.846]`, with a mark where the evidence is too thin."""
    if estimate is None or estimate.value is None:
        return "-"
    text = f"{estimate.value:.3f}"
    if estimate.low is not None and estimate.high is not None:
        text += f" [{estimate.low:.3f}, {estimate.high:.3f}]"
    return text if estimate.evidence == "enough" else f"{text} (few)"


def overall_table(evaluations: Mapping[str, Evaluation], title: str, note: str = "") -> Table:
    """One row a metric, one column a system, values with 95 % intervals."""
    rows = [
        [METRICS[key].title, *(shown(found.overall.get(key)) for found in evaluations.values())]
        for key in HEADLINE
    ]
    told = [prevalence_note(name, found) for name, found in evaluations.items()]
    caption = "\n".join(line for line in (note, *told) if line)
    return plain_table(title, ["metric", *evaluations], rows, caption)


def prevalence_note(name: str, evaluation: Evaluation) -> str:
    """What is given for the stated prevalence, and what it is with the split's own outliers."""
    if evaluation.outlier_prevalence is None:
        return ""
    own = [
        f"{METRICS[key].title} {found.at_split_share:.3f}"
        for key in HEADLINE
        if (found := evaluation.overall.get(key)) and found.at_split_share is not None
    ]
    return (
        f"{name}: costs, AUPR and rates of all cases at the stated prevalence of outliers, "
        f"{evaluation.outlier_prevalence:.0%}. With the split's own "
        f"{evaluation.outlier_share:.0%}: "
        f"{', '.join(own) or 'undefined'}."
    )


def subgroup_table(evaluation: Evaluation, axis: str, title: str, note: str = "") -> Table:
    """One row a level of a subgroup axis."""
    rows = [
        [level.level, str(level.n_cases), *(shown(level.metrics.get(key)) for key in BY_LEVEL)]
        for level in evaluation.levels(axis)
    ]
    columns = ["level", "cases", *(METRICS[key].title for key in BY_LEVEL)]
    return plain_table(title, columns, rows, note)


def plain_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = ""
) -> Table:
    """A table of strings; all but the first column are right-aligned.

    Whatever in them does not print is shown as an escape; title and note may have several lines.
    """
    table = Table(title=_lines(title), caption=_lines(note) or None, caption_justify="left")
    for number, column in enumerate(columns):
        table.add_column(printable(column), justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*map(printable, row))
    return table


def _lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def draws_table(
    spread: Mapping[str, Mapping[str, Sequence[float]]], draws: int, note: str = ""
) -> Table:
    """One row a head: mean and standard deviation of each metric over role draws."""
    keys = [key for key in HEADLINE if key != "ood_aupr"]
    rows = [
        [head, *(f"{np.mean(values[key]):.3f} ± {np.std(values[key]):.3f}" for key in keys)]
        for head, values in spread.items()
    ]
    title = f"Mean ± standard deviation over {draws} role draws"
    return plain_table(title, ["head", *(METRICS[key].title for key in keys)], rows, note)
