"""Checks of flips, frozen cases and performance where what they need is absent or impossible."""

from __future__ import annotations

import pytest

from tests.gating.tables import OUTLIER, ROUTINE, check, judge, pair, table
from triage.errors import UsageError
from triage.gating import check_keys
from triage.gating.evidence import GateEvidence


def test_flips_need_known_conditions() -> None:
    frame = table([OUTLIER] * 20, [ROUTINE] * 20)
    found = check(judge(frame, frame, GateEvidence(seed_flip_rate=0.1)), check_keys.FLIPS)
    assert (found.verdict, found.decides) == (None, False)


def test_frozen_cases_that_are_none_or_lack_recommendations() -> None:
    first, second = pair(40, gained=4, lost=0)
    for frozen, why in (
        (first.iloc[:0], "is empty"),
        (first.drop(columns="recommendation"), "no column recommendation"),
    ):
        evidence = GateEvidence(frozen_champion=frozen, frozen_challenger=frozen)
        found = check(judge(first, second, evidence), check_keys.URGENT_MISSES)
        assert found.verdict is None
        assert why in found.sentence


def test_a_champion_that_takes_no_time_is_refused() -> None:
    first, second = pair(40, gained=4, lost=0)
    with pytest.raises(UsageError, match="latency is 0"):
        judge(first, second, GateEvidence(seconds_champion=0.0, seconds_challenger=1.0))
