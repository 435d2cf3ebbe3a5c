"""The process that serves the pages; `ui.launch` starts it."""

from __future__ import annotations

import gc
import importlib
import os

import uvicorn
from streamlit.web.bootstrap import load_config_options

from triage.store import URL_VARIABLE, open_store
from ui.launch import SETTINGS_VARIABLE
from ui.serving.application import build_application
from ui.serving.settings import ServingSettings
from ui.settings import streamlit_options

_LONGEST_STOP = 5
"""Seconds that requests under way have when the server is told to stop."""
_LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes of one message that a browser sends; files come by other requests."""
_PAGES = "ui.navigation"
"""Imports every page."""


def main() -> None:
    """Serve until the process is told to stop; requests under way are answered first."""
    settings = ServingSettings.from_json(os.environ[SETTINGS_VARIABLE])
    load_config_options(streamlit_options(take_files=settings.uploads is not None))
    store = open_store(os.environ[URL_VARIABLE])
    load_pages()
    try:
        # Not by `App.run`: it sets neither a longest stop nor whom the server believes to be a
        # proxy, which `ui.serving.access` decides.
        uvicorn.run(
            build_application(store, settings),
            host=settings.host,
            port=settings.port,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
            ws="websockets-sansio",
            ws_max_size=_LARGEST_MESSAGE,
            ws_ping_interval=30,
            ws_ping_timeout=30,
            timeout_graceful_shutdown=_LONGEST_STOP,
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_level="warning",
        )
    finally:
        store.close()


def load_pages() -> None:
    """Import the pages before the first reader waits for them, and spare the collector.

    Streamlit collects garbage of all generations after every run of a page, and everybody waits
    meanwhile. What is imported stays until the process ends, so it need not be looked through.
    """
    importlib.import_module(_PAGES)
    gc.collect()
    gc.freeze()
