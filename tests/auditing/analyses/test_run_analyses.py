"""All analyses together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from tests.auditing.analyses.tables import partly_verified, plan, table
from triage.auditing.analyses.run_analyses import ANALYSES, run_analyses
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.audit_table import UNLABELLED, AuditTable, LevelCodes

SOME = table(300)
QUICK = plan(intervals=IntervalSettings(replicates=200))


def test_every_analysis_says_whether_it_is_available() -> None:
    stages: list[tuple[int, int]] = []
    found = run_analyses(SOME, QUICK, lambda _, done, total: stages.append((done, total)))
    assert [each.key for each in found] == [analysis.__name__ for analysis in ANALYSES]
    assert stages[-1] == (len(ANALYSES), len(ANALYSES))
    for each in found:
        assert each.available != bool(each.reason)
        assert each.available == (each.key != "selective_labels")


def test_the_same_table_and_plan_give_the_same() -> None:
    assert run_analyses(SOME, QUICK) == run_analyses(SOME, QUICK)


def test_the_order_of_rows_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(len(SOME))
    for one, other in zip(
        run_analyses(SOME, QUICK), run_analyses(SOME.take(order), QUICK), strict=True
    ):
        for a, b in zip(one.numbers, other.numbers, strict=True):
            if a.key != "urgent_miss":  # named by its row
                assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))


def edge_tables() -> dict[str, AuditTable]:
    n = len(SOME)
    one = {"skin": LevelCodes(("I",), np.zeros(n, dtype=np.int16))}
    unlabelled = np.full(n, UNLABELLED, dtype=np.int16)
    minus = np.full(n, -1, dtype=np.int8)
    return {
        "bare": AuditTable(
            classes=("a", "b"), truth=np.zeros(4, dtype=np.int16),
            cluster=np.arange(4, dtype=np.int32), patients_known=False, axes={},
        ),
        "one level": replace(SOME, axes=one),
        "one patient": replace(SOME, cluster=np.zeros(n, dtype=np.int32)),
        "all abstained": replace(SOME, abstained=np.ones(n, dtype=np.bool_)),
        "none urgent": replace(SOME, true_urgency=np.full(n, 2, dtype=np.int8)),
        "all outliers": replace(SOME, truth=np.full(n, -1, dtype=np.int16)),
        "no labels": replace(SOME, truth=unlabelled, true_urgency=minus, label_codes=None),
        "some labels": partly_verified(SOME),
        "one case": SOME.take(np.array([0])),
        "no score": replace(SOME, ood_score=np.full(n, np.nan)),
    }  # fmt: skip


@pytest.mark.parametrize("name", edge_tables())
@pytest.mark.filterwarnings("error")
def test_extreme_tables_give_reasons_not_errors(name: str) -> None:
    for each in run_analyses(edge_tables()[name], QUICK):
        assert each.available or each.reason
        for one in each.numbers:
            for value in (one.value, one.low, one.high):
                assert value is None or np.isfinite(value)


def test_no_identifier_is_in_the_result() -> None:
    named = replace(SOME, case_names=pa.array([f"MRN-{row:06d}" for row in range(len(SOME))]))
    written = "".join(each.model_dump_json() for each in run_analyses(named, QUICK))
    assert "MRN" not in written
