"""What every request passes before Streamlit sees it: host, proxy and session.

Nothing but the pages for signing in and out and the health checks is answered without a session:
neither pages nor scripts, pictures, files of components or the websocket.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage.accounts.sessions import SessionExpired
from triage.errors import StoreError
from triage.vocabulary.sign_in import ExpiryReason
from ui.serving.cookies import clear_session, cookie_of, session_cookie
from ui.serving.health_routes import ALIVE, READY
from ui.serving.hosts import AllowedHosts, is_own_origin
from ui.serving.open_connections import SessionGuard
from ui.serving.security_headers import with_security_headers
from ui.serving.sessions import SessionChecks
from ui.serving.settings import ServingSettings, is_loopback
from ui.serving.step_refusals import refused

LOGIN = "triage.login"
"""Key of a request's scope under which later handlers find its session."""
HEALTH = frozenset({"/_stcore/health", ALIVE})
"""Checks that say nothing but that the server runs: answered under every host name."""
HOST_CONFIG = "/_stcore/host-config"
_FORMS = frozenset({"/login", "/logout"})
"""Their forms are protected by `ui.serving.form_protection`, with an answer that says more."""
PUBLIC = _FORMS | HEALTH | {READY, "/assets/sign_in.css"}
"""Paths that are answered without a session."""
OIDC = frozenset({"/oidc/sign-in", "/oidc/callback"})
"""Further ones where a provider of OpenID Connect is configured."""
_FILES = ("/_stcore/", "/media/", "/component/", "/static/", "/assets/", "/session", "/images/")
STEPS = "/api/"
"""Beginning of the paths of steps, which are answered as JSON."""
_KEPT = ("/static/",)
"""Streamlit's own scripts, styles and fonts; nothing of a case, and named by their content."""


class AccessControl:
    """ASGI middleware in front of the whole application.

    Parameters
    ----------
    app : ASGI application
    settings : ServingSettings
    sessions : SessionChecks
    policy : str
        Content security policy of the pages.
    """

    def __init__(
        self, app: ASGIApp, settings: ServingSettings, sessions: SessionChecks, policy: str
    ) -> None:
        self._app = app
        self._settings = settings
        self._sessions = sessions
        self._policy = policy
        self._hosts = AllowedHosts(settings)
        self._public = PUBLIC | OIDC if settings.oidc is not None else PUBLIC
        self._cookie = session_cookie(secure=settings.secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._while_the_database_answers(
                scope, receive, self._with_headers(scope["path"], send)
            )
        else:
            await self._app(scope, receive, send)

    async def _while_the_database_answers(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._http(scope, receive, noted)
        except StoreError as error:
            if begun:
                raise
            print(f"triage: {error}", file=sys.stderr, flush=True)
            await self._unavailable(scope)(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        answer: Response | None = None
        if refused := self._refusal(scope):
            answer = PlainTextResponse(refused, 400)
        elif path not in _FORMS and self._is_foreign(scope):
            answer = PlainTextResponse("This request was sent from another site.", 403)
        elif path not in self._public:
            token = cookie_of(scope, self._cookie)
            try:
                scope[LOGIN] = await self._sessions.find(token)
            except SessionExpired as ended:
                # Streamlit's page asks for this before it connects again. With the answer it goes
                # on by itself once the reader has signed in in another tab.
                if not (path == HOST_CONFIG and self._sessions.has_ended(ended)):
                    answer = self._without_session(scope, had_token=token is not None)
        if answer is None:
            await self._app(scope, receive, send)
        else:
            await answer(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = cookie_of(scope, self._cookie)
        try:
            if self._refusal(scope) or self._is_foreign(scope) or token is None:
                raise SessionExpired(ExpiryReason.UNKNOWN)
            await self._sessions.find(token)
        except (SessionExpired, StoreError) as refusal:
            if isinstance(refusal, StoreError):  # the browser tries again
                print(f"triage: {refusal}", file=sys.stderr, flush=True)
            await receive()  # the request to connect
            await send({"type": "websocket.close", "code": 1008})  # refused: HTTP status 403
            return
        await SessionGuard(self._app, self._sessions, token)(scope, receive, send)

    def _refusal(self, scope: Scope) -> str:
        """Why a request is not answered at all; '' where it is."""
        headers = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        hosts = [value for name, value in headers if name == b"host"]
        if scope["path"] in HEALTH:
            return ""
        if len(hosts) != 1 or not self._hosts.allow(hosts[0]):
            return "This server does not answer under this host name."
        if self._settings.behind_tls_proxy:
            return self._proxy_refusal(scope, headers)
        return ""

    def _is_foreign(self, scope: Scope) -> bool:
        """Whether a page of another origin sent a request.

        Cookies are also sent by pages on other ports of the same host. Streamlit would let those
        of this computer connect, and ask a server on the internet for the address of this one.
        """
        headers = Headers(scope=scope)
        origins = headers.getlist("origin")
        host = headers.get("host")
        secure = self._settings.secure
        return not all(is_own_origin(one, host, secure=secure) for one in origins)

    def _proxy_refusal(self, scope: Scope, headers: list[tuple[bytes, str]]) -> str:
        peer = (scope.get("client") or ("", 0))[0]
        if not (is_loopback(peer) or peer == self._settings.trusted_proxy):
            return "This server answers its TLS proxy only."
        schemes = {value.strip() for name, value in headers if name == b"x-forwarded-proto"}
        if schemes - {"https", "wss"}:
            return "Use https."
        scope["scheme"] = "wss" if scope["type"] == "websocket" else "https"
        return ""

    def _without_session(self, scope: Scope, *, had_token: bool) -> Response:
        if scope["path"].startswith(STEPS):
            answer: Response = refused(
                HTTPStatus.UNAUTHORIZED, "session_ended", "Your session has ended.", "Sign in."
            )
        elif scope["method"] in ("GET", "HEAD") and not scope["path"].startswith(_FILES):
            wanted = scope["path"]
            if scope["query_string"]:
                wanted += f"?{scope['query_string'].decode('latin-1')}"
            answer = RedirectResponse(f"/login?next={quote(wanted, safe='')}", 303)
        else:
            answer = PlainTextResponse("Sign in first.", 401)
        if had_token and not scope["path"].startswith((*_FILES, STEPS)):
            clear_session(answer, secure=self._settings.secure)
        return answer

    @staticmethod
    def _unavailable(scope: Scope) -> Response:
        """What is said while the case database refuses, as when its server is restarted."""
        status, what = HTTPStatus.SERVICE_UNAVAILABLE, "The case database does not answer."
        hint = "Try again in a minute. If it goes on, tell whoever runs this server."
        if scope["path"].startswith(STEPS):
            return refused(status, "store", what, hint)
        return PlainTextResponse(f"{what} {hint}", status, headers={"Retry-After": "10"})

    def _with_headers(self, path: str, send: Send) -> Callable[[Message], Awaitable[None]]:
        keep = path.startswith(_KEPT)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = with_security_headers(
                    message.get("headers", ()),
                    policy=self._policy,
                    secure=self._settings.secure,
                    keep=keep and message["status"] in (200, 206, 304),
                )
                message = {**message, "headers": headers}
            await send(message)

        return send_with_headers
