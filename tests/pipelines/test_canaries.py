"""No token from a patient's record, a file's header, a folder's name or a password comes out.

Tokens stand wherever an input has room for what identifies a person (`tests.pipelines.canaries`).
Every verb that writes something is run on them, in a working directory whose own path holds a
token, and everything it prints, logs and leaves on disk is searched.
"""

from __future__ import annotations

import base64
import csv
import json
import logging
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.pipelines import canaries
from tests.pipelines.canaries import PATIENT_STEM, STEM, contents_of, found_in, token
from tests.pipelines.retraining import policy
from tests.readers import lock, states
from tests.tiny import TinyBundle, TinyOctBundle
from triage.data.spec_files import shipped_spec
from triage.review.viewable import has_viewable_image
from triage.store import cases_waiting, get_case, open_store

PATIENT_IDS_IN_FILES = {"patient_id", "cluster"}
"""Columns of a predictions table that hold patient ids; `cluster` is what is resampled."""
PATIENT_IDS_IN_DATABASE = {("patient", "external_id")}
PATHS_IN_DATABASE = {("image", "root"), ("bundle", "path"), ("prediction", "reading_path")}
"""Columns that hold where files lie: the pages read them there."""

Run = Callable[..., int]


class Searched:
    """Runs verbs and searches what they print and log."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        self._patch, self._capfd, self._caplog = monkeypatch, capfd, caplog

    def __call__(self, *arguments: str | Path, ids: bool = False) -> int:
        """Run a verb; tokens may not be printed, and patient ids only where `ids` says so."""
        self._patch.setattr(sys, "argv", ["triage", *map(str, arguments)])
        self._capfd.readouterr()
        self._caplog.clear()
        with pytest.raises(SystemExit) as end:
            main()
        seen = self._capfd.readouterr()
        assert "Traceback" not in seen.out + seen.err
        for text in (seen.out, seen.err, self._caplog.text):
            assert not found_in(text, *((STEM,) if ids else ())), arguments[0]
        assert end.value.code != 1, seen.err
        return int(end.value.code or 0)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, below a folder with a token; with its own cache, temporary files."""
    folder = tmp_path / token("Above") / "clinic"
    folder.mkdir(parents=True)
    (folder / "tmp").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TRIAGE_CACHE", "cache")
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Run:
    caplog.set_level(logging.DEBUG)
    return Searched(monkeypatch, capfd, caplog)


def search_files(*folders: Path) -> int:
    """Search all files below some folders, names too; returns how many there were."""
    number = 0
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_dir():
                assert not found_in(path.name), path
                continue
            number += 1
            if path.suffix == ".db" or path.name.endswith(("-wal", "-shm")):
                continue  # searched by column
            for place, content in contents_of(path):
                if place == "bytes" and path.suffix == ".parquet":
                    stems = (STEM,)  # its columns are searched one by one
                else:
                    stems = (STEM,) if place in PATIENT_IDS_IN_FILES else (STEM, PATIENT_STEM)
                assert not found_in(content, *stems), (path.name, place)
    return number


def search_database(path: Path) -> None:
    """Search a SQLite database column by column, and its text outside the rows."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'")]  # fmt: skip
        ids = 0
        for table in tables:
            rows = connection.execute(f'SELECT * FROM "{table}"')
            columns = [description[0] for description in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    place = (table, column)
                    stems = () if place in PATHS_IN_DATABASE else (STEM,)
                    if place not in PATIENT_IDS_IN_DATABASE:
                        stems += (PATIENT_STEM,)
                    else:
                        ids += 1
                    if stems:
                        assert not found_in(str(value), *stems), place
        assert ids, "the database holds no patient"


def write_inbox(folder: Path) -> Path:
    """Unlabelled photographs, good and bad, with columns that no spec names; the manifest."""
    folder.mkdir()
    contents = canaries.photographs() | canaries.odd_photographs()
    rows = []
    for number, (name, content) in enumerate(contents.items()):
        (folder / name).write_bytes(content)
        rows.append({
            "image": f"{folder.name}/{name}", "case_id": f"case{number}",
            "patient_id": f"Zqxperson{number}", "name": token("Column"),
            "birth_date": token("Born"), "notes": token("Notes"), "skin_type": "2",
        })  # fmt: skip
    rows.append({**rows[0], "image": f"{folder.name}/absent.jpg", "case_id": "absent"})
    table = folder.parent / f"{folder.name}.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return table


def plant_phantoms(phantom_root: Path, folder: Path) -> None:
    """Copy the phantoms with patient ids, columns and text chunks that are tokens."""
    shutil.copytree(phantom_root, folder)
    for path in folder.rglob("*.png"):
        path.write_bytes(canaries.png_with_text(path.read_bytes()))
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["patient_id"] = f"Zqxperson{row['patient_id']}"
        row |= {"name": token("Column"), "birth_date": token("Born")}
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    for content in canaries.photographs().values():
        assert found_in(content, STEM)
    for shift in range(3):
        wrapped = base64.b64encode(b"x" * shift + token("Name").encode() + b"tail").decode()
        assert found_in(wrapped, STEM)
    assert found_in(token("Name").upper().encode("utf-16-le"), STEM)
    assert not found_in("nothing")


def test_inspecting_files(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    files = []
    (work / "photos").mkdir()
    for name, content in (canaries.photographs() | canaries.odd_photographs()).items():
        (work / "photos" / name).write_bytes(content)
        files.append(Path("photos") / name)
    files += [path.relative_to(work) for path in
              canaries.write_volumes(work / "volumes", monkeypatch)]  # fmt: skip
    assert run("inspect", *files, "--pixels", "seen") == 3
    assert run("inspect", *files, "--any-class", "--json") == 3
    run("inspect", *(path.resolve() for path in files))
    assert search_files(work / "seen") > 20
    assert not list((work / "tmp").iterdir())


def test_scoring_photographs(work: Path, run: Run, tiny_bundle: TinyBundle) -> None:
    write_inbox(work / "inbox")
    given = ("score", "--bundle", tiny_bundle.folder, "--manifest", "inbox.csv", "--root", ".")
    assert run(*given, "--out", "out/plain.parquet") == 3
    assert run(*given, "--out", "out/a.parquet", "--db", "sqlite:///cases.db", "--json") == 3
    # Once more with other bytes under the names of stored cases.
    for name in ("a.jpg", "b.png"):
        (work / "inbox" / name).write_bytes(canaries.dicom_content(canaries.picture(seed=77)))
    assert run(*given, "--out", "out/b.parquet", "--db", "sqlite:///cases.db") == 3
    assert (work / "out" / "b.parquet.not_stored.csv").is_file()
    assert search_files(work / "out", work / "cache", work / "tmp") >= 6
    search_database(work / "cases.db")
    db = ("--db", "sqlite:///cases.db")
    assert run("db", "check", *db) == 0
    assert run("db", "check", *db, "--json") == 0
    assert run("db", "backup", *db, "--to", "backup/copy.db") == 0
    assert run("db", "restore", "--from", "backup/copy.db", "--db", "sqlite:///again.db") == 0
    assert run("db", "upgrade", *db) == 0
    for path in ("backup/copy.db", "again.db"):
        search_database(work / path)
    left = {path.name.split("-")[0] for path in work.iterdir()}
    assert left == {"inbox", "inbox.csv", "out", "cache", "tmp", "cases.db", "again.db", "backup"}


def test_scoring_volumes(
    work: Path, run: Run, tiny_oct_bundle: TinyOctBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = canaries.write_volumes(work / "volumes", monkeypatch)
    with (work / "new.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("image", "case_id", "patient_id", "name", "birth_date"))
        for number, path in enumerate(paths):
            writer.writerow((
                path.relative_to(work), f"case{number}", f"Zqxperson{number}", token("Column"),
                token("Born"),
            ))  # fmt: skip
    code = run(
        "score", "--bundle", tiny_oct_bundle.folder, "--manifest", "new.csv", "--root", ".",
        "--out", "out/a.parquet", "--db", "sqlite:///cases.db",
    )  # fmt: skip
    assert code == 3
    assert len(list((work / "out" / "a.parquet.readings").iterdir())) >= 2
    assert search_files(work / "out", work / "tmp") >= 5
    search_database(work / "cases.db")


def test_the_way_from_data_to_a_report_and_a_challenger(
    work: Path, run: Run, phantom_root: Path, tiny_hf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_phantoms(phantom_root, work / "data")
    spec, data = shipped_spec("derm_phantoms"), ("--root", "data")
    # Weights are found beside the data, below the folder whose name holds a token.
    shutil.copytree(tiny_hf, work / "weights" / "tiny")
    assert run("spec", "validate", spec, *data, "--decode") == 0
    assert run("spec", "validate", spec, *data, "--json") == 0
    (work / "fast.yaml").write_text("hidden: 16\nfit: {epochs: 2, patience: 2}\n")
    train = ("train", "--spec", spec, *data, "--members", "1", "--config", "fast.yaml")
    assert run(*train, "--out", "bundles/first") == 0
    given = ("--bundle", "bundles/first", "--spec", spec, *data)
    assert run("evaluate", *given, "--out", "out/evaluation") == 0
    assert run("evaluate", *given, "--json") == 0
    write_inbox(work / "inbox")
    assert run(
        "score", "--bundle", "bundles/first", "--manifest", "inbox.csv", "--root", ".",
        "--out", "out/a.parquet", "--db", "sqlite:///cases.db",
    ) == 3  # fmt: skip
    store = open_store("sqlite:///cases.db")
    with store.reading() as session:
        waiting = [get_case(session, one.id) for one in cases_waiting(session)]
    readable = [case.id for case in waiting if has_viewable_image(case, checked=False)]
    for number in readable[:6]:
        lock(store, number, "Dr A", **states("pearly nodule"))
    store.close()
    db = ("--db", "sqlite:///cases.db")
    assert run("report", *given, "--out", "out/report", *db) == 0
    (work / "gate.yaml").write_text(policy().policy.model_dump_json())
    code = run("retrain", *given, "--policy", "gate.yaml", "--out", "bundles/second", *db)
    assert code in (0, 3, 4, 5)
    assert (work / "bundles" / "second").is_dir()
    assert search_files(work / "out", work / "bundles", work / "cache", work / "tmp") > 10
    search_database(work / "cases.db")


PASSWORDS = (
    "postgresql://user:{}@127.0.0.1:1/none",
    "postgresql+psycopg://user:{}@127.0.0.1:1/none",
    "postgresql://127.0.0.1:1/none?password={}",
    "postgresql://127.0.0.1:1/none?PassWord={}",
    "postgresql://127.0.0.1:1/none?sslpassword={}",
    "postgresql://127.0.0.1:1/none?options=-cmy.secret%3D{}",
    "postgresql://127.0.0.1:1/none?passfile=/tmp/{}",
    "postgresql://127.0.0.1:1/none?service={}",
    "postgresql:///?service={}",
    "postgresql://127.0.0.1:1/host=127.0.0.1 port=1 password={}",
    "postgresql://user:a/{}@127.0.0.1:1/none",
    "postgresql://user:a@{}:2@127.0.0.1:1/none",
    "postgresql://user:{}@127.0.0.1:port/none",
    "postgresql://user:{}@127.0.0.1:99999/none",
    "postgresql://user:%zz{}@[::1/none",
    "postgresql:/user:{}@host",
    "postgresql//{}",
    "mysql://user:{}@127.0.0.1/none",
    "oracle://user:{}@127.0.0.1/none",
    "nothing://user:{}@127.0.0.1/none",
    "sqlite://user:{}@host/cases.db",
    "sqlite:///cases.db?password={}",
    "sqlite:///cases.db?key={}",
    "sqlite:///file:cases.db?mode=ro&key={}&uri=true",
    "sqlite+pysqlcipher://:{}@/cases.db",
    "{}",
)


@pytest.fixture
def secrets(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens where the driver of PostgreSQL looks for passwords beside the URL."""
    for name in ("PGPASSWORD", "PGSERVICE"):
        monkeypatch.setenv(name, token(name))
    (work / "pgpass").write_text(f"*:*:*:*:{token('Pgpass')}\n")
    (work / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(work / "pgpass"))


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("url", PASSWORDS)
def test_passwords_wherever_they_stand_in_a_url(
    url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = url.format(token("Password"))
    for verb in (("db", "check", "--json"), ("db", "backup", "--to", "copy.db")):
        assert run(*verb, "--db", secret) == 2
    monkeypatch.setenv("TRIAGE_DATABASE_URL", secret)
    assert run("db", "upgrade") == 2


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("url", [PASSWORDS[0], PASSWORDS[2], PASSWORDS[-1]])
def test_passwords_at_every_verb(url: str, work: Path, run: Run, tiny_bundle: TinyBundle) -> None:
    (work / "empty.csv").write_text("image\n")
    given = ("--bundle", tiny_bundle.folder, "--root", ".")
    spec = ("--spec", shipped_spec("derm_phantoms"))
    for verb in (
        ("db", "check"), ("db", "restore", "--from", "absent.db"), ("ui",),
        ("report", *given, *spec, "--out", "report"),
        ("score", *given, "--manifest", "empty.csv", "--out", "a.parquet"),
        ("retrain", *given, *spec, "--policy", shipped_spec("retrain_policy"), "--out", "b"),
    ):  # fmt: skip
        assert run(*verb, "--db", url.format(token("Password"))) == 2


def test_wrong_input_is_refused_without_its_tokens(
    work: Path, run: Run, tiny_bundle: TinyBundle, phantom_root: Path
) -> None:
    """Bad values in the columns that a spec reads, and files that are no tables."""
    plant_phantoms(phantom_root, work / "data")
    table = work / "data" / "manifest.csv"
    whole = table.read_text(encoding="utf-8")
    head, first, *rest = whole.splitlines(keepends=True)
    spec, data = shipped_spec("derm_phantoms"), ("--root", "data")
    given = ("--bundle", tiny_bundle.folder, "--spec", spec, *data)
    for broken in (
        head + first + first,  # an image twice
        head + first.replace(".png", "_absent.png"),
        head.replace("condition", "diagnosis") + first,
        head + first[:-1] + f",{token('Extra')}\n",
        "nothing",
        head + first.replace("\n", "\x00\n"),
    ):
        table.write_text(broken, encoding="utf-8")
        assert run("spec", "validate", spec, *data) == 2
        assert run("spec", "validate", spec, *data, "--json") == 2
        assert run("evaluate", *given, "--out", "out") in (0, 2, 3)  # nothing trains: it may go on
    table.write_text(head + "".join(rest), encoding="utf-8")
    (work / "out").mkdir(exist_ok=True)
    (work / "bad.yaml").write_text(f"name: {token('Yaml')}\n  - [")
    assert run("spec", "validate", "bad.yaml") == 2
    (work / "b").mkdir()
    (work / "b" / "manifest.json").write_text(json.dumps({"format": token("Format")}))
    assert run("evaluate", "--bundle", "b", "--spec", spec, *data) == 2
    assert search_files(work / "out", work / "tmp") >= 0
