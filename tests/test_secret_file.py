"""Secrets in files that the environment names, and the case database that they lead to."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.errors import StoreError
from triage.secret_file import secret_from_file
from triage.store.location import (
    PASSWORD_FILE_VARIABLE,
    URL_FILE_VARIABLE,
    URL_VARIABLE,
    resolve_url,
    shown_url,
)

VARIABLE = "TRIAGE_TEST_SECRET_FILE"
SERVER = "postgresql://triage@db/clinic"
WITH_DRIVER = SERVER.replace("postgresql", "postgresql+psycopg")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (URL_VARIABLE, URL_FILE_VARIABLE, PASSWORD_FILE_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def named(monkeypatch: pytest.MonkeyPatch, variable: str, folder: Path, content: bytes) -> Path:
    path = folder / variable.lower()
    path.write_bytes(content)
    monkeypatch.setenv(variable, str(path))
    return path


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"  a b \n", "  a b "),
        ("é\n".encode(), "é"),
    ],
)
def test_a_secret_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, secret: str
) -> None:
    named(monkeypatch, VARIABLE, tmp_path, content)
    assert secret_from_file(VARIABLE, "thing", StoreError) == secret


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_there_is_none(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, value)
    assert secret_from_file(VARIABLE, "thing", StoreError) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"CANARY\nCANARY\n", b"CANARY\xff"])
def test_what_is_no_line_is_refused_without_quoting_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    named(monkeypatch, VARIABLE, tmp_path, content)
    with pytest.raises(StoreError) as refused:
        secret_from_file(VARIABLE, "thing", StoreError)
    assert "CANARY" not in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for place in (tmp_path / "none", tmp_path):
        monkeypatch.setenv(VARIABLE, str(place))
        with pytest.raises(StoreError, match="file with the thing"):
            secret_from_file(VARIABLE, "thing", StoreError)


def test_the_url_of_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named(monkeypatch, URL_FILE_VARIABLE, tmp_path, b"postgresql://triage:CANARY@db/clinic\n")
    url = resolve_url(None)
    assert url.password == "CANARY"
    assert "CANARY" not in shown_url(url)
    assert resolve_url("sqlite:///given.db").database == "given.db", "--db comes first"


def test_two_variables_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named(monkeypatch, URL_FILE_VARIABLE, tmp_path, b"sqlite:///CANARY.db")
    monkeypatch.setenv(URL_VARIABLE, SERVER)
    with pytest.raises(StoreError, match="Both variables") as refused:
        resolve_url(None)
    assert "CANARY" not in str(refused.value)
    assert resolve_url(SERVER).host == "db"


def test_a_file_that_holds_no_url_is_not_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named(monkeypatch, URL_FILE_VARIABLE, tmp_path, b"CANARY and no URL")
    with pytest.raises(StoreError, match="not a database URL") as refused:
        resolve_url(None)
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize("password", ["plain", "a@b:c/d%e?f#g", "ünïcode und Leerzeichen"])
def test_the_password_of_a_file_joins_a_url_without_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, password: str
) -> None:
    named(monkeypatch, PASSWORD_FILE_VARIABLE, tmp_path, f"{password}\n".encode())
    for text in (SERVER, WITH_DRIVER):
        url = resolve_url(text)
        assert url.password == password
        # The page's process gets the whole URL as text.
        assert resolve_url(url.render_as_string(hide_password=False)) == url
        assert password not in shown_url(url)


def test_a_password_in_the_url_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named(monkeypatch, PASSWORD_FILE_VARIABLE, tmp_path, b"of the file")
    assert resolve_url("postgresql://triage:own@db/clinic").password == "own"
    assert resolve_url("postgresql://triage@db/clinic?password=own").password is None
    assert resolve_url("sqlite:///a.db").password is None, "SQLite has none"
