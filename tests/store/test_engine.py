from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session

import triage.store.engine as engine_module
from tests.store.databases import database_url
from tests.store.make import case, scored
from tests.store.older import make_older
from triage.errors import StoreError
from triage.store import (
    Store,
    add_case,
    cases_waiting,
    check_store,
    events,
    open_store,
    savepoint,
    upgrade_store,
)
from triage.store.tables import Base, Case


def test_a_missing_file_is_not_made_by_chance(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(StoreError, match="no case database"):
        open_store(f"sqlite:///{path}")
    assert not path.exists()


def test_an_empty_database_needs_create(url: str) -> None:
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).touch()
    with pytest.raises(StoreError, match="empty"):
        open_store(url)


def test_create_makes_the_tables_and_opens_again(url: str) -> None:
    open_store(url, create=True).close()
    for create in (False, True):
        again = open_store(url, create=create)
        tables = set(inspect(again.engine).get_table_names())
        again.close()
        assert tables - {"alembic_version"} == set(Base.metadata.tables)
        assert len(tables) == 31


def test_where_to_look_argument_then_environment_then_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRIAGE_DATABASE_URL", raising=False)
    open_store(create=True).close()
    assert (tmp_path / "triage.db").is_file()
    monkeypatch.setenv("TRIAGE_DATABASE_URL", f"sqlite:///{tmp_path / 'env.db'}")
    open_store(create=True).close()
    assert (tmp_path / "env.db").is_file()
    open_store(f"sqlite:///{tmp_path / 'arg.db'}", create=True).close()
    assert (tmp_path / "arg.db").is_file()


def _at_migration(store: Store, revision: str) -> str:
    with store.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    store.close()
    return store.engine.url.render_as_string(hide_password=False)


def test_a_newer_database_is_refused_and_not_touched(store: Store) -> None:
    url = _at_migration(store, "9999")
    for refused in (open_store, upgrade_store):
        with pytest.raises(StoreError, match="migration 9999, this software needs") as caught:
            refused(url)
        assert "update the software" in str(caught.value)
    with store.reading() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_an_older_database_is_refused_until_upgraded(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Put one more migration beside those there are, as a later version would."""
    import shutil

    from triage.store import schema

    scored(store)
    url = store.engine.url.render_as_string(hide_password=False)
    store.close()
    present = schema.needed_revision()
    later = tmp_path / "migrations"
    shutil.copytree(schema._MIGRATIONS, later)
    (later / "versions" / "rev_9000.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision = '9000'\ndown_revision = '{present}'\n"
        "def upgrade():\n    op.add_column('patient', sa.Column('note', sa.String()))\n"
    )
    monkeypatch.setattr(schema, "_MIGRATIONS", later)
    for create in (False, True):
        with pytest.raises(StoreError, match="this software needs 9000") as caught:
            open_store(url, create=create)
        assert "triage db upgrade" in str(caught.value)
    upgrade_store(url)
    upgrade_store(url)
    upgraded = open_store(url)
    columns = {column["name"] for column in inspect(upgraded.engine).get_columns("patient")}
    with upgraded.reading() as session:
        assert len(cases_waiting(session)) == 1
    upgraded.close()
    assert "note" in columns


def test_a_failing_upgrade_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import shutil

    from triage.store import schema

    url = store.engine.url.render_as_string(hide_password=False)
    present = schema.needed_revision()
    later = tmp_path / "migrations"
    shutil.copytree(schema._MIGRATIONS, later)
    (later / "versions" / "rev_9000.py").write_text(
        f"from alembic import op\nrevision = '9000'\ndown_revision = '{present}'\n"
        "def upgrade():\n    op.execute('CREATE TABLE half (id INTEGER)')\n"
        "    op.execute('SELECT * FROM nowhere')\n"
    )
    monkeypatch.setattr(schema, "_MIGRATIONS", later)
    with pytest.raises(StoreError):
        upgrade_store(url)
    assert "half" not in inspect(store.engine).get_table_names()
    monkeypatch.undo()
    open_store(url).close()


def test_another_programs_database_is_refused(url: str) -> None:
    from sqlalchemy import create_engine

    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE something (id INTEGER)"))
    engine.dispose()
    with pytest.raises(StoreError, match="something else"):
        open_store(url, create=True)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("just some text, long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="no SQLite database"):
        open_store(f"sqlite:///{path}", create=True)
    assert path.read_text().startswith("just some text")


@pytest.mark.parametrize(
    "bad",
    ["no url", "oracle://x/y", "mongodb://x", "sqlite:////no/such/folder/x.db"],
)
def test_a_bad_url_is_a_clear_error(bad: str) -> None:
    with pytest.raises(StoreError):
        open_store(bad, create=True)


def test_an_unreachable_server_is_a_clear_error_without_the_password() -> None:
    with pytest.raises(StoreError) as caught:
        open_store("postgresql://user:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite+pysqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file:cases?mode=memory&uri=true",
    ],
)
@pytest.mark.parametrize("create", [True, False])
def test_a_database_that_keeps_nothing_is_refused(url: str, create: bool) -> None:
    with pytest.raises(StoreError, match="in memory") as caught:
        open_store(url, create=create)
    assert "sqlite:///FILE" in str(caught.value)


@pytest.mark.parametrize("given", ["?password=CANARY", "?Password=CANARY", "?key=CANARY"])
def test_a_password_that_sqlite_would_ignore_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(StoreError, match="SQLite databases have none") as caught:
        open_store(f"sqlite:///{tmp_path / 'a.db'}{given}", create=True)
    assert "CANARY" not in str(caught.value)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:CANARY@127.0.0.1:1/none",
        "postgresql://127.0.0.1:1/none?password=CANARY",
        "postgresql://127.0.0.1:1/none?PASSWORD=CANARY",
        "postgresql://127.0.0.1:1/none?sslpassword=CANARY&connect_timeout=2",
        "postgresql://127.0.0.1:1/none?options=-cmy.secret%3DCANARY",
        "postgresql://127.0.0.1:1/host=127.0.0.1 port=1 password=CANARY",
        "postgresql://user:CAN/ARY@127.0.0.1:1/none",
        "postgresql://user:1@CANARY:2@127.0.0.1:1/none",
    ],
)
def test_passwords_are_masked_wherever_they_stand(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert "CANARY" not in str(caught.value)
    assert "ARY" not in str(caught.value)


def test_a_shown_url_still_says_which_database() -> None:
    from sqlalchemy import make_url

    from triage.store.location import shown_url

    url = make_url("postgresql+psycopg://ann:x@db.example:5433/cases?sslmode=require&password=x")
    assert shown_url(url) == (
        "postgresql+psycopg://ann:***@db.example:5433/cases?password=***&sslmode=require"
    )
    assert shown_url(make_url("sqlite:////data/cases.db")) == "sqlite:////data/cases.db"


def test_sqlite_is_set_up_for_several_users(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}", create=True)
    with store.reading() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        assert session.scalar(text("PRAGMA busy_timeout")) >= 10_000
    store.close()


def _add_twice_differently(store: Store) -> None:
    with store.transaction() as session:
        add_case(session, case())
        add_case(session, case(images=()))


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    with pytest.raises(StoreError, match="other images"):
        _add_twice_differently(store)
    with store.reading() as session:
        assert session.scalars(select(Case)).all() == []
        assert [event.kind for event in events(session)] == ["ledger_begun"]


def test_the_databases_refusal_names_no_patient(store: Store) -> None:
    number = scored(store)
    with pytest.raises(StoreError) as caught, store.transaction() as session:
        session.execute(text('DELETE FROM "case" WHERE id = :id'), {"id": number})
    assert "patient of" not in str(caught.value)
    assert "contradicts what is stored" in str(caught.value)


def _together(work: list[threading.Thread]) -> None:
    for thread in work:
        thread.start()
    for thread in work:
        thread.join(timeout=60)


def test_two_processes_meeting_an_empty_database_both_open_it(url: str) -> None:
    opened: list[Store] = []
    _together(
        [
            threading.Thread(target=lambda: opened.append(open_store(url, create=True)))
            for _ in range(4)
        ]
    )
    assert len(opened) == 4
    for store in opened:
        store.close()


def test_writers_wait_for_each_other(store: Store) -> None:
    def write(worker: int) -> None:
        for number in range(10):
            with store.transaction() as session:
                add_case(session, case(f"{worker}-{number}", patient="shared"))
                add_case(session, case(f"both-{number}", patient="shared"))

    _together([threading.Thread(target=write, args=(worker,)) for worker in range(4)])
    with store.reading() as session:
        assert len(cases_waiting(session)) == 4 * 10 + 10


def test_a_deadlock_is_tried_again(store: Store) -> None:
    """Each of two writers has what the other wants; PostgreSQL ends one of the transactions."""
    if store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    both_hold_one = threading.Barrier(2)
    attempts: list[str] = []

    def write(first: str, second: str) -> None:
        def work(session: Session) -> None:
            attempts.append(first)
            add_case(session, case(first))
            if attempts.count(first) == 1:
                both_hold_one.wait(timeout=30)
            add_case(session, case(second))

        store.write(work)

    _together([threading.Thread(target=write, args=names) for names in (("a", "b"), ("b", "a"))])
    assert len(attempts) == 3
    with store.reading() as session:
        assert len(cases_waiting(session)) == 2


def test_what_is_no_deadlock_is_not_tried_again(store: Store) -> None:
    attempts = []

    def work(session: Session) -> None:
        attempts.append(1)
        session.execute(text("SELECT * FROM nowhere"))

    with pytest.raises(StoreError, match="refused"):
        store.write(work)
    assert len(attempts) == 1


def _add_then_contradict(session: Session) -> None:
    add_case(session, case("c2"))
    add_case(session, case("c1", images=()))


def test_a_savepoint_fails_alone(store: Store) -> None:
    with store.transaction() as session:
        add_case(session, case("c1"))
        with pytest.raises(StoreError, match="other images"), savepoint(session):
            _add_then_contradict(session)
        with pytest.raises(StoreError, match="does not take a value"), savepoint(session):
            session.execute(text("INSERT INTO patient (id) VALUES (7)"))
        add_case(session, case("c3"))
    with store.reading() as session:
        names = [row.external_id for row in session.scalars(select(Case).order_by(Case.id))]
    assert names == ["c1", "c3"]


def test_sqlite_file_can_be_read_by_plain_tools(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}", create=True)
    scored(store)
    store.close()
    connection = sqlite3.connect(tmp_path / "a.db")
    assert connection.execute('SELECT received_at FROM "case"').fetchone() == (
        "2025-06-02 12:00:00.000000",
    )
    connection.close()


def test_a_refused_database_keeps_every_byte(tmp_path: Path) -> None:
    """Opening for writing would set the journal's mode in the file."""
    path = tmp_path / "old.db"
    make_older(f"sqlite:///{path}", "0003")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="migration 0003"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before


@pytest.mark.parametrize("url", ["postgresql://bob:S3@CRET@127.0.0.1:1/x", "postgresql://b@c@h/x"])
def test_an_at_sign_in_a_password_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="%40") as caught:
        open_store(url)
    assert "CRET" not in str(caught.value)


def test_several_migrations_in_one_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    open_store(url, create=True).close()
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('0006')")
        connection.commit()
    for use in (open_store, upgrade_store):
        with pytest.raises(StoreError, match="several migrations"):
            use(url)
    assert any("several migrations" in problem for problem in check_store(url).problems)


@pytest.mark.parametrize(
    ("content", "words"), [(b"just some text, no database at all" * 9, "no SQLite database")]
)
def test_what_is_wrong_with_a_file_is_in_the_message(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=words) as caught:
        open_store(f"sqlite:///{path}", create=True)
    assert caught.value.hint


def test_a_locked_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_BUSY_TIMEOUT_MS", 50)
    url = f"sqlite:///{tmp_path / 'a.db'}"
    store = open_store(url, create=True)
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked by another"), store.transaction() as session:
            session.execute(text("SELECT 1"))
    store.close()


@pytest.mark.postgres
def test_connections_that_the_server_has_closed_are_made_anew(tmp_path: Path) -> None:
    """As after a restart of the server: no reader gets an error for it."""
    with database_url("postgres", tmp_path) as url:
        store = open_store(url, create=True)
        with store.reading() as session:
            ours = session.scalar(text("SELECT pg_backend_pid()"))
        other = open_store(url)
        with other.transaction() as session:
            assert session.scalar(text("SELECT pg_terminate_backend(:ours, 5000)"), {"ours": ours})
        other.close()
        with store.reading() as session:
            assert session.scalar(text("SELECT pg_backend_pid()")) != ours
        store.close()
