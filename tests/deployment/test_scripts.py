"""Backup and restore on both kinds of database: copies verify, or are refused.

The real commands run in two tests, since each start takes seconds; the copies themselves are
tested in `tests/backups`, on both kinds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.deployment.deployment_files import DOCKER, ROOT
from tests.store.databases import postgres_programs, whole_postgres_url
from tests.store.make import scored
from tests.store.migrated import migrated_url
from triage.ledger.keys import make_key
from triage.store import append_checkpoint, check_store, open_store, verify_ledger

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Place:
    """A database with events and a checkpoint, another that is empty, and the scripts."""

    url: str
    other: str
    checkpoints: Path
    backups: Path
    run: Run

    def back_up(self, *words: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
        return self.run(
            "backup.sh", url or self.url, "--to", str(self.backups),
            "--checkpoints", str(self.checkpoints), *words,
        )  # fmt: skip

    def copies(self) -> list[Path]:
        return sorted(self.backups.iterdir())


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `triage`, as an installation has it."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "triage").write_text(
        f"#!/bin/sh\nPYTHONPATH='{ROOT}' exec '{sys.executable}' -P -c "
        f"'from pipelines.cli import main; main()' \"$@\"\n"
    )
    (folder / "triage").chmod(0o755)
    return folder


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, programs: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        path = [str(programs), os.environ["PATH"]]
        if request.param == "postgres":
            path.insert(0, str(postgres_programs()))
            other = stack.enter_context(whole_postgres_url())
        else:
            other = f"sqlite:///{tmp_path / 'restored.db'}"
        url = stack.enter_context(migrated_url(request.param, tmp_path))
        checkpoints = tmp_path / "checkpoints.jsonl"
        opened = open_store(url)
        scored(opened, "c1")
        append_checkpoint(url, make_key(tmp_path / "ledger.key"), checkpoints)
        scored(opened, "c2")
        opened.close()

        def run(script: str, url: str, *words: str) -> subprocess.CompletedProcess[str]:
            environment = {
                "PATH": os.pathsep.join(path), "HOME": str(tmp_path), "TRIAGE_DATABASE_URL": url,
                "OMP_NUM_THREADS": "1",
            }  # fmt: skip
            done = subprocess.run(
                ["sh", str(DOCKER / script), *words], capture_output=True, text=True,
                check=False, timeout=180, env=environment, cwd=tmp_path,
            )  # fmt: skip
            assert "Traceback" not in done.stderr
            assert done.stdout == ""
            return done

        yield Place(url, other, checkpoints, tmp_path / "backups", run)


def _change_an_event(url: str) -> None:
    """As an administrator of the file could."""
    engine = create_engine(url)
    with engine.begin() as connection:
        query = "SELECT sql FROM sqlite_master WHERE name = 'event_no_update'"
        back = str(connection.execute(text(query)).scalar_one())
        for statement in (
            "DROP TRIGGER event_no_update", "UPDATE event SET actor = 'Eve' WHERE id = 2", back,
        ):  # fmt: skip
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_a_restored_copy_is_whole_and_verifies(place: Place) -> None:
    made = place.back_up()
    assert made.returncode == 0, made.stderr
    (copy,) = place.copies()
    assert {path.name for path in copy.iterdir()} == {
        "database.backup", "checkpoints.jsonl", "SHA256SUMS",
    }  # fmt: skip
    assert all(path.stat().st_mode & 0o077 == 0 for path in (copy, *copy.iterdir()))
    restored = place.run("restore.sh", place.other, str(copy))
    assert restored.returncode == 0, restored.stderr
    assert "the ledger is intact" in restored.stderr
    assert check_store(place.other).problems == ()
    found = verify_ledger(place.other, checkpoints=place.checkpoints)
    assert (found.intact, found.chain.events) == (True, verify_ledger(place.url).chain.events)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_changed_ledger_is_told_and_its_copy_not_restored(place: Place) -> None:
    """On a file, which the scripts verify before they restore it."""
    _change_an_event(place.url)
    made = place.back_up("--keep", "1")
    assert made.returncode == 4, made.stderr
    assert "NOT INTACT" in made.stderr
    (copy,) = place.copies()
    assert copy.name.endswith(".NOT-INTACT"), "it is kept, to be looked at"
    # Under another name it is found by its ledger.
    renamed = copy.rename(copy.with_name("triage-20250101T000000Z"))
    refused = place.run("restore.sh", place.other, str(renamed))
    assert refused.returncode == 4, refused.stderr
    assert "THE LEDGER IN" in refused.stderr
    assert not Path(place.other.removeprefix("sqlite:///")).exists()


# What needs no database: a program in the place of `triage` says what it was asked for


@dataclass(frozen=True)
class Stub:
    """The scripts with a program that does what a file says and writes down its arguments."""

    folder: Path

    def run(self, script: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(DOCKER / script), *map(str, words)], capture_output=True, text=True,
            check=False, timeout=60, env=self.environment, cwd=self.folder,
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.folder), "LOG": str(self.folder / "log")}

    def calls(self) -> list[str]:
        log = self.folder / "log"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "triage"
    program.write_text(
        """#!/bin/sh
echo "$*" >>"$LOG"
case "$1 $2" in
"db backup") [ ! -e no_backup ] && echo PGDMP >"$4" ;;
"ledger verify") [ ! -e verdict ] || exit "$(cat verdict)" ;;
esac
"""
    )
    program.chmod(0o755)
    (tmp_path / "checkpoints.jsonl").write_text("{}")
    return Stub(tmp_path)


def _copy(stub: Stub) -> Path:
    made = stub.run("backup.sh", "--to", "backups", "--checkpoints", "checkpoints.jsonl")
    assert made.returncode == 0, made.stderr
    (copy,) = (stub.folder / "backups").iterdir()
    (stub.folder / "log").unlink()
    return copy


@pytest.mark.parametrize("damage", ["bytes", "missing", "checkpoints", "no sums"])
def test_a_damaged_copy_is_refused_before_anything_is_done(stub: Stub, damage: str) -> None:
    copy = _copy(stub)
    names = {"checkpoints": "checkpoints.jsonl", "no sums": "SHA256SUMS"}
    part = copy / names.get(damage, "database.backup")
    if damage in ("missing", "no sums"):
        part.unlink()
    else:
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 1
        part.write_bytes(content)
    refused = stub.run("restore.sh", copy)
    assert refused.returncode == 4, refused.stderr
    assert stub.calls() == []


def test_evidence_is_not_restored(stub: Stub) -> None:
    copy = _copy(stub)
    copy = copy.rename(copy.with_name(f"{copy.name}.NOT-INTACT"))
    refused = stub.run("restore.sh", copy)
    assert (refused.returncode, stub.calls()) == (4, [])
    assert "take an earlier copy" in refused.stderr


@pytest.mark.parametrize(("verdict", "code"), [("4", 4), ("2", 2)])
def test_a_database_that_does_not_verify_after_restoring(
    stub: Stub, verdict: str, code: int
) -> None:
    copy = _copy(stub)
    (stub.folder / "verdict").write_text(verdict)
    refused = stub.run("restore.sh", copy, "--as", "Ada", "--overwrite")
    assert refused.returncode == 4, "whatever the reason, nobody should use it"
    assert "do not use it" in refused.stderr
    assert stub.calls()[0] == f"db restore --from {copy}/database.backup --overwrite --as Ada"
    made = stub.run("backup.sh", "--to", "backups", "--checkpoints", "checkpoints.jsonl")
    assert made.returncode == code
    left = {path.name for path in (stub.folder / "backups").iterdir()} - {copy.name}
    assert [name.endswith("Z.NOT-INTACT") for name in left] == ([True] if code == 4 else [])


def test_an_earlier_release_is_restored_without_verifying(stub: Stub) -> None:
    copy = _copy(stub)
    done = stub.run("restore.sh", copy, "--earlier-release")
    assert done.returncode == 0, done.stderr
    assert "NOT verified" in done.stderr
    assert [call.split(" --")[0] for call in stub.calls()] == ["db restore"]


def test_checkpoints_are_copied_before_the_database(stub: Stub) -> None:
    """No checkpoint of a copy may cover events that the copy lacks."""
    program = stub.folder / "bin" / "triage"
    text = program.read_text(encoding="utf-8")
    program.write_text(text.replace("echo PGDMP", "echo later >checkpoints.jsonl && echo PGDMP"))
    copy = _copy(stub)
    assert (copy / "checkpoints.jsonl").read_text() == "{}"


def test_old_copies_are_deleted_but_no_evidence(stub: Stub) -> None:
    backups = stub.folder / "backups"
    for name in ("triage-20240101T000000Z", "triage-20240102T000000Z", "triage-notes",
                 "triage-20240101T000001Z.NOT-INTACT"):  # fmt: skip
        (backups / name).mkdir(parents=True)
    assert stub.run("backup.sh", "--to", backups, "--keep", "2").returncode == 0
    names = {path.name for path in backups.iterdir()}
    assert "triage-20240101T000000Z" not in names
    assert {"triage-20240102T000000Z", "triage-notes", "triage-20240101T000001Z.NOT-INTACT"} < names
    assert len(names) == 4


def test_what_cannot_be_copied_leaves_nothing(stub: Stub) -> None:
    backups = stub.folder / "backups"
    for words in (
        ("--to", "backups", "--checkpoints", "none.jsonl"),
        (),
        ("--to", "backups", "--keep", "many"),
        ("--to", "backups", "--unknown", "1"),
        ("--to", "backups", "--keep"),
        ("--to", "backups", "--trusted-keys", "keys"),
    ):
        assert stub.run("backup.sh", *words).returncode == 2, words
    (stub.folder / "no_backup").touch()
    failed = stub.run("backup.sh", "--to", "backups")
    assert (failed.returncode, "FAILED" in failed.stderr) == (2, True)
    assert list(backups.iterdir()) == []
    for words in ((), ("none",), ("--unknown",), ("--as",), ("backups", "backups")):
        assert stub.run("restore.sh", *words).returncode == 2, words


def test_backups_are_repeated_until_stopped(stub: Stub) -> None:
    beat = stub.folder / "heartbeat"
    with subprocess.Popen(
        ["sh", str(DOCKER / "backup.sh"), "--to", "backups", "--every", "60"],
        stderr=subprocess.DEVNULL, cwd=stub.folder,
        env={**stub.environment, "TRIAGE_HEARTBEAT": str(beat)},
    ) as service:  # fmt: skip
        end = time.monotonic() + 60
        while not beat.exists() and time.monotonic() < end:
            time.sleep(0.05)
        service.terminate()
        assert service.wait(60) == 0
    assert beat.exists()
    assert len(list((stub.folder / "backups").iterdir())) == 1


@pytest.mark.postgres
def test_the_first_start_of_the_database_makes_a_role_without_superpowers(
    tmp_path: Path, programs: Path
) -> None:
    """The script of the image, on the tests' server; then a table with a trigger, by that role."""
    with whole_postgres_url() as url:
        secret = tmp_path / "database_password"
        secret.write_text("a 'quoted' \"password\"\n")
        server = make_url(url)
        script = (DOCKER / "postgres" / "10-triage-role.sh").read_text(encoding="utf-8")
        name = str(server.database)
        script = script.replace("/run/secrets/database_password", str(secret))
        script = script.replace("triage", f"{name}_role")
        environment = {
            "PATH": f"{postgres_programs()}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": str(server.query["host"]), "POSTGRES_USER": str(server.username),
        }  # fmt: skip
        made = subprocess.run(
            ["sh"], input=script, capture_output=True, text=True, check=False, env=environment
        )
        assert made.returncode == 0, made.stderr
        assert "quoted" not in made.stdout + made.stderr
        own = server.set(username=f"{name}_role", database=f"{name}_role")
        try:
            engine = create_engine(own.set(drivername="postgresql+psycopg"))
            with engine.begin() as connection:  # what migrations need
                connection.exec_driver_sql(
                    "CREATE TABLE t (n int); CREATE FUNCTION f() RETURNS trigger AS "
                    "'BEGIN RETURN NEW; END' LANGUAGE plpgsql; "
                    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()"
                )
            engine.dispose()
            engine = create_engine(server.set(drivername="postgresql+psycopg"))
            query = text(
                "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = :n"
            )
            with engine.connect() as connection:
                assert connection.execute(query, {"n": f"{name}_role"}).one() == (False,) * 3
            engine.dispose()
        finally:
            engine = create_engine(
                server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
            )
            with engine.connect() as connection:
                connection.execute(text(f'DROP DATABASE "{name}_role" WITH (FORCE)'))
                connection.execute(text(f'DROP ROLE "{name}_role"'))
            engine.dispose()


def test_secrets_are_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    for _ in range(2):
        made = subprocess.run(
            ["sh", str(DOCKER / "make_secrets.sh"), str(folder)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        assert "still missing: tls_certificate tls_key ledger_key" in made.stderr
        seen = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert len({*seen.values()}) == len(seen) == 5
        assert all(path.stat().st_mode & 0o007 == 0 for path in folder.iterdir())
        assert all(len(content) > 24 for content in seen.values())
    before = seen
    subprocess.run(["sh", str(DOCKER / "make_secrets.sh"), str(folder)], check=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
