"""What is answered without a session, under which host names, and with which headers."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit.runtime import Runtime

from tests.ui.served import (
    ADDRESS,
    STREAM,
    served,
    submit,
    websocket_is_open,
)
from triage.store import Store
from ui.serving.application import build_application
from ui.serving.hosts import AllowedHosts
from ui.serving.settings import ServingSettings

NAVIGATION = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}


# Without a session


@pytest.mark.parametrize("path", ["/", "/?case=3", "/page", "/index.html", "/favicon.png"])
def test_a_page_leads_to_signing_in(outsider: TestClient, path: str) -> None:
    answer = outsider.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=%2F")
    assert answer.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/media/0123.png",
        "/static/js/index.js",
        "/component/a/b.js",
        "/_stcore/host-config",
        "/_stcore/metrics",
        "/_stcore/upload_file/a/b",
        "/_stcore/bidi-components/a/b.js",
        "/_stcore/agent/openapi.json",
        "/session",
        "/assets/session.js",
        "/_stcore/stream",
    ],
)
@pytest.mark.parametrize("cookie", ["", "triage_session=" + "x" * 43])
def test_a_file_is_refused(outsider: TestClient, path: str, cookie: str) -> None:
    answer = outsider.get(path, headers={"cookie": cookie})
    assert answer.status_code == 401
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(outsider: TestClient, method: str) -> None:
    assert outsider.request(method, "/").status_code == 401


@pytest.mark.parametrize("path", ["/_stcore/stream", "/login", "/_stcore/health", "/elsewhere"])
def test_the_websocket_is_refused(outsider: TestClient, path: str) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        outsider.websocket_connect(
            f"ws://127.0.0.1:8501{path}", headers={"cookie": "triage_session=wrong"}
        ),
    ):
        pass
    assert refused.value.code == 1008


def test_what_needs_no_session(outsider: TestClient) -> None:
    assert outsider.get("/_stcore/health").status_code == 200
    assert outsider.get("/login").status_code == 200
    assert outsider.get("/assets/sign_in.css").status_code == 200
    assert outsider.get("/logout").headers["location"] == "/login"


@pytest.mark.parametrize("path", ["//login", "/login/", "/login/../media/a", "/LOGIN", "/login%2f"])
def test_no_other_spelling_of_a_public_path_is_public(outsider: TestClient, path: str) -> None:
    assert outsider.get(f"{ADDRESS}{path}").status_code in (303, 401)


def test_the_addresses_of_oidc_are_public_only_with_a_provider(outsider: TestClient) -> None:
    for path in ("/oidc/sign-in", "/oidc/callback"):
        assert outsider.get(path).headers["location"].startswith("/login?next=")


# Other origins

FOREIGN = (
    "http://evil.example",
    "http://127.0.0.1:3000",
    "http://localhost:8501",
    "https://127.0.0.1:8501",
    "http://127.0.0.1:8501.evil.example",
    "http://[",
    "null",
    "",
)


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_origin_reaches_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    """Cookies are sent whatever the port, so each other program with a web page would have them."""
    asked: list[object] = []
    monkeypatch.setattr("streamlit.net_util.get_external_ip", lambda: asked.append(1))
    submit(client)
    headers = {"origin": origin}
    for path in ("/", "/session", "/media/a.png", "/_stcore/host-config", "/_stcore/health"):
        assert client.get(path, headers=headers).status_code == 403
    assert client.put("/_stcore/upload_file/a/b", headers=headers).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(STREAM, subprotocols=["streamlit"], headers=headers),
    ):
        pass
    assert asked == []  # the address of this computer was asked of no server on the internet
    assert websocket_is_open(client)


# Hosts and proxies


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8501", 200),
        ("localhost:8501", 200),
        ("LOCALHOST", 200),
        ("[::1]:8501", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example:8501", 400),
        ("evil.example@127.0.0.1", 400),
        ("192.0.2.7", 400),
        ("127.0.0.1:x", 400),
        ("", 400),
    ],
)
def test_the_host_header_on_loopback(outsider: TestClient, host: str, status: int) -> None:
    assert outsider.get("/login", headers={"host": host}).status_code == status


def test_the_host_header_of_a_websocket(client: TestClient) -> None:
    submit(client)
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(STREAM, headers={"host": "evil.example"}),
    ):
        pass


@pytest.mark.parametrize(
    ("settings", "host", "allowed"),
    [
        (ServingSettings(public_host="triage.example"), "triage.example", True),
        (ServingSettings(public_host="triage.example"), "other.example", False),
        (ServingSettings(public_host="triage.example"), "192.0.2.7:8501", True),
        (ServingSettings(certificate_names=("a.example", "*.b.example")), "a.example", True),
        (ServingSettings(certificate_names=("a.example", "*.b.example")), "x.b.example", True),
        (ServingSettings(certificate_names=("a.example", "*.b.example")), "x.y.b.example", False),
        (ServingSettings(certificate_names=("a.example", "*.b.example")), "b.example", False),
        (ServingSettings(), "any.example", True),
    ],
)
def test_the_host_header_on_every_address(
    settings: ServingSettings, host: str, allowed: bool
) -> None:
    settings = replace(settings, host="0.0.0.0", behind_tls_proxy=True)
    assert AllowedHosts(settings).allow(host) == allowed


def test_behind_a_proxy_only_the_proxy_is_answered(store: Store, tmp_path: Path) -> None:
    settings = ServingSettings(
        host="0.0.0.0", behind_tls_proxy=True, trusted_proxy="192.0.2.9", public_host="a.example"
    )
    with served(store, tmp_path, settings, "http://a.example") as client:
        assert client.get("/login").status_code == 200
        https = client.get("/login", headers={"x-forwarded-proto": "https"})
        assert https.status_code == 200
        assert client.get("/login", headers={"x-forwarded-proto": "http"}).status_code == 400
    for peer, status in (("192.0.2.9", 200), ("192.0.2.10", 400)):
        Runtime._instance = None
        app = build_application(store, settings, tmp_path / "page.py")
        with TestClient(app, base_url="http://a.example", client=(peer, 1)) as other:
            forged = {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https"}
            assert other.get("/login", headers=forged).status_code == status


# Headers


def test_security_headers(client: TestClient) -> None:
    submit(client)
    for path in ("/", "/logout", "/media/a.png", "/_stcore/health", "/session"):
        _check_headers(client.get(path).headers)


def test_with_tls_streamlits_cookie_is_secure_too(store: Store, tmp_path: Path) -> None:
    settings = ServingSettings(behind_tls_proxy=True)
    with served(store, tmp_path, settings, "https://127.0.0.1") as client:
        (cookie,) = client.get("/_stcore/health").headers.get_list("set-cookie")
        assert cookie.startswith("_streamlit_xsrf=")
        assert cookie.endswith("; Secure")


def _check_headers(headers: httpx.Headers) -> None:
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy.partition("style-src")[0]


def test_the_page_for_signing_in_loads_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/login")
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert re.findall(r'(?:href|src)="([^"]+)"', answer.text) == ["data:,", "/assets/sign_in.css"]
    assert 'autocomplete="username"' in answer.text
    assert 'autocomplete="current-password"' in answer.text
    assert '<label for="name">' in answer.text
    assert '<label for="password">' in answer.text
    assert "#164a6f" in client.get("/assets/sign_in.css").text
