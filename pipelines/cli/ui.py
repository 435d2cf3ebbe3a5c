"""The verb that opens the reviewer's pages."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.console import (
    Db,
    Json,
    say,
)


def ui(
    db: Db = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8501,
    as_json: Json = False,
) -> None:
    """Open the reviewer's pages on 127.0.0.1 until interrupted.

    Example: triage ui --db sqlite:///triage.db
    """
    from triage.store import open_store
    from ui.launch import require_pages, run

    require_pages()
    store = open_store(db)
    url = store.engine.url.render_as_string(hide_password=False)
    store.close()
    address = f"http://127.0.0.1:{port}"
    say(as_json, {"address": address}, f"reviewer's pages: {address} (Ctrl-C stops)")
    raise typer.Exit(run(url, port))
