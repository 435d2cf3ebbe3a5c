"""Signing in through an OpenID Connect provider: authorization code with PKCE, state and nonce.

The provider says who a person is; which account that is, and what it may do, stands in the case
database. Nothing of the provider's tokens is kept.
"""

from __future__ import annotations

import logging
import secrets
import time
from functools import partial
from typing import Any

from anyio import to_thread
from authlib.integrations.starlette_client import OAuth
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router

from triage.accounts.sessions import (
    SessionExpired,
    SignInRefused,
    mark_reauthenticated,
    sign_in_oidc,
)
from triage.store import Store
from ui.serving.cookies import cookie_of, session_cookie
from ui.serving.local_paths import local_path
from ui.serving.oidc_settings import OidcSettings
from ui.serving.sessions import SessionChecks
from ui.serving.settings import ServingSettings
from ui.serving.sign_in_pages import SignInPages

_FLOW_COOKIE = "triage_oidc"
_FLOW_SECONDS = 600
_CLOCK_SECONDS = 60
"""How far the clocks of provider and server may differ."""
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_REFUSED = "Signing in was refused."
_HINT = "Try again. If it stays so, ask an administrator whether your account is known here."
_LOG = logging.getLogger(__name__)


class OidcSignIn:
    """Routes for signing in, and for proving again who one is, through a provider.

    Parameters
    ----------
    store : Store
    settings : ServingSettings
    provider : OidcSettings
    client_secret : str
    sessions : SessionChecks
    pages : SignInPages
        The pages that begin sessions and show refusals.
    """

    def __init__(
        self,
        store: Store,
        settings: ServingSettings,
        provider: OidcSettings,
        client_secret: str,
        sessions: SessionChecks,
        pages: SignInPages,
    ) -> None:
        self._store = store
        self._settings = settings
        self._provider = provider
        self._sessions = sessions
        self._pages = pages
        self._client = OAuth().register(
            "provider",
            client_id=provider.client_id,
            client_secret=client_secret,
            server_metadata_url=provider.discovery,
            client_kwargs={
                "scope": provider.scope,
                "code_challenge_method": "S256",
                "timeout": 10,
                "trust_env": False,
            },
        )

    def routes(self) -> list[BaseRoute]:
        """Return the routes, with a signed cookie of their own for state, nonce and verifier."""
        routes = [
            Route("/sign-in", self.sign_in, methods=["GET"]),
            Route("/reauthenticate", self.reauthenticate, methods=["GET"]),
            Route("/callback", self.callback, methods=["GET"]),
        ]
        with_flow = SessionMiddleware(
            Router(routes),
            secret_key=secrets.token_hex(32),
            session_cookie=_FLOW_COOKIE,
            max_age=_FLOW_SECONDS,
            path="/oidc",
            same_site="lax",
            https_only=self._settings.secure,
        )
        return [Mount("/oidc", app=with_flow)]

    async def sign_in(self, request: Request) -> Response:
        """Send the browser to the provider."""
        return await self._ask(request)

    async def reauthenticate(self, request: Request) -> Response:
        """Send the browser of a session to the provider, which asks again who it is."""
        return await self._ask(request, prompt="login", max_age=0)

    async def callback(self, request: Request) -> Response:
        """Take the provider's answer: begin a session, or mark the present one."""
        flow = request.session.pop("flow", None)
        if not isinstance(flow, dict):
            return self._refuse(request)
        wanted = local_path(flow.get("next"))
        try:
            claims = await self._claims(request)
            if flow.get("again"):
                await self._mark(request, claims, float(flow["began"]))
                return RedirectResponse(wanted, 303)
            begin = partial(sign_in_oidc, self._store, claims["iss"], claims["sub"])
            token = await to_thread.run_sync(begin)
        except (SignInRefused, SessionExpired):
            return self._refuse(request)
        except Exception as error:  # whatever the provider answered
            _LOG.warning("OpenID Connect: the provider's answer was refused (%s)", _kind(error))
            return self._refuse(request)
        request.session.clear()
        return await self._pages.begin(request, token, wanted)

    async def _ask(self, request: Request, **parameters: Any) -> Response:
        again = bool(parameters)
        request.session.clear()
        request.session["flow"] = {
            "next": local_path(request.query_params.get("next")),
            "again": again,
            "began": time.time(),
        }
        callback = f"{request.url.scheme}://{request.headers['host']}/oidc/callback"
        try:
            await self._require_issuer()
            answer: Response = await self._client.authorize_redirect(
                request, callback, **parameters
            )
        except Exception as error:  # whatever the provider answered
            _LOG.warning("OpenID Connect: the provider cannot be used (%s)", _kind(error))
            return self._pages.refuse(
                request, "The sign-in service cannot be reached now. Try again later.", 503
            )
        return answer

    async def _require_issuer(self) -> None:
        """Check that the description is of the configured issuer (Discovery 1.0, section 4.3).

        Of the algorithms that it names only signatures by a private key are accepted.
        """
        metadata = await self._client.load_server_metadata()
        if metadata.get("issuer") != self._provider.issuer:
            raise ValueError("another issuer")
        named = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        signed = [name for name in named if name in _ALGORITHMS]
        if not signed:
            raise ValueError("no known algorithm")
        metadata["id_token_signing_alg_values_supported"] = signed

    async def _claims(self, request: Request) -> dict[str, Any]:
        """Return the claims of the verified ID token."""
        await self._require_issuer()
        token = await self._client.authorize_access_token(
            request,
            claims_options={
                "iss": {"essential": True, "value": self._provider.issuer},
                "sub": {"essential": True},
                "aud": {"essential": True, "value": self._provider.client_id},
                "nonce": {"essential": True},
            },
            leeway=_CLOCK_SECONDS,
        )
        claims = token.get("userinfo")
        if not claims:
            raise ValueError("no ID token")
        return dict(claims)

    async def _mark(self, request: Request, claims: dict[str, Any], began: float) -> None:
        """Note that the person of the present session proved again who they are."""
        token = cookie_of(request.scope, session_cookie(secure=self._settings.secure))
        session = await self._sessions.find(token)
        if session.account is None or token is None:
            raise SignInRefused
        same = (session.account.issuer, session.account.subject) == (claims["iss"], claims["sub"])
        if not same or float(claims["auth_time"]) < began - _CLOCK_SECONDS:
            raise SignInRefused
        await to_thread.run_sync(mark_reauthenticated, self._store, token)

    def _refuse(self, request: Request) -> Response:
        request.session.clear()
        return self._pages.refuse(request, f"{_REFUSED} {_HINT}", 401)


def _kind(error: Exception) -> str:
    """What kind of error it was; its text may quote what the provider sent."""
    return type(error).__name__
