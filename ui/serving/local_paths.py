"""Where a browser goes after signing in: only to a path of these pages."""

from __future__ import annotations

from urllib.parse import urlsplit

START = "/"


def local_path(text: str | None) -> str:
    r"""Return a path of these pages, the start page for anything else.

    Browsers read ``//host`` and ``/\host`` as another host and drop tabs and line breaks.
    """
    if not text or len(text) > 2000 or not text.startswith("/") or text[1:2] in ("/", "\\"):
        return START
    if any(ord(mark) < 0x21 or ord(mark) == 0x7F or mark == "\\" for mark in text):
        return START
    try:
        parts = urlsplit(text)
    except ValueError:
        return START
    return START if parts.scheme or parts.netloc else text
