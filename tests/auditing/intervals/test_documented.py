"""The documentation names every way in which an interval is made."""

from __future__ import annotations

import pytest

from tests.auditing.intervals.test_p_values import KINDS
from tests.pages import first_cells, section


@pytest.mark.parametrize("kind", [*KINDS, "none"])
def test_every_kind_has_its_row(kind):
    assert kind in first_cells(section("audit", "Intervals, p-values and verdicts"))
