"""Limits of a plan: read from a line of text, and checked against the metric."""

from __future__ import annotations

import re
from typing import Literal

from triage.auditing.audit_plan import Limit
from triage.data.case_facts import parse_number
from triage.errors import UsageError
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS, metric_key

_LIMIT = re.compile(
    r"(?:(?P<scope>overall|groups)\s*:)?\s*(?P<metric>\w+)\s*(?P<sign>>=|<=)\s*(?P<bound>\S+)"
)
_SCOPES: dict[str | None, Literal["everywhere", "overall", "groups"]] = {
    None: "everywhere",
    "overall": "overall",
    "groups": "groups",
}
_SHARES = ("proportion", "area")
"""Units of values between 0 and 1."""
_EXAMPLE = 'Write it such as "accuracy>=0.80", "overall: under_triage_rate<=0.05" or "groups: ...".'


def parse_limit(text: str) -> Limit:
    """Return a limit from text such as ``accuracy>=0.80`` or ``groups: over_triage_rate<=0.3``.

    Raises
    ------
    UsageError
        If it is not written so, names no metric, or is on the wrong side of one.
    """
    found = _LIMIT.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is not a limit", where="--limit", hint=_EXAMPLE)
    bound = parse_number(found["bound"])
    if bound is None:
        raise UsageError(f"{found['bound']!r} is not a number", where="--limit", hint=_EXAMPLE)
    side = {"at_least": bound} if found["sign"] == ">=" else {"at_most": bound}
    limit = Limit(metric=found["metric"], scope=_SCOPES[found["scope"]], **side)
    if problem := limit_problem(limit):
        raise UsageError(problem, where="--limit")
    return limit


def limit_problem(limit: Limit, *, own_metrics: bool = False) -> str:
    """Return what is wrong with a limit in one sentence, '' where nothing is.

    Parameters
    ----------
    limit : Limit
    own_metrics : bool
        Whether the plan has a file of metrics of its own; a metric that is not ours is then not
        judged here.
    """
    try:
        metric = AUDIT_METRICS[metric_key(limit.metric)]
    except UsageError as error:
        return "" if own_metrics else str(error)
    larger = metric.larger_is_better
    if larger is not None and larger != (limit.at_least is not None):
        good, sign = ("larger", ">=") if larger else ("smaller", "<=")
        return (
            f"of {limit.metric} a {good} value is the better one: "
            f"write {limit.metric}{sign}{limit.bound:g}"
        )
    if metric.unit in _SHARES and not 0.0 <= limit.bound <= 1.0:
        return f"{limit.metric} lies between 0 and 1, and the limit is {limit.bound:g}"
    return ""
