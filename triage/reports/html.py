"""A report as one self-contained HTML page."""

from __future__ import annotations

from markupsafe import Markup

from triage import charts
from triage.auditing import Verdict
from triage.charts import number_format as numbers
from triage.charts.page_environment import page_environment
from triage.evaluation.metrics import METRICS
from triage.modalities import MODALITIES
from triage.reports.model import Report
from triage.reports.oct import charts_of_volumes
from triage.reports.system import written
from triage.vocabulary.diagnoses import DIAGNOSES

FOREST_METRICS = ("accuracy", "ood_auroc", "under_triage_rate")


HEADLINES = (
    "accuracy", "ood_auroc", "selective_accuracy",
    "abstention_rate", "under_triage_rate", "clinical_cost",
)  # fmt: skip


COLUMNS = (
    "accuracy", "selective_accuracy", "ood_auroc", "ece",
    "abstention_rate", "selective_risk", "under_triage_rate", "clinical_cost",
)  # fmt: skip


def render_html(report: Report) -> str:
    """Return the report as one HTML page that loads nothing and runs nothing."""
    environment = page_environment("triage.reports")
    environment.filters |= {"interval": numbers.interval, "written": written, "words": _words}
    environment.globals |= {"number": numbers.number, "metrics": METRICS, "diagnoses": DIAGNOSES}
    page = environment.get_template("report.html.j2")
    return page.render(
        report=report,
        terms=MODALITIES[report.data.modality],
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
    if report.policy_costs is not None:
        drawn["trade_off"] = charts.trade_off_curve(report.policy_costs)
    return drawn | charts_of_volumes(report.referral, report.tissue)


def _tally(report: Report, verdict: Verdict) -> int:
    """Count the overall limits with a verdict."""
    return sum(f.axis is None and f.verdict is verdict for f in report.findings)


def _words(key: str) -> str:
    """Turn a key into words, its first letter large."""
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
