"""The documentation's table of scores, from the registry."""

from __future__ import annotations

from triage.uncertainty.scores import SCORES

_COLUMNS = ("score", "name", "reads", "fitted", "needs outliers", "cost of a case", "source")


def table_of_scores() -> str:
    """Every registered score with what is known of it, as a Markdown table."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS)]
    for key, score in SCORES.items():
        info = score.info
        rows.append(
            (
                f"`{key}`",
                f"{info.title} (baseline)" if info.baseline else info.title,
                str(score.need),
                "yes" if score.fitted else "no",
                "yes" if info.needs_outliers else "no",
                info.cost,
                info.source,
            )
        )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
