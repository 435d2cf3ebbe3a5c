"""One page of a retraining's result, in the style of the reports; it loads nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from triage.charts.number_format import number
from triage.charts.page_environment import page_environment
from triage.evaluation.metrics.registry import METRICS
from triage.gating.check_titles import check_name, check_title
from triage.gating.result import CheckResult
from triage.learning.retraining.check_plot import difference_plot, range_of
from triage.learning.retraining.result import RetrainResult
from triage.learning.retraining.result_lines import (
    WORDS,
    facts_of,
)
from triage.vocabulary.learning import GateVerdict

_BADGE = {
    GateVerdict.PASSES: "good",
    GateVerdict.FAILS: "bad",
    GateVerdict.NOT_ENOUGH_EVIDENCE: "open",
    None: "",
}
_ORDER = (GateVerdict.FAILS, GateVerdict.NOT_ENOUGH_EVIDENCE, GateVerdict.PASSES, None)
_FIRST = (
    "accuracy", "balanced_accuracy", "clinical_cost", "abstention_rate", "under_triage_rate",
    "over_triage_rate", "urgent_at_observation_rate", "ece", "ood_auroc", "ood_fpr95",
)  # fmt: skip
"""Metrics that are shown first; the others follow in a part that opens."""


@dataclass(frozen=True)
class CheckRow:
    """A check as the page shows it."""

    name: str
    answer: str
    decides: bool
    badge: str
    plot: Markup
    found: str


@dataclass(frozen=True)
class MetricRow:
    """A metric of both systems as the page shows it."""

    name: str
    champion: str
    challenger: str
    difference: str
    plot: Markup


def result_page(result: RetrainResult) -> str:
    """Return the page: the verdict and what to do, the gate, both systems, the data."""
    checks = () if result.gate is None else result.gate.checks
    main = [check for check in checks if not check.group]
    groups = [check for check in checks if check.group]
    reach = range_of([end for check in main for end in (check.low, check.high, check.value)])
    wide = range_of([end for check in groups for end in (check.low, check.high, check.value)])
    rows = _metric_rows(result)
    template = page_environment("triage.learning").get_template("retraining.html.j2")
    return template.render(
        result=result,
        verdict=_headline(result),
        badge=_BADGE[None if result.gate is None else result.gate.verdict],
        facts=facts_of(result),
        deciding=[
            f"{check_name(check)}: {check.sentence}"
            for check in checks
            if check.decides and check.verdict is GateVerdict.FAILS
        ],
        counts=_counts(checks),
        main=[_check_row(f"m{i}", check, reach) for i, check in enumerate(_sorted(main))],
        groups=[_check_row(f"g{i}", check, wide) for i, check in enumerate(_sorted(groups))],
        group_counts=_counts(groups),
        reach=f"{100 * reach:.0f}",
        wide=f"{100 * wide:.0f}",
        first=[row for key, row in rows if key in _FIRST],
        others=[row for key, row in rows if key not in _FIRST],
        conditions=sorted(result.labels.get("conditions", {}).items()),
    )


def _headline(result: RetrainResult) -> str:
    return result.verdict[:1].upper() + result.verdict[1:] + "."


def _sorted(checks: Iterable[CheckResult]) -> list[CheckResult]:
    return sorted(checks, key=lambda check: (_ORDER.index(check.verdict), not check.decides))


def _counts(checks: Iterable[CheckResult]) -> str:
    found = Counter(check.verdict for check in checks)
    return ", ".join(f"{found[verdict]} {WORDS[verdict]}" for verdict in _ORDER if found[verdict])


def _check_row(key: str, check: CheckResult, reach: float) -> CheckRow:
    low, high = check.low, check.high
    plot = difference_plot(
        key, check.check, check.value, low, high,
        unit=check.unit, reach=reach, margin=check.margin,
    )  # fmt: skip
    return CheckRow(
        check_name(check),
        WORDS[check.verdict],
        check.decides,
        _BADGE[check.verdict],
        plot,
        check.sentence,
    )


def _metric_rows(result: RetrainResult) -> list[tuple[str, MetricRow]]:
    ends = [
        one.get(name)
        for one in result.reported.values()
        for name in ("value", "low", "high")
        if one["unit"] == "proportion"
    ]
    reach = range_of(ends)
    rows = []
    for key, one in result.reported.items():
        unit, value = one["unit"], one.get("value")
        low, high = one.get("low"), one.get("high")
        plot = difference_plot(f"r-{key}", key, value, low, high, unit=unit, reach=reach)
        title = METRICS[key].title if key in METRICS else check_title(key)
        row = MetricRow(
            title,
            number(one.get("champion"), unit),
            number(one["challenger"], unit),
            _difference(value, low, high, unit),
            plot,
        )
        rows.append((key, row))
    return rows


def _difference(value: float | None, low: float | None, high: float | None, unit: str) -> str:
    if value is None:
        return ""
    factor, digits = (100, 1) if unit == "proportion" else (1, 3)
    end = " points" if unit == "proportion" else ""
    shown = f"{factor * value:+.{digits}f}{end}"
    if low is None or high is None:
        return shown
    return f"{shown} [{factor * low:+.{digits}f}, {factor * high:+.{digits}f}]"
