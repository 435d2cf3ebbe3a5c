from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import MISSING, OUTLIER, UNLABELLED, AuditTable, LevelCodes
from triage.auditing.cell_cases import failing_cases, has_error_cases
from triage.auditing.measurement import ALL, OVERALL
from triage.errors import UsageError

N = 500
PLAN = AuditPlan(title="A plan", source="A board", created_at=datetime(2025, 6, 2, tzinfo=UTC))
LEVELS = ("I", "II", "<b>III</b>", "unknown")


@pytest.fixture
def table() -> AuditTable:
    draw = np.random.default_rng(4)
    return AuditTable(
        classes=("a", "b", "c"),
        truth=draw.choice([0, 1, 2, OUTLIER, UNLABELLED], N).astype(np.int16),
        cluster=np.arange(N, dtype=np.int32),
        patients_known=False,
        axes={"skin type": LevelCodes(LEVELS, draw.integers(0, 4, N).astype(np.int16))},
        predicted=draw.integers(0, 3, N).astype(np.int16),
        abstained=draw.random(N) < 0.3,
        true_urgency=draw.integers(MISSING, 4, N).astype(np.int8),
        queue_urgency=draw.integers(MISSING, 4, N).astype(np.int8),
        first_right=draw.integers(MISSING, 2, N).astype(np.int8),
        final_right=draw.integers(MISSING, 2, N).astype(np.int8),
        final_urgency=draw.integers(MISSING, 4, N).astype(np.int8),
        ai_shown=draw.integers(MISSING, 2, N).astype(np.int8),
    )


def _errors(table: AuditTable, axis: str, level: str, metric: str) -> list[int]:
    """The same by going through the cases one by one."""
    assert table.predicted is not None
    assert table.abstained is not None
    assert table.true_urgency is not None
    assert table.queue_urgency is not None
    assert table.first_right is not None
    assert table.final_right is not None
    assert table.final_urgency is not None
    assert table.ai_shown is not None
    found = []
    for at in range(len(table)):
        if axis != OVERALL and LEVELS[table.axes[axis].codes[at]] != level:
            continue
        truth, named, silent = table.truth[at], table.predicted[at], table.abstained[at]
        true, queue = table.true_urgency[at], table.queue_urgency[at]
        known = true >= 0 and queue >= 0
        first, last, final = table.first_right[at], table.final_right[at], table.final_urgency[at]
        seen, labelled = table.ai_shown[at] == 1, truth != UNLABELLED
        inlier, outlier = truth in (0, 1, 2), truth == OUTLIER
        is_error = {
            "accuracy": inlier and truth != named,
            "selective_accuracy": inlier and truth != named and not silent,
            "selective_risk": not silent and (outlier or (inlier and truth != named)),
            "abstention_rate": silent,
            "coverage": inlier and silent,
            "outlier_abstention_rate": outlier and not silent,
            "under_triage_rate": known and queue > true,
            "over_triage_rate": known and queue < true,
            "sensitivity_urgent": known and true == 0 and queue > 0,
            "specificity_urgent": known and true > 0 and queue == 0,
            "sensitivity_semi_urgent": known and true in (0, 1) and queue in (2, 3),
            "specificity_routine": known and true == 3 and queue in (0, 1, 2),
            "first_read_accuracy": labelled and first == 0,
            "final_accuracy": labelled and last == 0,
            "harmful_switch_rate": labelled and first == 1 and last == 0 and seen,
            "final_sensitivity_urgent": true == 0 and final > 0,
            "abstention_under_call_rate": silent and seen and true in (0, 1) and final > true,
        }
        if is_error[metric]:
            found.append(at)
    return found


@pytest.mark.parametrize(("axis", "level"), [(OVERALL, ALL), *(("skin type", x) for x in LEVELS)])
@pytest.mark.parametrize(
    "metric",
    [
        "accuracy",
        "selective_accuracy",
        "selective_risk",
        "abstention_rate",
        "coverage",
        "outlier_abstention_rate",
        "under_triage_rate",
        "over_triage_rate",
        "sensitivity_urgent",
        "specificity_urgent",
        "sensitivity_semi_urgent",
        "specificity_routine",
        "first_read_accuracy",
        "final_accuracy",
        "harmful_switch_rate",
        "final_sensitivity_urgent",
        "abstention_under_call_rate",
    ],
)
def test_the_errors_of_a_cell(table: AuditTable, axis: str, level: str, metric: str) -> None:
    found = failing_cases(table, PLAN, axis, level, metric)
    assert found.tolist() == _errors(table, axis, level, metric)
    assert found.size


def test_only_shares_of_cases_have_cases() -> None:
    assert has_error_cases("specificity_semi_urgent")
    for metric in ("ood_auroc", "brier", "clinical_cost", "team_gain", "of_a_user", ""):
        assert not has_error_cases(metric)


@pytest.mark.parametrize(
    ("axis", "level", "metric", "words"),
    [
        ("skin typ", "I", "accuracy", "Did you mean skin type"),
        ("skin type", "VII", "accuracy", "there is no level"),
        ("skin type", "I", "ood_auroc", "No single case"),
    ],
)
def test_what_is_not_there_is_said(
    table: AuditTable, axis: str, level: str, metric: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        failing_cases(table, PLAN, axis, level, metric)


def test_an_absent_column_is_named(table: AuditTable) -> None:
    with pytest.raises(UsageError, match="predicted"):
        failing_cases(replace(table, predicted=None), PLAN, OVERALL, ALL, "accuracy")
