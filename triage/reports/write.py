"""Write a report: one self-contained HTML page, and the same numbers as JSON."""

from __future__ import annotations

import os
from pathlib import Path

from markupsafe import Markup

from triage import charts
from triage.auditing import Verdict
from triage.charts import number_format as numbers
from triage.charts.page_environment import page_environment
from triage.errors import UsageError
from triage.evaluation.metrics import METRICS
from triage.reports.model import Report
from triage.reports.oct import CASE_WORDS, charts_of_volumes
from triage.reports.system import written
from triage.vocabulary.diagnoses import DIAGNOSES

FOREST_METRICS = ("accuracy", "ood_auroc", "under_triage_rate")
HEADLINES = (
    "accuracy", "ood_auroc", "selective_accuracy",
    "abstention_rate", "under_triage_rate", "clinical_cost",
)  # fmt: skip
COLUMNS = (
    "accuracy", "selective_accuracy", "ood_auroc", "ece",
    "abstention_rate", "under_triage_rate", "clinical_cost",
)  # fmt: skip


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write `report.html` and `report.json` into a folder, whole or not at all.

    Parameters
    ----------
    report : Report
    folder : Path
        Made if need be.

    Returns
    -------
    (html, json) : paths

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    contents = {"report.html": render_html(report), "report.json": render_json(report)}
    partial = {name: folder / f".{name}.{os.getpid()}.partial" for name in contents}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            partial[name].write_text(content, encoding="utf-8", newline="\n")
        for name, path in partial.items():
            path.replace(folder / name)
    except OSError as error:
        raise UsageError(
            f"the report cannot be written: {error.strerror}",
            where=str(folder),
            mend="Choose a folder you may write to.",
        ) from error
    finally:
        if folder.is_dir():
            for path in partial.values():
                path.unlink(missing_ok=True)
    return folder / "report.html", folder / "report.json"


def render_json(report: Report) -> str:
    """Return the report as indented JSON."""
    return report.model_dump_json(indent=2) + "\n"


def render_html(report: Report) -> str:
    """Return the report as one HTML page that loads nothing and runs nothing."""
    environment = page_environment()
    environment.filters |= {"interval": numbers.interval, "written": written, "words": _words}
    environment.globals |= {"number": numbers.number, "metrics": METRICS, "diagnoses": DIAGNOSES}
    page = environment.get_template("report.html.j2")
    return page.render(
        report=report,
        terms=CASE_WORDS[report.data.modality],
        evaluation=report.evaluation,
        headlines=HEADLINES,
        columns=COLUMNS,
        charts=_charts(report),
        tally={verdict: _tally(report, verdict) for verdict in Verdict},
        verdict_class={Verdict.MEETS: "good", Verdict.FAILS: "bad", Verdict.NOT_ENOUGH: "open"},
        verdict_sign={Verdict.MEETS: "✓", Verdict.FAILS: "✕", Verdict.NOT_ENOUGH: "?"},
        verdict_of={(f.axis, f.level, f.limit.metric): f.verdict for f in report.findings},
    )


def _charts(report: Report) -> dict[str, Markup]:
    found = report.evaluation
    limits = {
        limit.metric: bound
        for limit in report.plan.limits
        for bound in (limit.at_least, limit.at_most)
        if bound is not None
    }
    drawn = {
        "forest": charts.forest_plot(found, FOREST_METRICS, limits),
        "reliability": charts.reliability_diagram(found.reliability),
        "risk_coverage": charts.risk_coverage_curve(found.risk_coverage),
        "abstention": charts.abstention_bars(found),
        "confusion": charts.confusion_matrix(found.confusion),
    }
    return drawn | charts_of_volumes(report.referral, report.tissue)


def _tally(report: Report, verdict: Verdict) -> int:
    """Count the overall limits with a verdict."""
    return sum(f.axis is None and f.verdict is verdict for f in report.findings)


def _words(key: str) -> str:
    """Turn a key into words, its first letter large."""
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
