"""Refusals of steps as JSON: a code, sentences for the reader, and the field to look at."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from triage.accounts.permissions import PermissionDenied
from triage.accounts.sessions import SessionExpired
from triage.errors import NoSuchCase, StoreError, TriageError
from triage.printable import printable
from triage.review import RefusalCode, StepRefused

FIELDS: Mapping[RefusalCode, str] = {
    RefusalCode.NEEDS_CONDITION: "conditions",
    RefusalCode.ONE_CONDITION: "conditions",
    RefusalCode.NEEDS_REASON: "reason",
    RefusalCode.NEEDS_COMMENT: "comment",
    RefusalCode.TEXT_TOO_LONG: "comment",
    RefusalCode.BAD_TEXT: "comment",
    RefusalCode.NEEDS_FOLLOW_UP: "follow_up",
    RefusalCode.BAD_RUBRIC: "rubric",
    RefusalCode.UNKNOWN_READER: "to",
}
"""The answer that each refusal is about, where it is about one."""

_MISSING = {
    "conditions": "No condition is chosen.",
    "urgency": "No urgency is chosen.",
    "certainty": "It is not said how certain you are.",
    "reason": "The reason is none of those to choose from.",
    "follow_up": "It is not said what is to follow.",
    "rubric": "The features of the rubric are not answered.",
}


class RequestRefused(TriageError):
    """A request is none that the panel of a case sends.

    Parameters
    ----------
    what : str
    status : HTTPStatus
    """

    def __init__(self, what: str, status: HTTPStatus, *, hint: str | None = None) -> None:
        self.status = status
        super().__init__(what, hint=hint)


def refused(
    status: HTTPStatus, code: str, message: str, hint: str = "", field: str | None = None
) -> Response:
    """Return a refusal as the panel takes it."""
    content = {
        "code": code,
        "message": printable(message),
        "hint": printable(hint),
        "field": field,
    }
    return JSONResponse({"refused": content}, status)


def refusal_of(error: TriageError, text_field: str = "comment") -> Response:
    """Return the answer to a step that failed.

    Parameters
    ----------
    error : TriageError
    text_field : str
        The field of the step's text, to which refusals of a text belong.
    """
    hint = error.hint or ""
    match error:
        case StepRefused():
            field = FIELDS.get(error.code)
            field = text_field if field == "comment" else field
            return refused(HTTPStatus.CONFLICT, error.code.value, error.what, hint, field)
        case SessionExpired():
            return refused(HTTPStatus.UNAUTHORIZED, "session_ended", error.what, hint)
        case PermissionDenied():
            return refused(HTTPStatus.FORBIDDEN, "not_permitted", error.what, hint)
        case RequestRefused():
            return refused(error.status, "bad_request", error.what, hint)
        case NoSuchCase():
            return refused(HTTPStatus.NOT_FOUND, "no_such_case", error.what, hint)
        case StoreError():
            return refused(HTTPStatus.SERVICE_UNAVAILABLE, "store", error.what, hint)
        case _:
            return refused(HTTPStatus.CONFLICT, "refused", error.what, hint)


def refusal_of_body(error: ValidationError) -> Response:
    """Return the answer to a body that does not hold what the step takes; it quotes nothing."""
    places = [str(one["loc"][0]) for one in error.errors(include_input=False) if one["loc"]]
    field = next((name for name in places if name in _MISSING), None)
    if field is None:
        return refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "bad_request",
            "The server cannot read what the page has sent.",
            "Load the page again; what you typed is kept as a draft.",
        )
    return refused(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"needs_{field}", _MISSING[field], "Choose.", field
    )
