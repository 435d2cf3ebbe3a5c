"""Signing in and out of the application as it is served, forms of other sites, ended sessions."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from streamlit.runtime import Runtime

from tests.ui.make_accounts import ADMINISTRATOR, PASSWORD, account, session_for
from tests.ui.served import (
    ADDRESS,
    FROM_FORM,
    STREAM,
    form_token,
    served,
    submit,
    websocket_is_open,
)
from triage.accounts.accounts import disable_account, find_account
from triage.accounts.sessions import SessionExpired, session_of, sign_in_local, sign_out
from triage.store import Store
from triage.store.account_tables import LoginSessionRow
from triage.store.base import utc_now
from ui.serving import open_connections
from ui.serving.local_paths import local_path
from ui.serving.settings import ServingSettings

NAVIGATION = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}


# Signing in


def test_signing_in_opens_the_pages_and_the_websocket(client: TestClient) -> None:
    answer = submit(client, next="/?case=3")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?case=3"
    page = client.get("/")
    assert page.status_code == 200
    assert 'src="/assets/session.js"' in page.text
    assert client.get("/_stcore/host-config").status_code == 200
    assert client.get("/assets/session.js").status_code == 200
    assert websocket_is_open(client)
    assert client.get("/login?next=/x").headers["location"] == "/x"


def test_the_cookie(client: TestClient) -> None:
    (cookie,) = submit(client).headers.get_list("set-cookie")
    name, *attributes = cookie.split("; ")
    assert re.fullmatch(r"triage_session=[\w-]{43}", name)
    assert set(attributes) == {"HttpOnly", "Path=/", "SameSite=lax"}


def test_with_tls_the_cookie_is_secure_and_of_this_host_only(store: Store, tmp_path: Path) -> None:
    settings = ServingSettings(behind_tls_proxy=True, public_host="triage.example")
    with served(store, tmp_path, settings, "https://triage.example") as client:
        login = client.get("/login")
        assert "__Host-triage_form=" in login.headers["set-cookie"]
        assert "max-age=31536000" in login.headers["strict-transport-security"]
        token = form_token(client)
        answer = client.post(
            "/login",
            data={"name": "Ann", "password": PASSWORD, "form_token": token},
            headers={"origin": "https://triage.example"},
        )
        name, *attributes = answer.headers["set-cookie"].split("; ")
        assert name.startswith("__Host-triage_session=")
        assert set(attributes) == {"HttpOnly", "Path=/", "SameSite=lax", "Secure"}
        assert client.get("/").status_code == 200
        plain = name.removeprefix("__Host-")
        client.cookies.clear()
        assert client.get("/", headers={"cookie": plain}).status_code == 303


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "wrong"},
        {"name": "nobody"},
        {"name": "", "password": ""},
        {"name": "' OR 1=1 --"},
        {"name": "<script>alert(1)</script>"},
        {"name": "x" * 5000},
        {"name": ADMINISTRATOR},
        {"name": "Ann\x00"},
        {"password": "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")},
    ],
)
def test_every_refusal_is_the_same(outsider: TestClient, fields: dict[str, str]) -> None:
    answer = submit(outsider, **fields)
    assert answer.status_code == 401
    assert "The name or the password is not right" in answer.text
    assert "triage_form" in answer.headers["set-cookie"]
    assert "triage_session" not in answer.headers["set-cookie"]
    assert "script>alert" not in answer.text
    expected = submit(outsider, password="other").text
    assert _without_token(answer.text) == _without_token(expected)


def _without_token(text: str) -> str:
    return re.sub(r'value="\w{64}"', "", text)


def test_a_disabled_account_is_refused_with_the_same_words(
    client: TestClient, store: Store
) -> None:
    expected = _without_token(submit(client, password="wrong").text)
    administrator = find_account(store, ADMINISTRATOR)
    assert administrator is not None
    disable_account(store, "Ann", by=administrator.actor)
    assert _without_token(submit(client).text) == expected


def test_a_token_planted_before_signing_in_is_worth_nothing(
    client: TestClient, store: Store
) -> None:
    token = form_token(client)
    client.cookies.set("triage_session", "planted", domain="127.0.0.1", path="/")
    answer = submit(client, token)
    assert "planted" not in answer.headers["set-cookie"]
    with pytest.raises(SessionExpired):
        session_of(store, "planted")


def test_each_sign_in_has_a_token_of_its_own_and_ends_the_former_session(
    client: TestClient, store: Store
) -> None:
    token = form_token(client)
    submit(client, token)
    first = client.cookies["triage_session"]
    submit(client, token)
    second = client.cookies["triage_session"]
    assert first != second
    with pytest.raises(SessionExpired):
        session_of(store, first)
    assert session_of(store, second).actor.name == "Ann"


def test_two_cookies_of_one_name_are_none(client: TestClient, store: Store) -> None:
    token = session_for(store, "Ben")
    client.cookies.clear()
    good = f"triage_session={token}"
    assert client.get("/", headers={"cookie": good}).status_code == 200
    assert client.get("/", headers={"cookie": f"triage_session=x; {good}"}).status_code == 303


# Forms of other sites


def test_a_form_without_its_token_is_refused(client: TestClient) -> None:
    for token in ("", "0" * 64):
        answer = submit(client, token=token)
        assert answer.status_code == 403
        assert "no longer valid" in answer.text
        assert "triage_session" not in client.cookies


def test_a_token_of_another_browser_is_refused(client: TestClient) -> None:
    token = form_token(client)
    client.cookies.clear()
    assert submit(client, token=token).status_code == 403


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_a_form_of_another_site_is_refused(client: TestClient, path: str) -> None:
    submit(client)
    data = {"name": "Ann", "password": PASSWORD, "form_token": form_token(client, "/logout")}
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1:8501"},
        {"origin": "http://127.0.0.1:8502"},
    ):
        assert client.post(path, data=data, headers=headers).status_code == 403
    assert client.get("/").status_code == 200  # still signed in, as before


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=" + b"x" * 65536, "application/x-www-form-urlencoded", 413),
        (b'{"name": "Ann"}', "application/json", 415),
        (b"--x", "multipart/form-data; boundary=x", 415),
        ("&".join(f"a{n}=1" for n in range(30)).encode(), "application/x-www-form-urlencoded", 400),
        (b"name=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
    ],
)
def test_what_is_no_form_is_refused(
    outsider: TestClient, body: bytes, kind: str, status: int
) -> None:
    answer = outsider.post("/login", content=body, headers={**FROM_FORM, "content-type": kind})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        "/" + "x" * 3000,
        "/a\r\nSet-Cookie: x=1",
    ],
)
def test_signing_in_leads_to_these_pages_only(wanted: str) -> None:
    assert local_path(wanted) == "/"


def test_where_signing_in_leads(client: TestClient) -> None:
    token = form_token(client)
    assert submit(client, token, next="//evil.example").headers["location"] == "/"
    assert client.get("/login?next=https://evil.example").headers["location"] == "/"
    assert client.get("/login?next=/?case=3").headers["location"] == "/?case=3"


# The end of a session


def _end(store: Store, token: str, **values: object) -> None:
    from sqlalchemy import update

    from triage.hashing import hash_bytes

    with store.transaction() as session:
        session.execute(
            update(LoginSessionRow)
            .where(LoginSessionRow.token_sha256 == hash_bytes(token.encode()))
            .values(**values)
        )


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
def test_a_session_that_is_over_opens_nothing(
    client: TestClient, store: Store, column: str
) -> None:
    submit(client)
    _end(store, client.cookies["triage_session"], **{column: utc_now()})
    assert client.get("/media/a.png").status_code == 401
    assert client.get("/session").status_code == 401
    assert not websocket_is_open(client)
    # Streamlit's page asks for this before it connects again.
    assert client.get("/_stcore/host-config").status_code == 200
    answer = client.get("/")
    assert answer.status_code == 303
    assert "triage_session" not in client.cookies


def test_what_the_browser_fetches_is_no_use_of_the_session(
    client: TestClient, store: Store
) -> None:
    from sqlalchemy import select

    submit(client)

    def last_seen() -> object:
        with store.reading() as session:
            return session.scalar(select(LoginSessionRow.last_seen_at))

    before = last_seen()
    _end(store, client.cookies["triage_session"], last_seen_at=before)
    for path in ("/session", "/", "/media/a"):
        client.get(path)
    assert last_seen() == before


def _code_of_close(connection: WebSocketTestSession) -> int:
    """Receive until the server closes the connection."""
    while (message := connection.receive())["type"] != "websocket.close":
        pass
    return int(message["code"])


def test_an_open_websocket_ends_with_its_session(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_connections, "CHECK_SECONDS", 0.05)
    submit(client)
    with client.websocket_connect(STREAM, headers={"origin": ADDRESS}) as connection:
        sign_out(store, client.cookies["triage_session"])
        assert _code_of_close(connection) == open_connections.SESSION_ENDED


def test_no_message_is_taken_in_a_session_that_is_over(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_connections, "CHECK_SECONDS", 3600)
    taken: list[object] = []
    was_taken = threading.Event()

    def take(*given: object, **named: object) -> None:
        taken.append(given)
        was_taken.set()

    monkeypatch.setattr(Runtime, "handle_backmsg", take)
    submit(client)
    with client.websocket_connect(STREAM, headers={"origin": ADDRESS}) as connection:
        connection.send_bytes(b"")
        assert was_taken.wait(60)
        sign_out(store, client.cookies["triage_session"])
        connection.send_bytes(b"")
        assert _code_of_close(connection) == open_connections.SESSION_ENDED
    assert len(taken) == 1


def test_signing_out(client: TestClient, store: Store) -> None:
    submit(client)
    token = client.cookies["triage_session"]
    form = form_token(client, "/logout")
    answer = client.post("/logout", data={"form_token": form}, headers=FROM_FORM)
    assert answer.headers["location"] == "/login?signed_out=1"
    assert "triage_session" not in client.cookies
    assert client.get("/", headers={"cookie": f"triage_session={token}"}).status_code == 303
    assert "You are signed out" in client.get("/login?signed_out=1").text


# Without an account


def test_the_local_user_goes_on_without_a_password_until_there_is_an_account(
    empty: Store, tmp_path: Path
) -> None:
    with served(empty, tmp_path) as client:
        page = client.get("/login")
        assert "whoever uses this computer can go on" in page.text
        answer = client.get("/login?next=/?case=2", headers=NAVIGATION)
        assert answer.headers["location"] == "/?case=2"
        assert client.get("/").status_code == 200
        assert client.get("/session").json() == {"account": "local"}
        assert websocket_is_open(client)
        account(empty, "Ann", password=PASSWORD)
        assert client.get("/").status_code == 303
        assert not websocket_is_open(client)
        assert client.get("/login", headers=NAVIGATION).status_code == 200
        refused = submit(client, local="1")
        assert refused.status_code == 401
        assert submit(client).status_code == 303


def test_another_site_cannot_sign_the_local_user_in(empty: Store, tmp_path: Path) -> None:
    with served(empty, tmp_path) as client:
        for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {}):
            answer = client.get("/login", headers=headers)
            assert answer.status_code == 200
            assert "triage_session" not in client.cookies
        token = form_token(client)
        data = {"local": "1", "form_token": token}
        answer = client.post("/login", data=data, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403
        answer = client.post("/login", data=data, headers=FROM_FORM)
        assert answer.status_code == 303


def test_after_signing_out_the_local_user_is_asked(empty: Store, tmp_path: Path) -> None:
    with served(empty, tmp_path) as client:
        answer = client.get("/login?signed_out=1", headers=NAVIGATION)
        assert "Continue without a password" in answer.text


@pytest.mark.parametrize(
    "settings",
    [
        ServingSettings(host="0.0.0.0", behind_tls_proxy=True),
        ServingSettings(behind_tls_proxy=True),
        ServingSettings(host="192.0.2.1", tls_cert=Path("c"), tls_key=Path("k")),
    ],
)
def test_there_is_no_local_user_where_others_can_connect(
    empty: Store, tmp_path: Path, settings: ServingSettings
) -> None:
    token = sign_in_local(empty)
    with served(empty, tmp_path, settings, "https://127.0.0.1") as client:
        answer = client.get("/login", headers=NAVIGATION)
        assert "Continue without" not in answer.text
        data = {"local": "1", "form_token": form_token(client)}
        headers = {"sec-fetch-site": "same-origin"}
        assert client.post("/login", data=data, headers=headers).status_code == 401
        cookie = {"cookie": f"__Host-triage_session={token}"}
        assert client.get("/", headers=cookie).status_code == 303
