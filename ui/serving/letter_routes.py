"""The referral letter of a signed case, as a page for printing without any script."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from triage.accounts import Actor, PermissionDenied
from triage.accounts.sessions import Session, SessionExpired, session_of
from triage.charts.page_environment import page_environment
from triage.errors import LedgerError, NoSuchCase, StoreError, TriageError
from triage.review import StepRefused
from triage.review.referral_letter import ReferralLetter, referral_letter
from triage.store import Store
from ui.serving.access import LOGIN
from ui.serving.cookies import cookie_of, session_cookie
from ui.serving.security_headers import OWN_PAGES
from ui.serving.settings import ServingSettings
from ui.words import (
    CERTAINTIES,
    MEANINGS,
    URGENCIES,
    condition_name,
    date_of,
    follow_up_words,
    time_of,
)

_LETTERS_AT_ONCE = 4
"""Each replays the events of a case and computes the hashes of its signatures."""
_STYLE = Path(__file__).parent / "assets" / "letter.css"
_PAGES = page_environment("ui.serving")


class LetterRoutes:
    """Routes of letters.

    Parameters
    ----------
    store : Store
    settings : ServingSettings
    """

    def __init__(self, store: Store, settings: ServingSettings) -> None:
        self._store = store
        self._cookie = session_cookie(secure=settings.secure)
        self._limiter = CapacityLimiter(_LETTERS_AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the letters and of their style sheet."""
        return [
            Route("/letter/{case:int}", self.show, methods=["GET"]),
            Route("/assets/letter.css", _style, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show a letter, or say why there is none; it counts as a use of the session."""
        number = request.path_params["case"]
        session: Session = request.scope[LOGIN]
        token = cookie_of(request.scope, self._cookie) or ""
        make = partial(self._letter, number, session.actor, token)
        try:
            letter = await to_thread.run_sync(make, limiter=self._limiter)
        except PermissionDenied as refused:
            return _refusal(refused, 403)
        except (StepRefused, LedgerError) as refused:
            return _refusal(refused, 409)
        except SessionExpired as ended:
            return _refusal(ended, 401)
        except NoSuchCase as refused:
            return _refusal(refused, 404)
        except StoreError as refused:
            return _refusal(refused, 503)
        return _page("letter.html", 200, letter=letter)

    def _letter(self, number: int, actor: Actor, token: str) -> ReferralLetter:
        session_of(self._store, token)
        return referral_letter(self._store, number, actor)


def _refusal(refused: TriageError, status: int) -> Response:
    return _page("letter_refused.html", status, problem=str(refused))


def _page(name: str, status: int, **values: object) -> Response:
    words = {
        "urgencies": URGENCIES,
        "certainties": CERTAINTIES,
        "meanings": MEANINGS,
        "follow_up_words": follow_up_words,
        "condition_name": condition_name,
        "date": date_of,
        "time": time_of,
    }
    text = _PAGES.get_template(name).render(**words, **values)
    return HTMLResponse(text, status, headers={"Content-Security-Policy": OWN_PAGES})


async def _style(request: Request) -> Response:
    return FileResponse(_STYLE, media_type="text/css")
