"""Signing in through an OpenID Connect provider, a mock of one on this computer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from oidc_provider_mock import run_server_in_thread
from starlette.testclient import TestClient

from tests.ui.make_accounts import ADMINISTRATOR, account
from tests.ui.served import ADDRESS, served
from triage.accounts.accounts import disable_account, find_account
from triage.accounts.sessions import session_of
from triage.errors import SpecError, UsageError
from triage.store import Store, events, open_store
from ui.serving.oidc_settings import (
    SECRET_FILE_VARIABLE,
    SECRET_VARIABLE,
    client_secret,
    load_oidc_settings,
)
from ui.serving.oidc_sign_in import OidcSignIn
from ui.serving.settings import ServingSettings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:authlib.*")
REFUSED = "Signing in was refused"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Issuer of a provider that runs on this computer."""
    with run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def settings(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServingSettings:
    monkeypatch.setenv(SECRET_VARIABLE, "a secret")
    return _settings(tmp_path, provider)


def _settings(folder: Path, issuer: str) -> ServingSettings:
    path = folder / "oidc.yaml"
    path.write_text(
        f"issuer: {issuer}\nclient_id: triage\nscopes: [openid, profile]\nname: The clinic\n"
    )
    return ServingSettings(oidc=path)


@pytest.fixture
def store(tmp_path: Path, provider: str) -> Iterator[Store]:
    """With Ann's account at the provider."""
    opened = open_store(f"sqlite:///{tmp_path / 'a.db'}", create=True)
    account(opened, "Ann", issuer=provider)
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store, tmp_path: Path, settings: ServingSettings) -> Iterator[TestClient]:
    with served(store, tmp_path, settings) as opened:
        yield opened


def _at_provider(start: httpx.Response, subject: str) -> str:
    """Answer the provider's form as a person would; return where it leads back to."""
    assert start.status_code == 302, start.text
    answer = httpx.post(start.headers["location"], data={"sub": subject}, trust_env=False)
    assert answer.status_code == 302
    return answer.headers["location"]


def _sign_in(client: TestClient, subject: str = "Ann", wanted: str = "/?case=3") -> httpx.Response:
    return client.get(_at_provider(client.get("/oidc/sign-in", params={"next": wanted}), subject))


def test_who_has_an_account_signs_in(client: TestClient, store: Store) -> None:
    assert "Sign in with The clinic" in client.get("/login").text
    answer = _sign_in(client)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?case=3"
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if "triage_session" in c]
    assert "HttpOnly" in cookie
    assert client.get("/").status_code == 200
    assert session_of(store, client.cookies["triage_session"]).actor.name == "Ann"


def test_the_request_has_state_nonce_and_pkce(client: TestClient, provider: str) -> None:
    start = client.get("/oidc/sign-in")
    place = urlsplit(start.headers["location"])
    asked = {name: values[0] for name, values in parse_qs(place.query).items()}
    assert f"{place.scheme}://{place.netloc}" == provider
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{ADDRESS}/oidc/callback"
    assert asked["scope"] == "openid profile"
    assert all(len(asked[name]) >= 20 for name in ("state", "nonce", "code_challenge"))
    again = parse_qs(urlsplit(client.get("/oidc/sign-in").headers["location"]).query)
    assert all(again[name] != [asked[name]] for name in ("state", "nonce", "code_challenge"))


@pytest.mark.parametrize("subject", ["nobody", "Ann ", "ann"])
def test_who_has_no_account_is_refused(client: TestClient, subject: str) -> None:
    answer = _sign_in(client, subject)
    assert answer.status_code == 401
    assert REFUSED in answer.text
    assert "triage_session" not in client.cookies


def test_who_is_disabled_is_refused_with_the_same_words(client: TestClient, store: Store) -> None:
    expected = _sign_in(client, "nobody")
    administrator = find_account(store, ADMINISTRATOR)
    assert administrator is not None
    disable_account(store, "Ann", by=administrator.actor)
    answer = _sign_in(client)
    assert (answer.status_code, REFUSED in answer.text) == (expected.status_code, True)
    assert "triage_session" not in client.cookies


def test_an_account_of_another_issuer_is_another_person(client: TestClient, store: Store) -> None:
    account(store, "Ben")  # the same subject, of another provider
    assert _sign_in(client, "Ben").status_code == 401


def test_an_answer_for_another_browser_is_refused(client: TestClient) -> None:
    back = _at_provider(client.get("/oidc/sign-in"), "Ann")
    client.cookies.clear()
    assert client.get(back).status_code == 401
    client.get("/oidc/sign-in")  # a request of its own, with another state
    answer = client.get(back)
    assert answer.status_code == 401
    assert "triage_session" not in client.cookies


def test_an_answer_counts_once(client: TestClient) -> None:
    back = _at_provider(client.get("/oidc/sign-in"), "Ann")
    assert client.get(back).status_code == 303
    assert client.get(back).status_code == 401


@pytest.mark.parametrize(
    "query", ["", "?code=x&state=y", "?error=access_denied&state=y", "?state=", "?code=%00"]
)
def test_a_forged_answer_is_refused(client: TestClient, query: str) -> None:
    client.get("/oidc/sign-in")
    answer = client.get(f"/oidc/callback{query}")
    assert answer.status_code == 401
    assert REFUSED in answer.text


@pytest.mark.parametrize(
    ("claim", "value"),
    [("nonce", "another"), ("aud", "another client"), ("iss", "https://evil.example"), ("exp", 1)],
)
def test_an_id_token_with_a_wrong_claim_is_refused(
    client: TestClient, provider: str, claim: str, value: object
) -> None:
    httpx.put(f"{provider}/users/Wrong", json={claim: value}, trust_env=False)
    account_of = _sign_in(client, "Wrong")
    assert account_of.status_code == 401
    httpx.put(f"{provider}/users/Ann", json={claim: value}, trust_env=False)
    try:
        assert _sign_in(client, "Ann").status_code == 401
    finally:
        httpx.put(f"{provider}/users/Ann", json={}, trust_env=False)
    assert _sign_in(client, "Ann").status_code == 303


def test_it_leads_to_these_pages_only(client: TestClient) -> None:
    assert _sign_in(client, wanted="https://evil.example/").headers["location"] == "/"


def test_proving_again_who_one_is(client: TestClient, store: Store, provider: str) -> None:
    assert client.get("/oidc/reauthenticate").status_code == 303  # to the page for signing in
    _sign_in(client)
    token = client.cookies["triage_session"]
    assert session_of(store, token).reauthenticated_at is None

    start = client.get("/oidc/reauthenticate?next=/?sign=1")
    asked = parse_qs(urlsplit(start.headers["location"]).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    for auth_time in (None, int(time.time()) - 3600, "soon"):
        httpx.put(f"{provider}/users/Ann", json={"auth_time": auth_time}, trust_env=False)
        back = _at_provider(client.get("/oidc/reauthenticate"), "Ann")
        assert client.get(back).status_code == 401
        assert session_of(store, token).reauthenticated_at is None

    for subject in ("Ben", "Ann"):
        claims = {"auth_time": int(time.time())}
        httpx.put(f"{provider}/users/{subject}", json=claims, trust_env=False)
    back = _at_provider(client.get("/oidc/reauthenticate"), "Ben")
    assert client.get(back).status_code == 401
    assert session_of(store, token).reauthenticated_at is None
    back = _at_provider(client.get("/oidc/reauthenticate?next=/?sign=1"), "Ann")
    answer = client.get(back)
    assert answer.headers["location"] == "/?sign=1"
    assert client.cookies["triage_session"] == token
    assert session_of(store, token).reauthenticated_at is not None
    with store.reading() as session:
        assert "signed_in" in [event.kind for event in events(session)]


def test_a_provider_that_cannot_be_reached(
    store: Store, tmp_path: Path, settings: ServingSettings
) -> None:
    with served(store, tmp_path, _settings(tmp_path, "http://localhost:1")) as client:
        answer = client.get("/oidc/sign-in")
        assert answer.status_code == 503
        assert "cannot be reached" in answer.text


def test_a_description_of_another_issuer_is_refused(
    store: Store, tmp_path: Path, settings: ServingSettings, provider: str
) -> None:
    other = _settings(tmp_path, provider.replace("localhost", "127.0.0.1") + "/")
    with served(store, tmp_path, other) as client:
        assert client.get("/oidc/sign-in").status_code == 503


def test_nothing_is_asked_of_the_provider_before_somebody_signs_in(
    store: Store, tmp_path: Path, settings: ServingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> None:
        pytest.fail("the provider was asked")

    monkeypatch.setattr(OidcSignIn, "_require_issuer", asked)
    monkeypatch.setattr("httpx.AsyncClient.send", asked)
    with served(store, tmp_path, settings) as client:
        assert client.get("/login").status_code == 200


def test_with_a_provider_there_is_no_local_user(tmp_path: Path, settings: ServingSettings) -> None:
    empty = open_store(f"sqlite:///{tmp_path / 'empty.db'}", create=True)
    with served(empty, tmp_path, settings) as client:
        answer = client.get("/login", headers={"sec-fetch-site": "none"})
        assert answer.status_code == 200
        assert "without a password" not in answer.text
    empty.close()


# Settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("issuer: http://idp.example\nclient_id: a\n", "https"),
        ("issuer: idp.example\nclient_id: a\n", "URL"),
        ("issuer: https://idp.example?x=1\nclient_id: a\n", "URL"),
        ("issuer: https://idp.example\n", "client_id"),
        ("issuer: https://idp.example\nclient_id: a\nclient_secret: s\n", "client_secret"),
        ("- a\n", "mapping"),
    ],
)
def test_bad_settings_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "oidc.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=said):
        load_oidc_settings(path)


def test_the_secret_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    with pytest.raises(UsageError, match=SECRET_VARIABLE):
        client_secret()
    secret = tmp_path / "secret"
    secret.write_text("of the file\n")
    monkeypatch.setenv(SECRET_FILE_VARIABLE, str(secret))
    assert client_secret() == "of the file"
    monkeypatch.setenv(SECRET_VARIABLE, "s")
    assert client_secret() == "s"
