"""Two audits compared, as sections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from tests.auditing.analyses.tables import plan, table
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.comparison import compare_audits
from triage.charts.number_format import number
from triage.reports.document import Facts, Table
from triage.reports.sections.comparison import comparison_sections

FIRST = replace(
    table(300, cases_a_patient=1), case_names=pa.array([str(row) for row in range(300)])
)
PLAN = plan(
    system="System 1",
    metrics=("accuracy", "brier", "clinical_cost"),
    intervals=IntervalSettings(replicates=100),
)


def test_every_change_is_a_row() -> None:
    assert FIRST.predicted is not None
    second = replace(FIRST, predicted=np.where(FIRST.truth >= 0, FIRST.truth, 0).astype(np.int16))
    found = compare_audits((FIRST, PLAN), (second, plan(system="System 2")))
    sections = {each.key: each for each in comparison_sections(found)}
    assert list(sections) == ["compared", "overall", "groups", "heal"]
    (facts,) = (each for each in sections["compared"].blocks if isinstance(each, Facts))
    assert dict(facts.facts)["Second"] == "System 2"
    tables = [
        block
        for key in ("overall", "groups")
        for block in sections[key].blocks
        if isinstance(block, Table)
    ]
    rows = [row for block in tables for row in block.rows]
    assert len(rows) == sum(
        each.first is not None or each.second is not None for each in found.changes
    )
    assert rows[0][2].text == number(found.changes[0].first, "proportion")
    assert rows[0][4].value == found.changes[0].difference
    assert all(len(row) == len(block.columns) for block in tables for row in block.rows)
    assert "exact McNemar" in rows[0][7].text
    (heal,) = sections["heal"].blocks
    assert isinstance(heal, Table)
    assert heal.rows[0][6].text == "generated table, 2026"


def test_without_axes_sections_say_so() -> None:
    bare = replace(FIRST, axes={})
    found = compare_audits((bare, PLAN), (bare, PLAN))
    sections = {each.key: each for each in comparison_sections(found)}
    assert sections["groups"].unavailable
    assert sections["heal"].unavailable
