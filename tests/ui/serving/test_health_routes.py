"""The checks of supervisors: without a session, without identifiers, and not for everybody."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.store.make import bundle
from tests.ui.served import served
from triage.errors import StoreError
from triage.monitoring.database_readiness import DatabaseReadiness, Standing
from triage.store import Store, register_bundle, set_champion
from ui.serving.settings import ServingSettings

NOT_READY = {"database": "ok", "tables": "ok", "champion": "none"}


@pytest.fixture(autouse=True)
def _ask_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.serving.health_routes._KEPT_S", 0.0)


def test_alive_says_nothing_of_the_database(
    store: Store, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.serving.health_routes.readiness_of", lambda _: 1 / 0)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})
    assert client.get("/healthz", headers={"host": "any.example"}).status_code == 200


def test_ready_once_the_champion_is_there(store: Store, client: TestClient, tmp_path: Path) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "parts": NOT_READY})
    folder = tmp_path / "CANARY"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    with store.transaction() as session:
        set_champion(session, register_bundle(session, bundle(path=str(folder))))
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "parts": {**NOT_READY, "champion": "ok"}}
    assert "CANARY" not in answer.text
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert client.get("/readyz").json()["parts"]["tables"] == "other release"


def test_an_answer_is_given_again_for_a_while(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("ui.serving.health_routes._KEPT_S", 3600.0)
    monkeypatch.setattr(
        "ui.serving.health_routes.readiness_of",
        lambda store: asked.append(store) or DatabaseReadiness(*[Standing.OK] * 3),
    )
    assert [client.get("/readyz").status_code for _ in range(5)] == [200] * 5
    assert len(asked) == 1


def test_a_database_that_hangs_is_unreachable(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.serving.health_routes._LONGEST_S", 0.05)
    monkeypatch.setattr("ui.serving.health_routes.readiness_of", lambda _: time.sleep(0.5))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["database"] == "unreachable"


@pytest.mark.parametrize(
    "header",
    [
        {"x-forwarded-for": "203.0.113.5"},
        {"x-forwarded-proto": "https"},
        {"forwarded": "for=203.0.113.5"},
        {"via": "1.1 proxy"},
    ],
)
def test_what_a_proxy_passed_on_is_not_answered(
    outsider: TestClient, header: dict[str, str]
) -> None:
    answer = outsider.get("/readyz", headers=header)
    assert (answer.status_code, answer.text) == (404, "Not found.")


def test_readiness_is_for_this_computer(store: Store, tmp_path: Path) -> None:
    settings = ServingSettings(
        host="0.0.0.0",
        behind_tls_proxy=True,
        trusted_proxy="10.0.0.2",
        public_host="triage.example",
    )
    with served(store, tmp_path, settings) as client:
        for peer, code in (("10.0.0.2", 404), ("127.0.0.1", 503), ("::1", 503), ("10.0.0.3", 400)):
            asked = TestClient(client.app, base_url="http://127.0.0.1:8501", client=(peer, 5000))
            assert asked.get("/readyz").status_code == code, peer
            assert asked.get("/healthz").status_code == 200, peer


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_checks_are_asked_for_only(outsider: TestClient, path: str) -> None:
    assert outsider.post(path).status_code == 405
    answer = outsider.get(path)
    assert answer.headers["cache-control"] == "no-store"
    assert outsider.get(path, headers={"origin": "https://evil.example"}).status_code == 403
    assert outsider.get(f"{path}/more").status_code in (303, 404)


def test_another_host_name_learns_nothing(outsider: TestClient) -> None:
    assert outsider.get("/readyz", headers={"host": "evil.example"}).status_code == 400


def test_a_database_that_is_away_is_told_in_words(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As while PostgreSQL restarts: no traceback, and the same request succeeds afterwards."""

    def away(*_: object, **__: object) -> None:
        raise StoreError("The server of the database is not reachable.", where="CANARY")

    client.cookies.set("triage_session", "0" * 43)
    with monkeypatch.context() as patch:
        patch.setattr("ui.serving.sessions.session_of", away)
        page, step = client.get("/", follow_redirects=False), client.post("/api/steps/1/lock")
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream"):
            pass
    assert (page.status_code, page.headers["retry-after"]) == (503, "10")
    assert page.text.startswith("The case database does not answer.")
    assert (step.status_code, step.json()["refused"]["code"]) == (503, "store")
    assert "CANARY" not in page.text + step.text
    assert "not reachable" in capsys.readouterr().err
    assert client.get("/", follow_redirects=False).status_code == 303
