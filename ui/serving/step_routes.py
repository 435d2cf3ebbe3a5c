"""The steps of a review as JSON: what the panel of a case sends while its page stays as it is.

Every answer is ``{"done": {...}}`` or ``{"refused": {"code", "message", "hint", "field"}}``, and
none holds anything of the AI. A step that is sent again, because its answer was lost or a button
was pressed twice, changes nothing (`triage.review`), so the browser may repeat it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from triage.accounts import Actor
from triage.accounts.sessions import Session, session_of
from triage.errors import TriageError
from triage.review import (
    add_addendum,
    adjudicate,
    decide,
    give_second_read,
    hand_over,
    lock_first_read,
    report_ungradable,
    skip_case,
    taken_up,
    undo_decision,
)
from triage.review.activity import note_activity
from triage.review.drafts import draft_of, save_draft
from triage.store import Store
from triage.store.base import utc_now
from ui.panel_answers import answers_of, decision_form
from ui.serving import step_bodies as bodies
from ui.serving.cookies import cookie_of, session_cookie
from ui.serving.sessions import account_key
from ui.serving.settings import ServingSettings
from ui.serving.step_refusals import RequestRefused, refusal_of, refusal_of_body, refused

MOST_BYTES = 128 * 1024
"""Largest body of a step."""
ACCOUNT = "x-triage-account"
"""Header with the account for which the page was drawn, see `ui.serving.sessions.account_key`."""
_STEPS_AT_ONCE = 8
Done = Mapping[str, Any]
TakeStep = Callable[[Store, int, Actor, Any], Done]


class StepRoutes:
    """Answers `/api/cases/<number>/<step>`.

    Parameters
    ----------
    store : Store
    settings : ServingSettings
    """

    def __init__(self, store: Store, settings: ServingSettings) -> None:
        self._store = store
        self._cookie = session_cookie(secure=settings.secure)
        self._limiter = CapacityLimiter(_STEPS_AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        """Return a route for each step."""
        steps = [
            Route(f"/api/cases/{{case:int}}/{name}", self._endpoint(*step), methods=["POST"])
            for name, step in STEPS.items()
        ]
        # Streamlit would answer any other path with its page.
        return [*steps, Route("/api/cases/{rest:path}", _no_step, methods=["GET", "POST"])]

    def _endpoint(
        self, body_class: type[BaseModel], take: TakeStep, text_field: str
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            case_id = request.path_params["case"]
            token = cookie_of(request.scope, self._cookie) or ""
            try:
                body = body_class.model_validate_json(await _content(request))

                def work() -> Done:
                    # Whoever takes a step uses the session; asking for a picture does not.
                    session = session_of(self._store, token)
                    _require_same_person(request, session)
                    return take(self._store, case_id, session.actor, body)

                done = await to_thread.run_sync(work, limiter=self._limiter)
            except ValidationError as error:
                return refusal_of_body(error)
            except TriageError as error:
                return refusal_of(error, text_field)
            return JSONResponse({"done": done})

        return answer


def _require_same_person(request: Request, session: Session) -> None:
    """Check that who was signed in when the page was shown is who takes the step.

    Another person may sign in in another tab of the same browser, whose cookie is that of all tabs.

    Raises
    ------
    RequestRefused
        If it is somebody else.
    """
    if request.headers.get(ACCOUNT, own := account_key(session)) != own:
        raise RequestRefused(
            "Somebody else has signed in in this browser. Nothing was stored.",
            HTTPStatus.UNAUTHORIZED,
            hint="Load the page again.",
        )


async def _no_step(request: Request) -> Response:
    return refused(HTTPStatus.NOT_FOUND, "bad_request", "There is no such step.")


async def _content(request: Request) -> bytes:
    """Return the body of a request of these pages.

    Raises
    ------
    RequestRefused
        If another site sent it, it is not JSON, or too large.
    """
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin"):
        raise RequestRefused("This request was sent from another site.", HTTPStatus.FORBIDDEN)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise RequestRefused("This is not JSON.", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise RequestRefused(
                "This is more text than the server takes at once.",
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                hint="Shorten it; it is still on the page.",
            )
    return bytes(body)


def _first_read(store: Store, case: int, actor: Actor, body: bodies.ReadBody) -> Done:
    view = lock_first_read(store, case, actor, **_read(body))
    return {"version": view.version}


def _decision(store: Store, case: int, actor: Actor, body: bodies.DecisionBody) -> Done:
    view = decide(
        store,
        case,
        actor,
        **_read(body),
        reason=body.reason,
        comment=body.comment,
        follow_up=None if body.follow_up is None else body.follow_up.value(),
    )
    return {"version": view.version}


def _undo(store: Store, case: int, actor: Actor, body: bodies.UndoBody) -> Done:
    before = taken_up(store, case, actor)
    view = undo_decision(store, case, actor, version=body.version)
    if before is not None and before.final is not None and draft_of(store, case, actor) is None:
        # The form begins with the decision that was undone, unless other answers are kept.
        content = {"form": decision_form(view), "answers": answers_of(before.final)}
        save_draft(store, case, actor, content)
    return {"version": view.version}


def _second_read(store: Store, case: int, actor: Actor, body: bodies.SecondReadBody) -> Done:
    view = give_second_read(store, case, actor, **_read(body), comment=body.comment)
    return {"version": view.version}


def _adjudication(store: Store, case: int, actor: Actor, body: bodies.AdjudicationBody) -> Done:
    view = adjudicate(
        store, case, actor, **_read(body), comment=body.comment, rubric=dict(body.rubric)
    )
    return {"version": view.version}


def _read(body: bodies.ReadBody) -> dict[str, Any]:
    return {
        "conditions": body.conditions,
        "urgency": body.urgency,
        "certainty": body.certainty,
        "version": body.version,
    }


def _skip(store: Store, case: int, actor: Actor, body: bodies.SkipBody) -> Done:
    skip_case(store, case, actor, body.reason, version=body.version)
    return {}


def _cannot_grade(store: Store, case: int, actor: Actor, body: bodies.CannotGradeBody) -> Done:
    report_ungradable(store, case, actor, body.reason, body.next_action, version=body.version)
    return {}


def _hand_over(store: Store, case: int, actor: Actor, body: bodies.HandOverBody) -> Done:
    hand_over(store, case, actor, body.to, version=body.version)
    return {}


def _addendum(store: Store, case: int, actor: Actor, body: bodies.AddendumBody) -> Done:
    return {"addendum": add_addendum(store, case, actor, body.text, version=body.version)}


def _draft(store: Store, case: int, actor: Actor, body: bodies.DraftBody) -> Done:
    moment = utc_now()
    save_draft(store, case, actor, {"form": body.form, "answers": body.answers}, at=moment)
    return {"saved_at": moment.isoformat(timespec="seconds")}


def _activity(store: Store, case: int, actor: Actor, body: bodies.ActivityBody) -> Done:
    note_activity(store, case, actor)
    return {}


STEPS: Mapping[str, tuple[type[BaseModel], TakeStep, str]] = {
    "first-read": (bodies.ReadBody, _first_read, "conditions"),
    "decision": (bodies.DecisionBody, _decision, "comment"),
    "undo": (bodies.UndoBody, _undo, "comment"),
    "skip": (bodies.SkipBody, _skip, "reason"),
    "cannot-grade": (bodies.CannotGradeBody, _cannot_grade, "reason"),
    "hand-over": (bodies.HandOverBody, _hand_over, "to"),
    "second-read": (bodies.SecondReadBody, _second_read, "comment"),
    "adjudication": (bodies.AdjudicationBody, _adjudication, "comment"),
    "addendum": (bodies.AddendumBody, _addendum, "text"),
    "draft": (bodies.DraftBody, _draft, "comment"),
    "activity": (bodies.ActivityBody, _activity, "comment"),
}
"""Of each step: its last part of the address, its body, what it does, and where its text is."""
