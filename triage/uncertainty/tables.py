"""The documentation's tables of methods, from their registries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from triage.uncertainty.calibration import CALIBRATORS
from triage.uncertainty.conformal import CONFORMAL
from triage.uncertainty.scores import SCORES


def table_of_scores() -> str:
    """Every registered score with what is known of it, as a Markdown table."""
    columns = ("score", "name", "reads", "fitted", "needs outliers", "cost of a case", "source")
    return _markdown(
        columns,
        (
            (
                f"`{key}`",
                f"{score.info.title} (baseline)" if score.info.baseline else score.info.title,
                str(score.need),
                "yes" if score.fitted else "no",
                "yes" if score.info.needs_outliers else "no",
                score.info.cost,
                score.info.source,
            )
            for key, score in SCORES.items()
        ),
    )


def table_of_calibrators() -> str:
    """Every registered calibrator, as a Markdown table."""
    columns = ("calibrator", "name", "learns, of K conditions", "keeps the ranking", "source")
    return _markdown(
        columns,
        (
            (
                f"`{key}`",
                kind.info.title,
                kind.info.parameters,
                "yes" if kind.info.keeps_ranking else "no",
                kind.info.source,
            )
            for key, kind in CALIBRATORS.items()
        ),
    )


def table_of_sets() -> str:
    """Every registered kind of prediction set, as a Markdown table."""
    columns = ("sets", "name", "what they are like", "source")
    return _markdown(
        columns,
        (
            (f"`{key}`", kind.info.title, kind.info.character, kind.info.source)
            for key, kind in CONFORMAL.items()
        ),
    )


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
