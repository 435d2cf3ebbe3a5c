"""The verbs on the case database, and what `score` says of cases that it refuses."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.pipelines.command import Command
from tests.store.make import scored
from tests.store.older import make_older
from tests.tiny import TinyBundle
from triage.store import open_store


@pytest.fixture
def db(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'cases.db'}"
    store = open_store(url, create=True)
    scored(store)
    store.close()
    return url


def test_check(triage: Command, db: str, tmp_path: Path) -> None:
    answer = triage("db", "check", "--db", db)
    assert answer.code == 0
    assert "no problem found" in answer.out
    with closing(sqlite3.connect(tmp_path / "cases.db")) as connection:
        connection.execute("DROP TRIGGER event_no_update")
        connection.commit()
    answer = triage("db", "check", "--db", db, "--json")
    assert answer.code == 4
    (problem,) = answer.json["problems"]
    assert "event_no_update" in problem
    assert answer.json["rows"]["case"] == 1
    assert triage("db", "check", "--db", f"sqlite:///{tmp_path / 'none.db'}").code == 2


def test_back_up_upgrade_and_restore(triage: Command, tmp_path: Path) -> None:
    """As the refusal of a database of an earlier release advises."""
    url, copy = f"sqlite:///{tmp_path / 'old.db'}", tmp_path / "backup" / "old.db"
    make_older(url, "0003")
    assert triage("db", "check", "--db", url).code == 4
    assert triage("db", "backup", "--db", url, "--to", copy).code == 0
    assert triage("db", "backup", "--db", url, "--to", copy).code == 2
    assert triage("db", "upgrade", "--db", url).code == 0
    assert triage("db", "check", "--db", url).code == 0
    assert triage("db", "restore", "--db", url, "--from", copy).code == 2
    answer = triage("db", "restore", "--db", url, "--from", copy, "--overwrite", "--json")
    assert (answer.code, answer.json["from"]) == (0, str(copy))
    assert triage("db", "check", "--db", url).code == 4  # of the earlier release again
    assert triage("db", "upgrade", "--db", url).code == 0


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_score_refuses_a_database_that_keeps_nothing(
    url: str, triage: Command, tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    answer = triage(
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", out, "--db", url,
    )  # fmt: skip
    assert answer.code == 2
    assert "in memory" in answer.err
    assert not out.exists()


def test_score_lists_the_cases_that_the_database_refuses(
    triage: Command, tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    out, db = tmp_path / "out.parquet", f"sqlite:///{tmp_path / 'cases.db'}"
    verb = (
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", out, "--db", db,
    )  # fmt: skip
    assert triage(*verb).code == 0
    kept = (inbox.parent / "0.png").read_bytes()
    (inbox.parent / "0.png").write_bytes((inbox.parent / "1.png").read_bytes())
    answer = triage(*verb, "--json")
    assert answer.code == 3
    assert answer.json["stored"] == 4
    (line,) = answer.json["not_stored"]
    assert line.startswith("a: case ")
    assert "other images" in line
    listed = tmp_path / "out.parquet.not_stored.csv"
    with listed.open(newline="") as stream:
        assert [row["case_id"] for row in csv.DictReader(stream)] == ["a"]
    assert "1 cases refused by the database" in triage(*verb).out
    (inbox.parent / "0.png").write_bytes(kept)
    assert triage(*verb).code == 0
    assert not listed.exists()
