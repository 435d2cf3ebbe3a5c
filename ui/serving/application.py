"""The web application: Streamlit's pages behind sign-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from triage.store import Store
from ui.serving.access import AccessControl
from ui.serving.audit_routes import AuditRoutes
from ui.serving.background_checkpoints import checkpoints_in_background
from ui.serving.health_routes import HealthRoutes
from ui.serving.image_routes import ImageRoutes
from ui.serving.letter_routes import LetterRoutes
from ui.serving.oidc_settings import client_secret, load_oidc_settings
from ui.serving.oidc_sign_in import OidcSignIn
from ui.serving.security_headers import pages_policy
from ui.serving.sessions import SessionChecks
from ui.serving.settings import ServingSettings
from ui.serving.sign_in_pages import SignInPages
from ui.serving.step_routes import StepRoutes
from ui.serving.streamlit_pages import index_page, page_routes

SCRIPT = Path(__file__).parents[1] / "app.py"


def build_application(store: Store, settings: ServingSettings, script: Path = SCRIPT) -> st.App:
    """Return the application (ASGI).

    Parameters
    ----------
    store : Store
    settings : ServingSettings
    script : Path
        What Streamlit runs for every page.

    Raises
    ------
    SpecError, UsageError
        If the settings of the identity provider cannot be used.
    """
    sessions = SessionChecks(store, local_user=settings.local_user)
    provider = load_oidc_settings(settings.oidc) if settings.oidc is not None else None
    pages = SignInPages(store, settings, sessions, provider.name if provider else None)
    routes = [
        *HealthRoutes(store).routes(),
        *pages.routes(),
        *page_routes(),
        *ImageRoutes(store).routes(),
        *LetterRoutes(store, settings).routes(),
        *AuditRoutes(settings).routes(),
        *StepRoutes(store, settings).routes(),
    ]
    if provider is not None:
        oidc = OidcSignIn(store, settings, provider, client_secret(), sessions, pages)
        routes += oidc.routes()

    def lifespan(app: st.App) -> AbstractAsyncContextManager[dict[str, Any] | None]:
        return _with_checkpoints(store, settings)

    return st.App(
        script,
        routes=routes,
        middleware=[
            Middleware(
                AccessControl,
                settings=settings,
                sessions=sessions,
                policy=pages_policy(index_page()),
            )
        ],
        lifespan=lifespan,
    )


@asynccontextmanager
async def _with_checkpoints(
    store: Store, settings: ServingSettings
) -> AsyncIterator[dict[str, Any] | None]:
    url = store.engine.url.render_as_string(hide_password=False)
    with checkpoints_in_background(url, settings.ledger_key, settings.checkpoints):
        yield None
