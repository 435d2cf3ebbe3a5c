"""The verb that offers metrics to Prometheus."""

from __future__ import annotations

import ipaddress
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import Db, Json, say
from triage.errors import UsageError
from triage.extras import require_extra


def metrics(
    db: Db = None,
    host: Annotated[
        str,
        typer.Option("--host", help="Address to listen on; others than loopback are refused."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port.")] = 9464,
    trusted_network: Annotated[
        bool,
        typer.Option(
            "--trusted-network",
            help="Listen on another address: only Prometheus can reach that network.",
        ),
    ] = False,
    checkpoints: Annotated[
        Path | None, typer.Option("--checkpoints", help="File of the ledger's checkpoints.")
    ] = None,
    refresh: Annotated[
        float, typer.Option("--refresh", min=1.0, help="Seconds between two counts of the cases.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Offer metrics to Prometheus until stopped: counts without anybody's identifiers.

    Example: triage metrics --db sqlite:///triage.db
    """
    require_extra("metrics", "The metrics")
    from prometheus_client import start_http_server

    from triage.monitoring.operating_metrics import OperatingMetrics
    from triage.store.location import resolve_url

    _require_loopback(host, trusted_network)
    resolve_url(db)  # a URL that is none is refused before the wait
    stop = threading.Event()
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, lambda *_: stop.set())
    offered = OperatingMetrics(db, checkpoints=checkpoints, refresh=refresh)
    try:
        server, thread = start_http_server(port, addr=host, registry=offered.registry())
    except (OSError, OverflowError):
        raise UsageError(
            "This address and port cannot be used.",
            where=f"{host}:{port}",
            hint="Give another --port, or a --host of this computer.",
        ) from None
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"
    say(as_json, {"address": address}, f"metrics: {address} (Ctrl-C stops)")
    sys.stdout.flush()
    try:
        stop.wait()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        offered.close()


def _require_loopback(host: str, trusted_network: bool) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if loopback:
        return
    if not trusted_network:
        raise UsageError(
            "Other computers could read the metrics here, which have neither sign-in nor TLS.",
            where=host,
            hint="Leave out --host, or add --trusted-network if only Prometheus reaches it.",
        )
    print(
        f"triage: whoever reaches {host} reads the metrics, without sign-in and TLS",
        file=sys.stderr,
    )
