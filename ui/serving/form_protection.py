"""Protection of forms against requests that pages of other sites send (CSRF).

A form is accepted if the browser says that it comes from these pages and if its token fits the
secret in the browser's cookie. The token is signed with a key of this process, so a cookie planted
by another host of the same domain does not suffice.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import parse_qsl

from starlette.requests import Request

from triage.errors import TriageError
from ui.serving.cookies import cookie_of, form_cookie
from ui.serving.hosts import is_own_origin

TOKEN_FIELD = "form_token"
MOST_BYTES = 64 * 1024
"""Largest body of a form."""
_FORM_TYPE = "application/x-www-form-urlencoded"


class FormRefused(TriageError):
    """A form was not sent by these pages, or is too large or malformed.

    Parameters
    ----------
    what : str
    status : int
        HTTP status of the answer.
    """

    def __init__(self, what: str, status: int, *, hint: str | None = None) -> None:
        self.status = status
        super().__init__(what, hint=hint)


class FormProtection:
    """Makes and checks the tokens of forms.

    Parameters
    ----------
    secure : bool
        Whether browsers reach the pages by TLS.
    """

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._key = secrets.token_bytes(32)

    def secret_of(self, request: Request) -> str:
        """Return the browser's secret, a new one where it has none."""
        return cookie_of(request.scope, form_cookie(secure=self._secure)) or secrets.token_hex(32)

    def token(self, secret: str) -> str:
        """Return the token for a form that is sent to the browser with this secret."""
        return hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest()

    async def read(self, request: Request) -> dict[str, str]:
        """Return the fields of a form that these pages sent.

        Raises
        ------
        FormRefused
            If it is larger than 64 KiB, not a form, or not sent from these pages.
        """
        self._require_same_origin(request)
        fields = await _fields(request)
        secret = cookie_of(request.scope, form_cookie(secure=self._secure)) or ""
        given = fields.pop(TOKEN_FIELD, "")
        if not secret or not hmac.compare_digest(given.encode(), self.token(secret).encode()):
            raise FormRefused("This form is no longer valid.", 403, hint="Please try again.")
        return fields

    def _require_same_origin(self, request: Request) -> None:
        site = request.headers.get("sec-fetch-site")
        origin = request.headers.get("origin")
        if site is not None:
            same = site == "same-origin"
        elif origin is not None:
            same = is_own_origin(origin, request.headers.get("host"), secure=self._secure)
        else:
            same = True  # no browser; the token decides
        if not same:
            raise FormRefused("This form was sent from another site.", 403)


async def _fields(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM_TYPE:
        raise FormRefused("This is not a form.", 415)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise FormRefused("This form is too large.", 413)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict"
        )
    except ValueError:
        raise FormRefused("This form cannot be read.", 400) from None
    return dict(pairs)
