"""The application as it is served, without a server: requests go to it directly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from argon2 import Parameters
from argon2.low_level import Type
from starlette.testclient import TestClient
from streamlit.runtime import Runtime

from tests.ui.make_accounts import PASSWORD
from triage.store import Store
from ui.serving.application import build_application
from ui.serving.settings import ServingSettings

ADDRESS = "http://127.0.0.1:8501"
FROM_FORM = {"sec-fetch-site": "same-origin", "origin": ADDRESS}
CHEAP = Parameters(Type.ID, 19, 16, 32, 1, 8, 1)
"""Of Argon2, for tests: `triage.accounts.passwords.parameters` is replaced by these."""


@contextmanager
def served(
    store: Store, folder: Path, settings: ServingSettings | None = None, address: str = ADDRESS
) -> Iterator[TestClient]:
    """The application without its server, and a client that follows no redirection."""
    script = folder / "page.py"
    script.write_text("import streamlit as st\nst.title('A page')\n")
    Runtime._instance = None  # Streamlit allows for one application a process
    app = build_application(store, settings or ServingSettings(), script)
    with TestClient(
        app, base_url=address, follow_redirects=False, client=("127.0.0.1", 5000)
    ) as client:
        yield client


def form_token(client: TestClient, path: str = "/login") -> str:
    found = re.search(r'name="form_token" value="(\w+)"', client.get(path).text)
    assert found is not None
    return found[1]


def submit(client: TestClient, token: str | None = None, **fields: str) -> httpx.Response:
    """Send the form for signing in, as Ann unless told otherwise."""
    given = {"name": "Ann", "password": PASSWORD, "next": "/"}
    given["form_token"] = form_token(client) if token is None else token
    return client.post("/login", data={**given, **fields}, headers=FROM_FORM)
