import pandas as pd
import pytest
from pydantic import ValidationError

from triage.data.spec import Capacity
from triage.decisions.capacity import capacity_alarms

DECISIONS = pd.DataFrame(
    {
        "recommendation": ["no_ai_opinion", "no_ai_opinion", "urgent", "routine"],
        "queue_urgency": ["urgent", "semi_urgent", "urgent", "routine"],
    }
)


def test_an_alarm_for_each_limit_that_is_exceeded_and_nothing_changes() -> None:
    before = DECISIONS.copy()
    capacity = Capacity(cases_a_day=10, abstentions_a_day=1, urgent_a_day=1)
    abstained, urgent = capacity_alarms(capacity, DECISIONS)
    assert "2 cases without an opinion in this run of 4" in abstained
    assert "2 urgent cases" in urgent
    assert DECISIONS.equals(before)


def test_no_alarm_within_the_places_or_without_a_capacity() -> None:
    assert capacity_alarms(None, DECISIONS) == []
    within = Capacity(cases_a_day=10, abstentions_a_day=2, urgent_a_day=2)
    assert capacity_alarms(within, DECISIONS) == []
    assert len(capacity_alarms(Capacity(cases_a_day=10, urgent_a_day=0), DECISIONS)) == 1


def test_a_capacity_limits_something() -> None:
    with pytest.raises(ValidationError, match="abstentions_a_day or urgent_a_day"):
        Capacity(cases_a_day=10)


@pytest.mark.parametrize("wrong", [True, 1.0, "1", -1])
def test_places_are_whole_numbers(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Capacity.model_validate({"cases_a_day": 10, "urgent_a_day": wrong})
