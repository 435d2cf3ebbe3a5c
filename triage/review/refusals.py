"""Why a step of a review is refused: a code for pages and tests, a sentence for people."""

from __future__ import annotations

from enum import StrEnum

from triage.errors import WorkflowError


class RefusalCode(StrEnum):
    """Why a step is refused; nothing was stored, and nothing typed is lost."""

    WRONG_STATE = "wrong_state"
    STALE_VERSION = "stale_version"
    IN_WORK = "in_work"
    NOT_OPEN = "not_open"
    NOT_VIEWABLE = "not_viewable"
    ALREADY_GIVEN = "already_given"
    AI_OFF = "ai_off"
    TOO_SOON = "too_soon"
    NEEDS_REASON = "needs_reason"
    NEEDS_COMMENT = "needs_comment"
    NEEDS_CONDITION = "needs_condition"
    NEEDS_FOLLOW_UP = "needs_follow_up"
    ONE_CONDITION = "one_condition"
    TEXT_TOO_LONG = "text_too_long"
    BAD_TEXT = "bad_text"
    BUNDLE_WITHDRAWN = "bundle_withdrawn"
    NOT_YOURS = "not_yours"
    NOT_INDEPENDENT = "not_independent"
    UNKNOWN_READER = "unknown_reader"
    NEEDS_SIGN_IN = "needs_sign_in"
    BAD_RUBRIC = "bad_rubric"
    ALREADY_OPENED = "already_opened"


class StepRefused(WorkflowError):
    """A step of a review is not allowed as things stand.

    Parameters
    ----------
    code : RefusalCode
    what : str
    where, hint : str, optional
        See `triage.errors.TriageError`.
    """

    def __init__(
        self, code: RefusalCode, what: str, *, where: str | None = None, hint: str | None = None
    ) -> None:
        self.code = code
        super().__init__(what, where=where, hint=hint)
