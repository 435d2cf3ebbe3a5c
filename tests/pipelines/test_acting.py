"""Once there are accounts, whatever acts on the record needs one with the permission."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from typer.main import get_command

from pipelines.cli import app
from tests.accounts.people import (
    ADMINISTRATOR,
    PASSWORD,
    add_administrator,
    cheap_hashing,
    happened,
)
from tests.pipelines.command import Answer, Command
from tests.pipelines.typed_input import pipe
from tests.store.migrated import migrated_url
from tests.tiny import TinyBundle
from triage.accounts import Role, passwords
from triage.accounts.accounts import add_account
from triage.accounts.passwords import hash_password
from triage.backups import back_up
from triage.learning.retraining.request import RetrainRequest
from triage.store import open_store
from triage.store.schema import _MIGRATIONS
from triage.vocabulary.event_types import EventType

READING = {
    "dataset diff",
    "dataset verify",
    "db check",
    "db backup",
    "db init",
    "health",
    "ledger checkpoint",
    "ledger verify",
    "metrics",
    "policy show",
    "registry diff",
    "registry list",
    "registry verify",
    "retrain-policy record",
    "ui",
    "user list",
}
"""Verbs that take --db and act on nothing."""


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "parameters", cheap_hashing)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """One account of each role, named like it."""
    with migrated_url("sqlite", tmp_path) as url:
        store = open_store(url)
        add_administrator(store)
        for role in Role:
            add_account(store, role.value, role, by=ADMINISTRATOR, password=PASSWORD)
        store.close()
        yield url


@pytest.fixture
def run(triage: Command, monkeypatch: pytest.MonkeyPatch):
    """Run a verb as an account, with its password or another on standard input."""

    def run_as(
        name: str | None, *arguments: str | Path, password: str = PASSWORD, **_: Any
    ) -> Answer:
        pipe(monkeypatch, password)
        if name is None:
            return triage(*arguments)
        return triage(*arguments, "--as", name, "--password-stdin")

    return run_as


def verbs(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, found in getattr(group, "commands", {}).items():
        if hasattr(found, "commands"):
            yield from verbs(found, (*path, name))
        else:
            yield " ".join((*path, name)), found


def test_every_verb_on_a_database_says_who_acts_or_only_reads() -> None:
    options = {
        verb: {option for parameter in found.params for option in parameter.opts}
        for verb, found in verbs(get_command(app))
    }
    on_a_database = {verb for verb, found in options.items() if "--db" in found}
    who = {verb for verb, found in options.items() if "--as" in found}
    assert on_a_database - READING == who
    assert {verb for verb, found in options.items() if "--password-stdin" in found} == who


def test_no_option_takes_a_password() -> None:
    for verb, found in verbs(get_command(app)):
        for parameter in found.params:
            if any("password" in option for option in parameter.opts):
                assert parameter.is_flag, verb


def test_score_names_who_added_the_cases(
    run, database: str, tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    verb = (
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", out, "--db", database,
    )  # fmt: skip
    answer = run(None, *verb)
    assert answer.code == 2
    assert "add_cases" in answer.err
    assert "Add --as NAME" in answer.err
    for name in ("reader", "senior_reader", "governance"):
        assert run(name, *verb).code == 2
    assert run("engineer", *verb, password="something else").code == 2
    assert not out.exists()
    store = open_store(database)
    assert happened(store, EventType.CASE_RECEIVED) == []
    assert run("engineer", *verb).code == 0
    kinds = (
        EventType.CASE_RECEIVED,
        EventType.IMAGES_CHECKED,
        EventType.CASE_SCORED,
        EventType.BUNDLE_REGISTERED,
        EventType.CHAMPION_SET,
    )
    made = happened(store, *kinds)
    store.close()
    assert {kind for _, kind, _ in made} == set(kinds)
    assert {actor for actor, _, _ in made} == {"engineer"}


def test_score_without_a_database_needs_nobody(
    run, tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    answer = run(
        None, "score", "--bundle", tiny_bundle.folder, "--manifest", inbox,
        "--root", inbox.parent, "--out", tmp_path / "out.parquet",
    )  # fmt: skip
    assert answer.code == 0


def test_retrain(run, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acted = []

    def retrain(request: RetrainRequest, *_: object, **__: object) -> object:
        acted.append(request.actor)
        raise KeyboardInterrupt

    monkeypatch.setattr("triage.learning.retraining.pipeline.retrain", retrain)
    verb = (
        "retrain", "--bundle", tmp_path, "--spec", "data_specs/derm_phantoms.yaml",
        "--root", tmp_path, "--policy", "data_specs/retrain_policy.yaml",
        "--out", tmp_path / "out", "--db", database,
    )  # fmt: skip
    for name in (None, "reader", "senior_reader", "governance", "administrator"):
        answer = run(name, *verb)
        assert answer.code == 2
        assert "change_models" in answer.err
    assert acted == []
    assert run("engineer", *verb).code == 130
    assert acted == ["engineer"]


def test_select(run, database: str, tmp_path: Path) -> None:
    for verb in (
        ("select", "--bundle", tmp_path, "--db", database),
        ("select", "--list", "--db", database),
    ):
        for name in (None, "reader", "senior_reader", "administrator"):
            answer = run(name, *verb)
            assert answer.code == 2
            assert "select_cases" in answer.err
    for name in ("engineer", "governance"):
        assert run(name, "select", "--list", "--db", database).code == 0


def test_report(run, database: str, tmp_path: Path) -> None:
    verb = (
        "report", "--bundle", tmp_path, "--spec", "data_specs/derm_phantoms.yaml",
        "--root", tmp_path, "--out", tmp_path / "out", "--db", database,
    )  # fmt: skip
    for name in (None, "reader", "engineer", "administrator"):
        answer = run(name, *verb)
        assert answer.code == 2
        assert "view_review_figures" in answer.err


def test_restore(run, database: str, tmp_path: Path) -> None:
    copy, other = tmp_path / "copy.db", f"sqlite:///{tmp_path / 'other.db'}"
    back_up(database, copy)
    verb = ("db", "restore", "--from", copy, "--overwrite")
    for name in (None, "reader", "engineer"):
        answer = run(name, *verb, "--db", database)
        assert answer.code == 2
        assert "manage_database" in answer.err
    assert run("Ada", *verb, "--db", database).code == 0
    assert run("Ada", *verb, "--db", other).code == 2  # there is no account to check it with
    assert run(None, *verb, "--db", other).code == 0


def test_a_checkpoint_needs_the_key_and_no_account(run, database: str, tmp_path: Path) -> None:
    key, out = tmp_path / "ledger.key", tmp_path / "ledger.jsonl"
    assert run(None, "ledger", "keygen", "--out", key).code == 0
    verb = ("ledger", "checkpoint", "--key", key, "--out", out, "--db", database)
    assert run(None, *verb).code == 0
    assert run(None, "ledger", "verify", "--db", database, "--checkpoints", out).code == 0


def test_changed_accounts_are_found_by_the_verification(run, database: str) -> None:
    assert run(None, "ledger", "verify", "--db", database).code == 0
    store = open_store(database)
    with store.transaction() as session:
        session.execute(text("UPDATE account SET role = 'administrator' WHERE name = 'reader'"))
    store.close()
    answer = run(None, "ledger", "verify", "--db", database)
    assert answer.code == 4
    assert "account 2: role is not what its events say" in answer.out


def test_a_damaged_database_can_be_restored(run, database: str, tmp_path: Path) -> None:
    copy, path = tmp_path / "copy.db", Path(database.removeprefix("sqlite:///"))
    back_up(database, copy)
    path.write_bytes(b"no database")
    answer = run(None, "db", "restore", "--from", copy, "--db", database, "--overwrite")
    assert "accounts" not in answer.err


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the migration that made accounts, with one of an administrator."""
    from tests.store.databases import database_url

    with database_url(request.param, tmp_path) as url:
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0009")
            for name, role, disabled in (
                ("Ada", "administrator", None),
                ("Rhea", "reader", None),
                ("Gone", "administrator", "2027-01-01 00:00:00"),
            ):
                connection.execute(
                    text(
                        "INSERT INTO account (name, name_key, printed_name, role, password_hash, "
                        "created_at, disabled_at) VALUES (:name, :key, :name, :role, :hash, "
                        "'2027-01-01 00:00:00', :disabled)"
                    ),
                    {
                        "name": name, "key": name.casefold(), "role": role,
                        "hash": hash_password(PASSWORD), "disabled": disabled,
                    },
                )  # fmt: skip
        engine.dispose()
        yield url


def test_upgrade(run, older: str) -> None:
    upgrade = ("db", "upgrade", "--db", older)
    answer = run(None, *upgrade)
    assert answer.code == 2
    assert "Add --as NAME" in answer.err
    for name, password in (
        ("Rhea", PASSWORD), ("Gone", PASSWORD), ("Nobody", PASSWORD), ("Ada", "wrong"),
        ("\x00", PASSWORD),
    ):  # fmt: skip
        assert run(name, *upgrade, password=password).code == 2
    assert run("Ada", *upgrade).code == 0
    assert run(None, *upgrade).code == 2  # of this release by now, and there is nothing to do
    assert run("ada", *upgrade).code == 0


def test_upgrade_of_a_database_without_accounts(run, tmp_path: Path) -> None:
    from tests.store.older import make_older

    url = f"sqlite:///{tmp_path / 'old.db'}"
    make_older(url, "0003")
    assert run("Ada", "db", "upgrade", "--db", url).code == 2
    assert run(None, "db", "upgrade", "--db", url).code == 0


def test_the_demo_leaves_a_database_with_accounts_alone(run, database: str, tmp_path: Path) -> None:
    place = tmp_path / "work" / "derm_phantoms"
    place.mkdir(parents=True)
    shutil.copyfile(database.removeprefix("sqlite:///"), place / "triage.db")
    answer = run(None, "demo", "--no-ui", "--workdir", tmp_path / "work")
    assert answer.code == 2
    assert "has accounts" in answer.err


def test_the_password_of_a_service_is_in_a_file(
    triage: Command, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("TRIAGE_PASSWORD_FILE", str(secret))
    assert triage("db", "upgrade", "--db", database, "--as", "Ada").code == 0
    secret.write_text("CANARY wrong\n")
    answer = triage("db", "upgrade", "--db", database, "--as", "Ada")
    assert (answer.code, "CANARY" in answer.err) == (2, False)
    secret.unlink()
    answer = triage("db", "upgrade", "--db", database, "--as", "Ada")
    assert (answer.code, "password of --as" in answer.err) == (2, True)
