"""Words of the learning loop that the database checks."""

from __future__ import annotations

from enum import StrEnum


class GateVerdict(StrEnum):
    """What the promotion gate answers; only `PASSES` allows a proposal without a sign-off."""

    PASSES = "passes"
    FAILS = "fails"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"


class PromotionKind(StrEnum):
    """How a bundle comes into use."""

    FIRST = "first"
    PROMOTE = "promote"
    ROLLBACK = "rollback"


class TrainingState(StrEnum):
    """How far a run of `triage retrain` has come."""

    STARTED = "started"
    FINISHED = "finished"


class RequestKind(StrEnum):
    """Why a case is asked to be labelled."""

    SELECTED = "selected"
    LABEL_ERROR = "label_error"


class MemberSplit(StrEnum):
    """Where a case of a data set is; reports show neither `GATE` nor `FROZEN`."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    GATE = "gate"
    FROZEN = "frozen"
    EXCLUDED = "excluded"


class Consent(StrEnum):
    """Whether a patient allows that a case is used for training and measurement."""

    GIVEN = "given"
    NOT_RECORDED = "not_recorded"
    WITHDRAWN = "withdrawn"
