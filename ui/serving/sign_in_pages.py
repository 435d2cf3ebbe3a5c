"""The pages for signing in and out, made on the server: forms without any script."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from triage.accounts.accounts import has_accounts
from triage.accounts.sessions import (
    SessionExpired,
    SessionToken,
    SignInRefused,
    sign_in,
    sign_in_local,
    sign_out,
)
from triage.charts.page_environment import page_environment
from triage.store import Store
from ui.serving.cookies import (
    clear_session,
    cookie_of,
    session_cookie,
    set_form_secret,
    set_session,
)
from ui.serving.form_protection import FormProtection, FormRefused
from ui.serving.local_paths import local_path
from ui.serving.security_headers import OWN_PAGES
from ui.serving.sessions import SessionChecks
from ui.serving.settings import ServingSettings
from ui.settings import THEME

SIGNED_OUT = "signed_out"
_PASSWORD_CHECKS_AT_ONCE = 2
"""A check of a password takes 64 MiB of memory."""
_PAGES = page_environment("ui.serving")
_STYLE = Path(__file__).parent / "assets" / "sign_in.css"


class SignInPages:
    """The pages for signing in and out.

    Parameters
    ----------
    store : Store
    settings : ServingSettings
    sessions : SessionChecks
    provider : str, optional
        Name of the OpenID Connect provider, as a button shows it.
    """

    def __init__(
        self,
        store: Store,
        settings: ServingSettings,
        sessions: SessionChecks,
        provider: str | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._sessions = sessions
        self._provider = provider
        self._secure = settings.secure
        self._forms = FormProtection(secure=settings.secure)
        self._password_checks = CapacityLimiter(_PASSWORD_CHECKS_AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the pages."""
        return [
            Route("/login", self.show, methods=["GET"]),
            Route("/login", self.submit, methods=["POST"]),
            Route("/logout", self.ask_sign_out, methods=["GET"]),
            Route("/logout", self.sign_out, methods=["POST"]),
            Route("/assets/sign_in.css", _style, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the form, or go on where the browser is signed in or needs no password."""
        wanted = local_path(request.query_params.get("next"))
        if await self._signed_in(request):
            return RedirectResponse(wanted, 303)
        local = await self._local_user()
        # A page of another site may lead here; then the person is asked first.
        own_wish = request.headers.get("sec-fetch-site") in ("none", "same-origin")
        waits = request.method != "GET" or SIGNED_OUT in request.query_params
        if local and own_wish and not waits:
            return await self._begin_local(request, wanted)
        return self._form(request, wanted, local=local)

    async def submit(self, request: Request) -> Response:
        """Sign in with the form's name and password, or as the local user."""
        try:
            fields = await self._forms.read(request)
        except FormRefused as refused:
            if refused.status != 403:
                return PlainTextResponse(str(refused), refused.status)
            local = await self._local_user()
            return self._form(request, "/", local=local, problem=str(refused), status=403)
        wanted = local_path(fields.get("next"))
        try:
            if "local" in fields:
                if not await self._local_user():
                    raise SignInRefused
                return await self._begin_local(request, wanted)
            check = partial(
                sign_in, self._store, fields.get("name", ""), fields.get("password", "")
            )
            token = await to_thread.run_sync(check, limiter=self._password_checks)
        except SignInRefused as refused:
            local = await self._local_user()
            return self._form(request, wanted, local=local, problem=str(refused), status=401)
        return await self.begin(request, token, wanted)

    async def begin(self, request: Request, token: SessionToken, wanted: str) -> Response:
        """Give the browser a session that has just begun, and end the one it had.

        Parameters
        ----------
        request : Request
        token : SessionToken
            Made for this sign-in: a token that somebody else put into the browser is never used.
        wanted : str
            Path to go to.
        """
        await self._end_session(request)
        answer = RedirectResponse(wanted, 303)
        set_session(answer, token, secure=self._secure)
        return answer

    def refuse(self, request: Request, problem: str, status: int) -> Response:
        """Show the form with a refusal.

        Parameters
        ----------
        request : Request
        problem : str
        status : int
            HTTP status of the answer.
        """
        return self._form(request, "/", local=False, problem=problem, status=status)

    async def ask_sign_out(self, request: Request) -> Response:
        """Show the button that signs out."""
        if not await self._signed_in(request):
            return RedirectResponse("/login", 303)
        return self._page("sign_out.html", request)

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        try:
            await self._forms.read(request)
        except FormRefused as refused:
            return PlainTextResponse(str(refused), refused.status)
        await self._end_session(request)
        answer = RedirectResponse(f"/login?{SIGNED_OUT}=1", 303)
        clear_session(answer, secure=self._secure)
        return answer

    def _form(
        self, request: Request, wanted: str, *, local: bool, problem: str = "", status: int = 200
    ) -> Response:
        return self._page(
            "sign_in.html",
            request,
            status,
            wanted=wanted,
            local=local,
            problem=problem,
            provider=self._provider,
            signed_out=SIGNED_OUT in request.query_params,
        )

    def _page(self, name: str, request: Request, status: int = 200, **values: object) -> Response:
        secret = self._forms.secret_of(request)
        text = _PAGES.get_template(name).render(token=self._forms.token(secret), **values)
        answer = HTMLResponse(text, status, headers={"Content-Security-Policy": OWN_PAGES})
        set_form_secret(answer, secret, secure=self._secure)
        return answer

    async def _begin_local(self, request: Request, wanted: str) -> Response:
        token = await to_thread.run_sync(sign_in_local, self._store)
        return await self.begin(request, token, wanted)

    async def _local_user(self) -> bool:
        if not self._settings.local_user:
            return False
        return not await to_thread.run_sync(has_accounts, self._store)

    async def _signed_in(self, request: Request) -> bool:
        try:
            await self._sessions.find(cookie_of(request.scope, session_cookie(secure=self._secure)))
        except SessionExpired:
            return False
        return True

    async def _end_session(self, request: Request) -> None:
        token = cookie_of(request.scope, session_cookie(secure=self._secure))
        if token is not None:
            await to_thread.run_sync(sign_out, self._store, token)


async def _style(request: Request) -> Response:
    colours = {
        "primary": THEME["theme.primaryColor"],
        "background": THEME["theme.backgroundColor"],
        "card": THEME["theme.secondaryBackgroundColor"],
        "text": THEME["theme.textColor"],
        "border": THEME["theme.borderColor"],
    }
    variables = "".join(f"--{name}:{colour};" for name, colour in colours.items())
    text = f":root{{{variables}}}\n{_STYLE.read_text(encoding='utf-8')}"
    return Response(text, media_type="text/css")
