"""Headers of every answer that narrow what a browser does with it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_SHARED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
OWN_PAGES = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Content security policy of the pages for signing in and out: no script at all."""
STRICT_TRANSPORT = "max-age=31536000"
"""Seconds for which browsers use TLS only."""


def pages_policy(index: str) -> str:
    """Return the content security policy of Streamlit's pages.

    Scripts come from this server, from Streamlit's own inline script, named by its hash, or from a
    component of the page (`blob:`). Style sheets may be inline, since Streamlit makes its styles in
    the browser.

    Parameters
    ----------
    index : str
        Streamlit's page (HTML).
    """
    hashes = " ".join(f"'{_digest(script)}'" for script in _INLINE_SCRIPT.findall(index))
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' blob: {hashes}".rstrip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-src 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _digest(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def with_security_headers(
    headers: Iterable[tuple[bytes, bytes]], *, policy: str, secure: bool, keep: bool
) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with the security headers added.

    Parameters
    ----------
    headers : iterable of pairs of bytes
        Of the answer. A content security policy among them stays.
    policy : str
        Content security policy of an answer that has none.
    secure : bool
        Whether browsers reach the pages by TLS.
    keep : bool
        Whether the browser may keep the answer, such as Streamlit's scripts.
    """
    added = {**_SHARED, **({"Strict-Transport-Security": STRICT_TRANSPORT} if secure else {})}
    if not keep:
        added["Cache-Control"] = "no-store"
    replaced = {name.lower().encode() for name in added}
    kept = [
        (name, _secured(value) if secure and name.lower() == b"set-cookie" else value)
        for name, value in headers
        if name.lower() not in replaced
    ]
    if not any(name.lower() == b"content-security-policy" for name, _ in kept):
        added["Content-Security-Policy"] = policy
    return [*kept, *((name.lower().encode(), text.encode()) for name, text in added.items())]


def _secured(cookie: bytes) -> bytes:
    """Return a cookie that is sent by TLS only; Streamlit does not know that TLS is used."""
    attributes = [part.strip().lower() for part in cookie.split(b";")[1:]]
    return cookie if b"secure" in attributes else cookie + b"; Secure"
