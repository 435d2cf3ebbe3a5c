"""The process that serves the pages; `ui.launch` starts it."""

from __future__ import annotations

import os

from triage.store import URL_VARIABLE, open_store
from ui.launch import SETTINGS_VARIABLE
from ui.serving.application import build_application
from ui.serving.settings import ServingSettings
from ui.settings import streamlit_options


def main() -> None:
    """Serve until the process is told to stop; requests under way are answered first."""
    settings = ServingSettings.from_json(os.environ[SETTINGS_VARIABLE])
    store = open_store(os.environ[URL_VARIABLE])
    try:
        build_application(store, settings).run(config=streamlit_options(settings))
    finally:
        store.close()
