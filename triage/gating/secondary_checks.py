"""Calibration, near and far out-of-distribution detection, coverage, and further bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import OUTLIER, AuditTable
from triage.gating import check_keys, sentences
from triage.gating.evidence import GateEvidence
from triage.gating.main_checks import not_done
from triage.gating.paired_metrics import PairedMetric, lacking, paired_metrics
from triage.gating.policy import GateChecks, OutOfDistribution, Requirement
from triage.gating.result import CheckResult
from triage.gating.verdict_rules import cases_needed, unchanged, within_tolerance
from triage.vocabulary.learning import GateVerdict

_BOUND_CONFIDENCE = 0.95
_AUROC, _FPR95, _ECE, _SLOPE = "ood_auroc", "ood_fpr95", "adaptive_ece", "calibration_slope"
_COVERAGE = "abstention_rate"


@dataclass(frozen=True)
class Tables:
    """Both systems on the same cases in the same order."""

    champion: AuditTable
    challenger: AuditTable
    plan: AuditPlan


def secondary_checks(
    tables: Tables, rules: GateChecks, evidence: GateEvidence
) -> Iterator[CheckResult]:
    """Yield the checks of calibration, out-of-distribution detection and coverage."""
    wanted = [_SLOPE, _ECE] if rules.calibration else []
    wanted += [_AUROC, _FPR95] if rules.near_ood else []
    wanted += [_COVERAGE] if rules.coverage is not None else []
    found = _measured(tables, wanted, rules)
    if rules.calibration:
        yield _slope(found[_SLOPE], rules.calibration.slope, rules.subgroups.min_patients)
        yield _change(check_keys.ADAPTIVE_ECE, found[_ECE], rules.calibration.adaptive_ece, rules)
    if rules.near_ood:
        keys = check_keys.NEAR_AUROC, check_keys.NEAR_FPR95
        yield from _ood(keys, found, rules.near_ood, rules)
    if rules.far_ood:
        keys = check_keys.FAR_AUROC, check_keys.FAR_FPR95
        far = _far_tables(tables, evidence)
        if isinstance(far, str):
            yield from (not_done(key, far) for key in keys)
        else:
            yield from _ood(keys, _measured(far, [_AUROC, _FPR95], rules), rules.far_ood, rules)
    if rules.coverage is not None:
        yield _coverage(found[_COVERAGE], rules.coverage, rules)


def bound_checks(
    tables: Tables, bounds: tuple[Requirement, ...], min_patients: int
) -> Iterator[CheckResult]:
    """Yield the checks of a policy's further bounds, at the stated share of outliers."""
    keys = list(dict.fromkeys(one.metric for one in bounds))
    missing = {key: lacking(tables.champion, tables.challenger, key) for key in keys}
    found = paired_metrics(
        tables.champion, tables.challenger, tables.plan,
        [key for key in keys if not missing[key]], confidence=_BOUND_CONFIDENCE,
        min_patients=min_patients, prevalence=tables.plan.outlier_prevalence,
    )  # fmt: skip
    for one in bounds:
        if missing[one.metric]:
            yield not_done(one.metric, missing[one.metric], decides=True)
        else:
            yield _bound(one, found[one.metric])


def _measured(tables: Tables, keys: list[str], rules: GateChecks) -> dict[str, PairedMetric | str]:
    missing = {key: lacking(tables.champion, tables.challenger, key) for key in keys}
    measured = paired_metrics(
        tables.champion, tables.challenger, tables.plan,
        [key for key in keys if not missing[key]], confidence=1 - 2 * rules.level,
        min_patients=rules.subgroups.min_patients,
    )  # fmt: skip
    return {key: missing[key] or measured[key] for key in keys}


def _ood(
    keys: tuple[str, str],
    found: dict[str, PairedMetric | str],
    limits: OutOfDistribution,
    rules: GateChecks,
) -> Iterator[CheckResult]:
    yield _change(keys[0], found[_AUROC], limits.auroc, rules)
    check = _change(keys[1], found[_FPR95], limits.fpr95, rules)
    surely = check.low is not None and check.low > limits.fpr95
    if check.verdict not in (GateVerdict.PASSES, None) and not surely:
        why = f"{check.sentence} (decides only by failing, where all of the interval is beyond it)"
        verdict = GateVerdict.NOT_ENOUGH_EVIDENCE
        update = {"verdict": verdict, "decides": False, "sentence": why}
        check = check.model_copy(update=update)
    yield check


def _change(
    key: str, found: PairedMetric | str, tolerance: float, rules: GateChecks
) -> CheckResult:
    """Judge the loss of a metric by its tolerance."""
    if isinstance(found, str):
        return not_done(key, found)
    if not math.isfinite(found.value):
        return not_done(key, "it is not defined on these cases")
    sign = 1.0 if found.larger_is_better else -1.0
    if found.low is None or found.high is None:
        return _few(key, found, tolerance, rules)
    low, high = sorted((sign * found.low, sign * found.high))
    verdict = within_tolerance(sign * found.value, low, high, tolerance)
    words = "fall" if found.larger_is_better else "rise"
    limit = f"a {words} of {sentences.amount(tolerance, found.unit)}"
    why = {
        GateVerdict.PASSES: f"within {limit}",
        GateVerdict.FAILS: f"more than {limit}, and significantly worse",
        GateVerdict.NOT_ENOUGH_EVIDENCE: f"{limit} is not excluded",
    }[verdict]
    return _result(key, found, tolerance, verdict, why, rules.level)


def _few(key: str, found: PairedMetric, tolerance: float, rules: GateChecks) -> CheckResult:
    least = rules.subgroups.min_patients
    why = f"{found.n_patients} patients of a kind that it needs, fewer than {least}"
    return CheckResult(
        check=key, verdict=GateVerdict.NOT_ENOUGH_EVIDENCE, decides=True,
        champion=sentences.known(found.champion), challenger=sentences.known(found.challenger),
        value=sentences.known(found.value), margin=tolerance, unit=found.unit,
        n_cases=found.n_cases, n_patients=found.n_patients,
        cases_needed=_more(found, least), sentence=why,
    )  # fmt: skip


def _more(found: PairedMetric, least: int) -> int:
    return math.ceil(found.n_cases * least / max(found.n_patients, 1))


def _coverage(found: PairedMetric | str, tolerance: float, rules: GateChecks) -> CheckResult:
    key = check_keys.COVERAGE
    if isinstance(found, str):
        return not_done(key, "a table has no column recommendation")
    if found.low is None or found.high is None:
        return _few(key, found, tolerance, rules)
    turned = replace(
        found, champion=1 - found.champion, challenger=1 - found.challenger, value=-found.value,
        low=-found.high, high=-found.low,
    )  # fmt: skip
    assert turned.low is not None
    assert turned.high is not None
    verdict = unchanged(turned.value, turned.low, turned.high, tolerance)
    limit = f"{sentences.amount(tolerance, 'proportion')} points"
    why = {
        GateVerdict.PASSES: f"within {limit} either way",
        GateVerdict.FAILS: f"changes by more than {limit}",
        GateVerdict.NOT_ENOUGH_EVIDENCE: f"a change by {limit} is not excluded",
    }[verdict]
    return _result(key, turned, tolerance, verdict, why, rules.level)


def _slope(
    found: PairedMetric | str, limits: tuple[float, float], min_patients: int
) -> CheckResult:
    """Judge the challenger's slope: within the limits, its interval within twice their reach."""
    key = check_keys.SLOPE
    if isinstance(found, str):
        return not_done(key, found)
    if not math.isfinite(found.challenger):
        return not_done(key, "it is not defined on these cases")
    low, high = found.own_low, found.own_high
    spare = (limits[1] - limits[0]) / 2
    verdict = GateVerdict.NOT_ENOUGH_EVIDENCE
    inside = limits[0] <= found.challenger <= limits[1]
    if low is not None and high is not None:
        if inside and low >= limits[0] - spare and high <= limits[1] + spare:
            verdict = GateVerdict.PASSES
        elif high < limits[0] or low > limits[1]:
            verdict = GateVerdict.FAILS
    shown = "" if low is None or high is None else f" [{low:.2f}, {high:.2f}]"
    why = f"{found.challenger:.2f}{shown}, must be between {limits[0]:g} and {limits[1]:g}"
    return CheckResult(
        check=key, verdict=verdict, decides=True, champion=sentences.known(found.champion),
        challenger=found.challenger, value=found.challenger, low=low, high=high, unit="slope",
        n_cases=found.n_cases, n_patients=found.n_patients, sentence=why,
        cases_needed=_more(found, min_patients) if low is None else None,
    )  # fmt: skip


def _bound(rule: Requirement, found: PairedMetric) -> CheckResult:
    verdict = GateVerdict.NOT_ENOUGH_EVIDENCE
    if found.low is None or found.high is None or not math.isfinite(found.value):
        why, limit = "not enough evidence", rule.low_at_least
    elif rule.low_at_least is not None:
        limit = rule.low_at_least
        why = f"its lower end must be at least {sentences.change(limit, found.unit)}"
        if found.low >= limit:
            verdict = GateVerdict.PASSES
        elif found.value < limit:
            verdict = GateVerdict.FAILS
    else:
        assert rule.high_at_most is not None
        limit = rule.high_at_most
        why = f"its upper end must be at most {sentences.change(limit, found.unit)}"
        if found.high <= limit:
            verdict = GateVerdict.PASSES
        elif found.value > limit:
            verdict = GateVerdict.FAILS
    return _result(rule.metric, found, limit, verdict, why, None)


def _result(
    key: str,
    found: PairedMetric,
    limit: float | None,
    verdict: GateVerdict,
    why: str,
    level: float | None,
) -> CheckResult:
    needed = None
    if verdict is GateVerdict.NOT_ENOUGH_EVIDENCE and level is not None and limit is not None:
        spread = found.n_cases * found.variance
        needed = cases_needed(spread, 2 * limit, level) if limit > 0 else None
        needed = None if needed is None else max(needed, found.n_cases + 1)
        why += sentences.more_cases(needed, found.n_cases)
    shown = ""
    if found.low is not None and found.high is not None:
        shown = sentences.interval(found.value, found.low, found.high, found.unit) + ": "
    return CheckResult(
        check=key, verdict=verdict, decides=True, champion=sentences.known(found.champion),
        challenger=sentences.known(found.challenger), value=sentences.known(found.value),
        low=found.low, high=found.high, margin=limit, unit=found.unit, n_cases=found.n_cases,
        n_patients=found.n_patients, cases_needed=needed, sentence=shown + why,
    )  # fmt: skip


def _far_tables(tables: Tables, evidence: GateEvidence) -> Tables | str:
    """The known conditions of the gate's cases, with far pictures as the unknown ones."""
    far = evidence.far_champion, evidence.far_challenger
    own = tables.champion.ood_score, tables.challenger.ood_score
    if far[0] is None or far[1] is None:
        return "no pictures far from the training data were scored"
    if own[0] is None or own[1] is None:
        return "a table has no column ood_score"
    if len(far[0]) != len(far[1]) or not len(far[0]):
        return "the far pictures of both systems are not the same"
    inlier = np.flatnonzero(tables.champion.truth >= 0)
    count = len(far[0])
    cluster = tables.champion.cluster[inlier]
    numbers = np.unique(cluster, return_inverse=True)[1]
    fresh = numbers.max(initial=-1) + 1 + np.arange(count)
    built = [
        AuditTable(
            classes=tables.champion.classes,
            truth=np.append(
                tables.champion.truth[inlier], np.full(count, OUTLIER, dtype=np.int16)
            ).astype(np.int16),
            cluster=np.append(numbers, fresh).astype(np.int32),
            patients_known=True,
            axes={},
            ood_score=np.append(scores[inlier], np.asarray(given, dtype=np.float64)),
        )
        for scores, given in zip(own, far, strict=True)
        if scores is not None and given is not None
    ]
    return Tables(built[0], built[1], tables.plan)
