"""The files of audits, as a browser gets them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.ui.make_accounts import PASSWORD, account
from tests.ui.make_audits import fill_audits, plan, report, write_audit
from tests.ui.served import CHEAP, served, submit
from triage.accounts import Role
from triage.store import Store, open_store
from ui.serving.settings import ServingSettings

PEOPLE = {
    "Gus": Role.GOVERNANCE,
    "Ann": Role.SENIOR_READER,
    "Bob": Role.READER,
    "Eve": Role.ENGINEER,
    "Ida": Role.ADMINISTRATOR,
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("triage.accounts.passwords.parameters", lambda: CHEAP)
        path = tmp_path_factory.mktemp("audit-files") / "a.db"
        store = open_store(f"sqlite:///{path}", create=True)
        for name, role in PEOPLE.items():
            account(store, name, role, password=PASSWORD)
        store.close()
    return path


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copy(template, tmp_path / "a.db")
    opened = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "audits"
    fill_audits(made)
    return made


@pytest.fixture
def client(store: Store, tmp_path: Path, folder: Path) -> Iterator[TestClient]:
    with served(store, tmp_path, ServingSettings(audits=folder)) as opened:
        yield opened


def signed_in(client: TestClient, name: str) -> TestClient:
    assert submit(client, name=name).status_code == 303
    return client


@pytest.mark.parametrize("name", ["report.pdf", "report.json", "audit.zip"])
def test_files_are_saved_whole(client: TestClient, folder: Path, name: str) -> None:
    answer = signed_in(client, "Gus").get(f"/audit-files/half-year/{name}")
    assert answer.status_code == 200
    assert answer.content == (folder / "half-year" / name).read_bytes()
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_report_is_shown_in_a_sandbox(client: TestClient) -> None:
    answer = signed_in(client, "Gus").get("/audit-files/half-year/report.html")
    assert answer.headers["content-disposition"].startswith("inline")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox;")
    assert "allow-scripts" not in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("name", ["Ann", "Bob", "Eve", "Ida"])
def test_other_roles_get_none(client: TestClient, name: str) -> None:
    answer = signed_in(client, name).get("/audit-files/half-year/report.json")
    assert answer.status_code == 403
    assert "permission audit" in answer.text
    assert "Demo skin system" not in answer.text


def test_without_a_session_there_is_nothing(client: TestClient) -> None:
    answer = client.get("/audit-files/half-year/report.json")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=")


@pytest.fixture
def outside(folder: Path, tmp_path: Path) -> Path:
    """A report beside the folder, to which a link in the folder leads."""
    write_audit(tmp_path, "outside", report(plan(), []))
    (folder / "outside").symlink_to(tmp_path / "outside")
    return tmp_path / "outside"


@pytest.mark.parametrize(
    "path",
    [
        "half-year/secret.txt",
        "half-year/report.md",
        "absent/report.json",
        "outside/report.json",
        "half-year/report.json%0a",
    ],
)
def test_nothing_else_is_given_out(client: TestClient, outside: Path, path: str) -> None:
    answer = signed_in(client, "Gus").get(f"/audit-files/{path}")
    assert answer.status_code == 404
    assert "schema_version" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "../audits/half-year/report.json",
        "%2e%2e/report.json",
        "..%2foutside/report.json",
        "%2e%2e%2foutside/report.json",
        "half-year/..%2f..%2fa.db",
        "half-year/%2e%2e%2fbroken.yaml",
        "./report.json",
        "half-year%00/report.json",
    ],
)
def test_no_path_leads_out_of_the_folder(client: TestClient, outside: Path, path: str) -> None:
    answer = signed_in(client, "Gus").get(f"/audit-files/{path}")
    assert "content-disposition" not in answer.headers  # no file, whoever answers
    assert "schema_version" not in answer.text
    assert "SQLite" not in answer.text


def test_a_link_or_a_pipe_in_the_folder_is_no_file_of_it(
    client: TestClient, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    signed_in(client, "Gus")
    place = folder / "half-year"
    (place / "report.pdf").unlink()
    (place / "report.pdf").symlink_to(tmp_path / "secret")
    (place / "audit.zip").unlink()
    os.mkfifo(place / "audit.zip")
    for name in ("report.pdf", "audit.zip"):
        assert client.get(f"/audit-files/half-year/{name}").status_code == 404


def test_a_server_without_a_folder_has_none(store: Store, tmp_path: Path) -> None:
    with served(store, tmp_path) as client:
        answer = signed_in(client, "Gus").get("/audit-files/half-year/report.json")
    assert answer.status_code == 404
