"""Words of monitoring that the database and the charts share."""

from __future__ import annotations

from enum import StrEnum


class ChartKind(StrEnum):
    """What a control chart watches."""

    OOD_RATE = "ood_rate"
    ABSTENTION_RATE = "abstention_rate"
    OVERRIDE_RATE = "override_rate"
    UNDER_CALL_ON_ABSTAINED = "under_call_on_abstained"
    INPUT_DRIFT = "input_drift"
    EMBEDDING_DRIFT = "embedding_drift"
    ESTIMATED_ACCURACY = "estimated_accuracy"
    CALIBRATION = "calibration"


class ChartVerdict(StrEnum):
    """What a chart says of its stream."""

    IN_CONTROL = "in control"
    ALARM = "alarm"
    NOT_ENOUGH = "not enough evidence"
    NOT_AVAILABLE = "not available"


class AlarmState(StrEnum):
    """How far the work on an alarm has come."""

    OPEN = "open"
    ASSIGNED = "assigned"
    CLOSED = "closed"


class ClosingReason(StrEnum):
    """Why an alarm was closed."""

    ACTED_ON = "acted_on"
    DATA_PROBLEM = "data_problem"
    EXPECTED_CHANGE = "expected_change"
    FALSE_ALARM = "false_alarm"
    DUPLICATE = "duplicate"
