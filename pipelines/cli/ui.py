"""The verb that opens the reviewer's pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import Db, Json, say

Uploads = Annotated[
    Path | None, typer.Option("--uploads", help="Folder for the files of cases added in the pages.")
]
Audits = Annotated[
    Path | None, typer.Option("--audits", help="Folder of the plans and reports of audits.")
]


def ui(
    db: Db = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Others than 127.0.0.1 need sign-in and TLS.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="Certificate chain of TLS (PEM).")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", help="Private key of TLS (PEM, no password).")
    ] = None,
    behind_tls_proxy: Annotated[
        bool, typer.Option("--behind-tls-proxy", help="A reverse proxy offers TLS.")
    ] = False,
    trusted_proxy: Annotated[
        str | None,
        typer.Option("--trusted-proxy", help="Address of that proxy, if not on this computer."),
    ] = None,
    public_host: Annotated[
        str | None,
        typer.Option("--public-host", help="Host name that browsers use, if not that of --host."),
    ] = None,
    oidc: Annotated[
        Path | None,
        typer.Option("--oidc", help="OpenID Connect provider (YAML) that people sign in with."),
    ] = None,
    ledger_key: Annotated[
        Path | None,
        typer.Option("--ledger-key", help="Private key that signs checkpoints of the ledger."),
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option("--checkpoints", help="File that checkpoints are appended to.")
    ] = None,
    oct_reference: Annotated[
        Path | None,
        typer.Option("--oct-reference", help="OCT measurements of healthy eyes (YAML)."),
    ] = None,
    uploads: Uploads = None,
    audits: Audits = None,
    as_json: Json = False,
) -> None:
    """Open the reviewer's pages until interrupted.

    On 127.0.0.1 by default. While the database has no account, whoever uses this computer goes on
    without a password; another address needs an account or OpenID Connect, and TLS.

    Example: triage ui --db sqlite:///triage.db
    """
    from triage.store import open_store
    from ui.launch import check, require_pages, run
    from ui.serving.settings import ServingSettings

    require_pages()
    store = open_store(db)
    url = store.engine.url.render_as_string(hide_password=False)
    store.close()
    settings = check(
        url,
        ServingSettings(
            host=host,
            port=port,
            tls_cert=tls_cert,
            tls_key=tls_key,
            behind_tls_proxy=behind_tls_proxy,
            trusted_proxy=trusted_proxy,
            public_host=public_host,
            oidc=oidc,
            ledger_key=ledger_key,
            checkpoints=checkpoints,
            oct_reference=oct_reference,
            uploads=uploads,
            audits=audits,
        ),
    )
    where = settings.address
    say(as_json, {"address": where}, f"reviewer's pages: {where} (Ctrl-C stops)")
    raise typer.Exit(run(url, settings))
