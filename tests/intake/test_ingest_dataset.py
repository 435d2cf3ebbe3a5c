"""Folders of scored cases into the database, by one writer and by several."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

import triage.intake.ingest_dataset as module
from tests.intake.make_scored import repeated_folder
from tests.store.databases import database_url
from tests.tiny import TinyBundle
from triage.data.dataset import Dataset
from triage.engine import EngineSettings
from triage.errors import BundleError, EngineError, PredictionsError
from triage.intake.described_bundle import DescribedBundle
from triage.intake.ingest_dataset import ingest_dataset, ingest_shards
from triage.store import Store, open_store, verify_ledger
from triage.store.location import URL_VARIABLE
from triage.store.tables import Bundle, Case, CaseFeatures, Event, Image, Prediction
from triage.systems.bundle import load_system, read_manifest

COUNT = 60
TWO = EngineSettings(engine="processes", workers=2)


@pytest.fixture(scope="module")
def known(tiny_bundle: TinyBundle, phantom_data: Dataset) -> tuple[Any, Any]:
    cases = phantom_data.of_split("test")
    system, _ = load_system(tiny_bundle.folder)
    return cases, system.score(cases, tiny_bundle.cache)


@pytest.fixture(scope="module")
def folder(
    known: tuple[Any, Any],
    tiny_bundle: TinyBundle,
    phantom_root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    return repeated_folder(
        tmp_path_factory.mktemp("dataset") / "scored", tiny_bundle.folder, *known, COUNT,
        root=phantom_root, shard_size=9,
    )  # fmt: skip


@contextmanager
def database(kind: str, place: Path) -> Iterator[tuple[Store, str]]:
    with database_url(kind, place) as url:
        store = open_store(url, create=True)
        yield store, url
        store.close()


def stored(store: Store) -> dict[str, Any]:
    """What is stored of each case, by its name, without numbers and times."""
    query = (
        select(Case.external_id, Case.state, Case.queue_rank, Image.sha256, Prediction.decision)
        .join(Image, Image.case_id == Case.id)
        .join(Prediction, Prediction.case_id == Case.id)
        .join(CaseFeatures, CaseFeatures.case_id == Case.id)
    )
    with store.reading() as session:
        rows = session.execute(query).all()
        assert len(rows) == session.scalar(select(func.count()).select_from(Case))
        assert session.scalar(select(func.count()).select_from(Bundle)) == 1
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: tuple(row[1:]) for row in rows}


@pytest.fixture(scope="module")
def expected(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with database("sqlite", tmp_path_factory.mktemp("alone")) as (store, url):
        result = ingest_dataset(store, folder)
        assert (result.stored, result.not_stored) == (COUNT, ())
        assert len(set(result.numbers)) == COUNT
        found = stored(store)
        assert len(found) == COUNT
        assert ingest_dataset(store, folder).stored == COUNT
        assert stored(store) == found
        assert verify_ledger(url).intact
        return found


@pytest.mark.postgres
def test_two_writers_lose_and_double_none(
    folder: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    with database("postgres", tmp_path) as (store, url):
        result = ingest_dataset(store, folder, settings=TWO)
        assert (result.stored, result.not_stored) == (COUNT, ())
        assert stored(store) == expected
        with store.reading() as session:
            kinds = Counter(session.scalars(select(Event.kind)))
        assert kinds["case_received"] == kinds["case_scored"] == COUNT
        assert verify_ledger(url).intact


@pytest.mark.postgres
def test_two_commands_at_once_store_each_case_once(
    folder: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    with database("postgres", tmp_path) as (store, url):
        results: list[Any] = []

        def work() -> None:
            other = open_store(url)
            arguments = {
                "folder": str(folder), "shards": range(7), "bundle": str(bundle),
                "root": root, "source": "clinic", "actor": "system", "progress": lambda *_: None,
                "system": described,
            }  # fmt: skip
            results.append(module.ingest_shards(**arguments, database=identity))
            other.close()

        ingest_dataset(store, folder, source="elsewhere")  # registers the bundle
        bundle, root = module.dataset_bundle(folder), str(folder)
        described = DescribedBundle.of(read_manifest(bundle)).to_json()
        identity = module.database_identity(store)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(URL_VARIABLE, url)
            threads = [threading.Thread(target=work) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert [one["stored"] for one in results] == [COUNT, COUNT]
        with store.reading() as session:
            of_clinic = select(func.count()).select_from(Case).where(Case.source == "clinic")
            assert session.scalar(of_clinic) == COUNT
        assert verify_ledger(url).intact


@pytest.mark.postgres
def test_a_killed_writer_loses_none(folder: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    with database("postgres", tmp_path) as (store, url):
        ended = threading.Event()

        def kill() -> None:
            """Kill the first writer that has stored something."""
            while not ended.is_set():
                with store.reading() as session:
                    begun = session.scalar(select(Case.id).limit(1))
                if begun is not None and (workers := _workers()):
                    os.kill(workers[0], signal.SIGKILL)
                    killed.append(workers[0])
                    return
                time.sleep(0.01)

        killed: list[int] = []
        thread = threading.Thread(target=kill)
        thread.start()
        result = ingest_dataset(store, folder, settings=TWO)
        ended.set()
        thread.join()
        assert killed
        assert result.stored == COUNT
        assert stored(store) == expected
        assert verify_ledger(url).intact


def _workers() -> list[int]:
    """Processes of the engine that this process has started."""
    found = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in found if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]


def test_cases_without_ids_are_recognised_across_shards(
    known: tuple[Any, Any], tiny_bundle: TinyBundle, phantom_root: Path, tmp_path: Path
) -> None:
    """Renamed files are the stored cases, whichever shard they come in, with any engine."""
    names = [tmp_path / "first", tmp_path / "again"]
    for name, size in zip(names, (7, 5), strict=True):
        repeated_folder(name, tiny_bundle.folder, *known, 20, root=phantom_root, shard_size=size,
                        derived=True, renamed=name == names[1])  # fmt: skip
    with database("sqlite", tmp_path) as (store, _):
        first = ingest_dataset(store, names[0])
        again = ingest_dataset(store, names[1], settings=TWO)
        assert (first.stored, again.stored) == (20, 20)
        assert sorted(first.numbers) == sorted(again.numbers)


def test_a_damaged_shard_is_named_and_what_was_stored_stays(
    known: tuple[Any, Any], tiny_bundle: TinyBundle, phantom_root: Path, tmp_path: Path
) -> None:
    scored = repeated_folder(
        tmp_path / "scored", tiny_bundle.folder, *known, 12, root=phantom_root, shard_size=5
    )
    damaged = scored / "cases-00001.parquet"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-10] + bytes(10))
    with database("sqlite", tmp_path) as (store, _):
        with pytest.raises(PredictionsError, match="shard 1 is damaged"):
            ingest_dataset(store, scored)
        damaged.write_bytes(whole)
        assert ingest_dataset(store, scored).stored == 12
        assert len(stored(store)) == 12


def test_another_bundle_and_another_database_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_bundle: TinyBundle
) -> None:
    with database("sqlite", tmp_path) as (store, url):
        with pytest.raises(BundleError):
            ingest_dataset(store, folder, bundle=tmp_path)
        with store.reading() as session:
            assert session.scalar(select(Case.id)) is None
        monkeypatch.setenv(URL_VARIABLE, url)
        with pytest.raises(EngineError, match="another"):
            ingest_shards(
                folder=str(folder), shards=[0], bundle=str(tiny_bundle.folder), root=str(tmp_path),
                source="clinic", actor="system", database="0" * 64, progress=lambda *_: None,
                system={},
            )  # fmt: skip
