"""The page of audits lists every metric with the columns that it needs."""

from __future__ import annotations

from pathlib import Path

from triage.auditing.metric_columns import METRIC_COLUMNS
from triage.evaluation.metrics.audit_registry import ALIASES, AUDIT_METRICS

PAGE = (Path(__file__).parents[3] / "docs" / "audit.md").read_text(encoding="utf-8")


def test_every_metric_is_on_the_page() -> None:
    for key, metric in AUDIT_METRICS.items():
        needs = ", ".join(f"`{column}`" for column in sorted(METRIC_COLUMNS[key]))
        assert f"| `{key}` | {needs} | {metric.definition} |" in PAGE
    assert all(f"`{name}` (`{key}`)" in PAGE for name, key in ALIASES.items())
