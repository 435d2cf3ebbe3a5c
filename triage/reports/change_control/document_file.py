"""One document as a file of the format that its name asks for."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from triage.atomic_write import whole_file
from triage.errors import UsageError
from triage.reports.document import Document
from triage.reports.render.html import render_html
from triage.reports.render.markdown import render_markdown
from triage.reports.render.pdf import render_pdf

FORMATS = (".html", ".pdf", ".md", ".json")


def check_format(path: Path) -> None:
    """Refuse a file whose name asks for no format that is written.

    Raises
    ------
    UsageError
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            "has the name of no format that is written",
            where=str(path),
            hint=f"Let it end in one of {', '.join(FORMATS)}.",
        )


def write_document(document: Document, path: Path, facts: dict[str, Any]) -> None:
    """Write a document, whole or not at all.

    Parameters
    ----------
    document : Document
    path : Path
        Ends in one of `FORMATS`.
    facts : dict
        What the document was made of, for the JSON file, which holds it beside the document.

    Raises
    ------
    UsageError
        If it cannot be written, or its name asks for another format.
    """
    check_format(path)
    suffix = path.suffix.lower()
    if suffix == ".html":
        content = render_html(document).encode()
    elif suffix == ".pdf":
        content = render_pdf(document, datetime.now(UTC))
    elif suffix == ".md":
        content = render_markdown(document).encode()
    else:
        value = {"facts": facts, "document": asdict(document)}
        content = (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
    try:
        with whole_file(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot be written ({error.strerror})", where=str(path)) from error
