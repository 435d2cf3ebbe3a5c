"""Read rendered reports back."""

import io
import re
from html.parser import HTMLParser

from pypdf import PdfReader


class Page(HTMLParser):
    """Rows of tables, text, tags and attributes of a page."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.tables: list[list[list[str]]] = []
        self.text: list[str] = []
        self._cell: list[str] | None = None
        self.feed(content.decode())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data):
        self.text.append(data)
        if self._cell is not None:
            self._cell.append(data + " ")


def pdf_text(content: bytes) -> str:
    """Text of a PDF without blanks, since lines are broken where columns end."""
    pages = PdfReader(io.BytesIO(content)).pages
    return re.sub(r"[\s\u200b]+", "", "".join(page.extract_text() for page in pages))
