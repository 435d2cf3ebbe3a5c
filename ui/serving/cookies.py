"""The cookies of the pages: the session's, and the one that protects forms."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import HTTPConnection
from starlette.responses import Response

_SESSION = "triage_session"
_FORM = "triage_form"


def session_cookie(*, secure: bool) -> str:
    """Return the name of the session's cookie.

    With TLS it has the prefix with which browsers refuse it from plain HTTP and from other hosts
    of the same domain.
    """
    return f"__Host-{_SESSION}" if secure else _SESSION


def form_cookie(*, secure: bool) -> str:
    """Return the name of the cookie that a form's token belongs to."""
    return f"__Host-{_FORM}" if secure else _FORM


def cookie_of(scope: dict[str, object], name: str) -> str | None:
    """Return a cookie of a request, None where it is not sent or sent with several values.

    Several values of one name can be planted by another host of the same domain.
    """
    connection = HTTPConnection(scope)
    values = set(_values(connection.headers.getlist("cookie"), name))
    return values.pop() if len(values) == 1 else None


def _values(headers: Iterable[str], name: str) -> Iterable[str]:
    for header in headers:
        for part in header.split(";"):
            key, _, value = part.partition("=")
            if key.strip() == name and value.strip():
                yield value.strip()


def set_session(response: Response, token: str, *, secure: bool) -> None:
    """Give the browser a session; it is forgotten when the browser is closed."""
    response.set_cookie(
        session_cookie(secure=secure), token, path="/", secure=secure, httponly=True, samesite="lax"
    )


def clear_session(response: Response, *, secure: bool) -> None:
    """Make the browser forget its session."""
    response.delete_cookie(
        session_cookie(secure=secure), path="/", secure=secure, httponly=True, samesite="lax"
    )


def set_form_secret(response: Response, secret: str, *, secure: bool) -> None:
    """Give the browser the secret that the token of its forms belongs to."""
    response.set_cookie(
        form_cookie(secure=secure),
        secret,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
