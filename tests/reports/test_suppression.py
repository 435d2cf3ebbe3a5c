"""No small count is in a public report, and none can be computed from what is."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reports.random_audits import (
    SCOPES,
    Attacker,
    random_numbers,
    report_of,
    small_counts,
)
from tests.reports.small_audit import audit_report, finding, summary
from triage.auditing.measurement import (
    ALL,
    OVERALL,
    Analysis,
    AuditEstimate,
    AuditFinding,
    Curve,
    CurvePoint,
    LevelComparison,
    NamedNumber,
    WorstLevel,
)
from triage.reports.audit_report import Attachment, AuditReport
from triage.reports.suppression import suppress_small_cells
from triage.vocabulary.verdicts import Verdict


def public_of(*levels: tuple[str, int, int], **changes: Any) -> AuditReport:
    """A public report on accuracy at levels of one axis: name, right, cases."""
    right, n = sum(r for _, r, _ in levels), sum(n for _, _, n in levels)
    findings = [finding(OVERALL, ALL, right, n)]
    findings += [finding("sex", *level) for level in levels]
    sizes = [summary(OVERALL, ALL, n), *(summary("sex", name, n) for name, _, n in levels)]
    values = {
        "n_cases": n, "n_patients": n, "n_labelled": n, "levels": sizes,
        "estimates": findings, "findings": findings,
    }  # fmt: skip
    return suppress_small_cells(audit_report(**(values | changes)))


def shown(report: AuditReport) -> dict[str, AuditFinding]:
    return {each.level: each for each in report.findings}


def test_a_report_without_small_counts_loses_only_digits() -> None:
    full = audit_report()
    public = suppress_small_cells(full)
    assert public.public
    assert public.levels == full.levels
    assert [e.n_positive for e in public.estimates] == [250, 130, 120]
    assert [e.value for e in public.findings] == [0.833, 0.812, 0.857]
    assert [e.p_value for e in public.findings] == [0.012] * 3
    assert [e.p_adjusted for e in public.findings] == [0.023] * 3
    assert {e.verdict for e in public.findings} == {Verdict.MEETS}


def test_the_report_is_still_one_and_keeps_its_plan() -> None:
    public = public_of(("a", 200, 300), ("b", 3, 5), ("c", 40, 60))
    again = AuditReport.model_validate_json(public.model_dump_json())
    assert again.model_dump() == AuditReport.model_dump(public)
    assert public.plan.sha256() == public.plan_sha256


def test_a_small_level_is_suppressed_and_another_with_it() -> None:
    public = public_of(("a", 200, 300), ("b", 3, 5), ("c", 40, 60))
    assert [each.n_cases for each in public.levels] == [365, 300, None, None]
    a, b, c = (shown(public)[name] for name in "abc")
    assert (a.n, a.n_positive) == (300, 200)
    for each in (b, c):
        assert {
            each.value, each.low, each.high, each.n, each.n_patients, each.n_positive,
            each.p_value, each.p_adjusted, each.more_without_error,
        } == {None}  # fmt: skip
        assert each.note == "suppressed"
        assert (each.verdict, each.evidence) == (Verdict.NOT_ENOUGH, "not enough")


def test_what_was_small_and_what_protects_it_look_the_same() -> None:
    public = public_of(("a", 200, 300), ("b", 3, 5), ("c", 40, 60))
    b, c = (shown(public)[name].model_dump(exclude={"level"}) for name in "bc")
    assert b == c


@pytest.mark.parametrize(
    ("right", "n"), [(297, 300), (3, 300), (290, 300), (10, 300)], ids=["3", "3", "10", "10"]
)
def test_few_errors_or_few_right_are_suppressed_though_the_level_is_large(
    right: int, n: int
) -> None:
    public = public_of(("a", right, n), ("b", 250, 400), ("c", 300, 500))
    a = shown(public)["a"]
    assert (a.n, a.value, a.n_positive, a.low) == (300, None, None, None)
    others = [shown(public)[name].value for name in "bc"]
    assert others.count(None) == 1


@pytest.mark.parametrize(("right", "n"), [(300, 300), (0, 300), (289, 300), (11, 300)])
def test_none_and_eleven_are_not_small(right: int, n: int) -> None:
    public = public_of(("a", right, n), ("b", 250, 400), ("c", 300, 500))
    assert all(each.value is not None for each in public.findings)


def test_levels_that_are_small_together_are_not_told_by_their_total() -> None:
    public = public_of(("a", 100, 200), ("b", 2, 4), ("c", 2, 3), ("d", 60, 100))
    assert [each.n_cases for each in public.levels[1:]].count(None) == 3


def test_few_cases_without_a_label_are_not_told_by_a_difference() -> None:
    levels = [
        summary(OVERALL, ALL, 503, n_labelled=500), summary("sex", "a", 302, n_labelled=300),
        summary("sex", "b", 201, n_labelled=200),
    ]  # fmt: skip
    public = public_of(("a", 200, 300), ("b", 100, 200), n_cases=503, levels=levels)
    assert public.n_cases is None
    assert public.n_labelled == 500
    assert [(each.n_cases, each.n_labelled) for each in public.levels[1:]] == [
        (None, 300), (None, 200),
    ]  # fmt: skip


def test_a_small_audit_shows_nothing() -> None:
    public = public_of(("a", 2, 4), ("b", 3, 5))
    assert (public.n_cases, public.n_labelled) == (None, None)
    assert all(each.value is None and each.n is None for each in public.estimates)


def test_adjusted_p_values_go_where_a_withheld_row_may_have_set_them() -> None:
    public = public_of(("a", 200, 300), ("b", 3, 5), ("c", 40, 60))
    assert (shown(public)["a"].p_value, shown(public)["a"].p_adjusted) == (0.012, None)


def comparison(level: str, reference: str) -> LevelComparison:
    return LevelComparison(
        axis="sex", level=level, reference=reference, metric="accuracy", title="Accuracy",
        difference=0.123456, difference_low=-0.1, difference_high=0.3, ratio=1.2345,
        ratio_low=0.9, ratio_high=1.5, p_value=0.2, p_adjusted=0.4, correction="Holm",
        evidence="enough", margin=0.1, verdict=Verdict.FAILS,
    )  # fmt: skip


def test_comparisons_and_worst_levels_follow_their_estimates() -> None:
    worst = WorstLevel(
        axis="sex", metric="accuracy", title="Accuracy", level="b", value=0.6, low=0.1, high=0.9
    )
    levels = (("a", 200, 300), ("b", 3, 5), ("c", 40, 60), ("d", 150, 250))
    compared = [comparison("b", "a"), comparison("d", "a")]
    public = public_of(*levels, comparisons=compared, worst=[worst])
    first, second = public.comparisons
    assert (first.difference, first.ratio, first.p_value) == (None, None, None)
    assert (first.verdict, first.evidence) == (Verdict.NOT_ENOUGH, "not enough")
    assert (second.difference, second.verdict, second.p_adjusted) == (0.12, Verdict.FAILS, None)
    assert (public.worst[0].level, public.worst[0].value) == (None, None)


def test_analyses_lose_curves_small_numbers_and_notes_with_numbers() -> None:
    def number(key: str, value: float, n: int | None) -> NamedNumber:
        return NamedNumber(key=key, title=key, value=value, low=value, high=value, n=n)

    curve = Curve(name="all", points=[CurvePoint(x=0.1, y=0.1234)])
    kept = Analysis(
        key="kept", title="Kept", available=True, numbers=[number("a", 0.54321, 300)],
        curves=[curve], notes=["No number.", "7 of 300 cases."],
    )  # fmt: skip
    few = Analysis(
        key="few", title="Few", available=True,
        numbers=[number("a", 0.5, 300), number("b", 2 / 300, 300)],
    )  # fmt: skip
    counted = number("a", 7.0, 300).model_copy(update={"unit": "count"})
    count = Analysis(key="count", title="Count", available=True, numbers=[counted])
    unknown = Analysis(key="un", title="Un", available=True, numbers=[number("a", 0.5, None)])
    public = suppress_small_cells(audit_report(analyses=[kept, few, count, unknown]))
    first, *others = public.analyses
    assert (first.numbers[0].value, first.curves) == (0.54, [])
    assert first.notes[0] == "No number."
    assert not any("7" in note for note in first.notes)
    assert [(each.available, each.numbers) for each in others] == [(False, [])] * 3


def test_texts_left_out_rows_attachments_and_manifests() -> None:
    full = audit_report(
        excluded={"no probability": 3, "duplicate": 50},
        deviations=["The column age is absent.", "3 rows of 300 have no patient."],
        facts={"predictions": "12ab" * 16, "rows": "303", "made at": "2026-05-01"},
        extra={"tissue": [1, 2]},
        attachments=[
            Attachment(
                name="i.csv", kind="incidents", sha256="0" * 64, columns=["what"],
                rows=[{"what": "one patient"}],
            )
        ],
    )  # fmt: skip
    full = full.model_copy(
        update={"system": full.system.model_copy(update={"manifest": {"cases": 7}})}
    )
    public = suppress_small_cells(full)
    assert public.excluded == {}
    assert public.deviations[0] == "The column age is absent."
    assert not any("300" in each for each in public.deviations)
    assert public.facts.keys() == {"predictions", "made at"}
    assert (public.extra, public.system.manifest, public.attachments[0].rows) == ({}, None, [])


def auroc(level: str, value: float, n: int, scarcest: int) -> AuditEstimate:
    return AuditEstimate(
        axis="sex", level=level, metric="auroc", title="AUROC", unit="area", value=value,
        low=value - 0.01, high=min(1.0, value + 0.01), n=n, n_patients=scarcest,
        interval="BCa bootstrap", evidence="enough", undefined_replicates=17,
    )  # fmt: skip


def test_the_digits_of_a_value_do_not_tell_its_denominator() -> None:
    n, positives, concordant = 60, 23, 700
    value = concordant / (positives * (n - positives))
    full = audit_report(estimates=[*audit_report().estimates, auroc("male", value, n, positives)])
    # With all digits the denominator is the best approximation's: the attack works on full reports.
    assert Fraction(value).limit_denominator(1000) == Fraction(700, 23 * 37)
    found = suppress_small_cells(full).estimates[-1]
    assert found.value == round(value, 2)
    assert found.undefined_replicates == 0
    assert found.value is not None
    possible = [
        k
        for k in range(11, n - 10)
        if any(abs(c / (2 * k * (n - k)) - found.value) <= 0.005 for c in range(2 * k * (n - k)))
    ]
    assert possible == list(range(11, n - 10))


def test_a_metric_of_few_patients_of_the_kind_it_needs_is_suppressed() -> None:
    full = audit_report(estimates=[*audit_report().estimates, auroc("male", 0.9, 140, 7)])
    found = suppress_small_cells(full).estimates[-1]
    assert (found.value, found.low, found.n_patients, found.n) == (None, None, None, 140)


def test_a_proportion_that_does_not_state_its_numerator_is_suppressed_by_its_value() -> None:
    changed = [
        each.model_copy(update={"metric": "own", "n_positive": None, "value": 3 / 140})
        for each in audit_report().estimates[2:]
    ]
    public = suppress_small_cells(audit_report(estimates=changed))
    assert public.estimates[0].value is None


# The attack: everything that is known of the structure, solved for the cases


def test_the_attacker_finds_small_counts_in_a_full_report() -> None:
    numbers = random_numbers(3)
    attacker = Attacker(report_of(numbers))
    small = small_counts(numbers)
    assert len(small) > 50
    some = list(small.values())[::8]
    assert all(attacker.largest(chosen) <= 10 for chosen in some)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), pick=st.integers(0, 10**6))
def test_the_attacker_finds_none_in_a_public_report(seed: int, pick: int) -> None:
    numbers = random_numbers(seed)
    public = suppress_small_cells(report_of(numbers))
    attacker = Attacker(public)
    small = list(small_counts(numbers).values())
    for i in np.random.default_rng(pick).permutation(len(small))[:8]:
        width = attacker.largest(small[i]) - attacker.smallest(small[i])
        assert width >= 4


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_no_small_count_is_printed(seed: int) -> None:
    public = suppress_small_cells(report_of(random_numbers(seed)))
    for each in json.loads(public.model_dump_json())["levels"]:
        assert not any(isinstance(v, int) and 1 <= v <= 10 for v in each.values())
    for each in public.estimates:
        assert (each.axis, each.level) in SCOPES
        counts = [each.n, each.n_patients, each.n_positive]
        if each.n is not None and each.n_positive is not None:
            counts.append(each.n - each.n_positive)
        assert not any(c is not None and 1 <= c <= 10 for c in counts)
