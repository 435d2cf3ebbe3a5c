"""A folder of scored cases into the case database, by several writers at once.

Each shard is a task. Writers never need to know of each other: the database decides which of two
came first, and a shard that is stored again changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import select

from triage.engine import EngineSettings, Task, open_executor, task_function
from triage.engine.environment_variables import environment_variables
from triage.errors import BundleError, EngineError, StoreError, UsageError
from triage.intake.case_source import user_path
from triage.intake.described_bundle import DescribedBundle
from triage.intake.ingest import Batch, IngestResult, NotStored, ingest, register
from triage.intake.scored_shard import read_contents, read_shard
from triage.intake.source_name import checked_source
from triage.progress import Progress
from triage.scored_dataset import DatasetManifest
from triage.store import Store, open_store
from triage.store.ledger import SYSTEM
from triage.store.location import URL_VARIABLE
from triage.store.tables import Event

STAGE = "storing shards"
_FUNCTION = "triage.intake.ingest_dataset:ingest_shards"


def ingest_dataset(
    store: Store,
    folder: str | Path,
    *,
    bundle: str | Path | None = None,
    root: str | Path | None = None,
    source: str | None = None,
    actor: str = SYSTEM,
    settings: EngineSettings | None = None,
    report: Progress = lambda *_: None,
) -> IngestResult:
    """Store the cases of a folder of scored cases, shard by shard.

    Parameters
    ----------
    store : Store
    folder : str or Path
        As `triage score --out FOLDER` wrote it; complete.
    bundle : str or Path, optional
        Where the bundle lies by now; by default where it was when it scored.
    root : str or Path, optional
        Where the images lie by now; by default where they were when they were scored.
    source : str, optional
        Names where the cases come from; by default as the folder says.
    actor : str
        Who asked for it; stands in the events of the cases.
    settings : EngineSettings, optional
        How many writers, and where. On SQLite one is as fast as several, since one writes at a
        time. Cases without an id of their own are stored by one writer: which stored case a file
        is depends on all files.
    report : callable
        Gets the number of shards that are stored.

    Returns
    -------
    IngestResult
        Also of a call that is repeated after an interruption; nothing is stored twice.

    Raises
    ------
    PredictionsError
        If the folder is incomplete, or a shard is damaged; shards that were stored stay.
    BundleError
        If the bundle is not the one that scored.
    StoreError
        If the database itself fails.
    EngineError
        If a worker does not see this database.
    """
    folder = user_path(folder).absolute()
    manifest = DatasetManifest.read(folder)
    place = dataset_bundle(folder, bundle)
    system = _bundle(place, manifest.bundle_digest)
    root = Path(manifest.root) if root is None else user_path(root)
    _require_root(root)
    store.write(lambda session: register(session, system, place, actor))  # once, before any writer
    shared = {
        "folder": str(folder),
        "bundle": str(place.absolute()),
        "system": system.to_json(),
        "root": str(root.absolute()),
        "source": manifest.source if source is None else checked_source(source),
        "actor": actor,
        "database": database_identity(store),
    }
    tasks = [
        Task(_FUNCTION, shared | {"shards": numbers}, f"shards {numbers[0]} to {numbers[-1]}")
        for numbers in _parts(folder, manifest)
    ]
    with _database_for_workers(store), open_executor(settings) as executor:
        found = executor.map(tasks, stage=STAGE, progress=report)
    return _together(found)


@task_function
def ingest_shards(
    *,
    folder: str,
    shards: Sequence[int],
    bundle: str,
    system: dict[str, Any],
    root: str,
    source: str,
    actor: str,
    database: str,
    progress: Progress,
) -> dict[str, Any]:
    """Store some shards of a folder one after the other, in one process.

    Parameters
    ----------
    folder, bundle, root : str
        Paths.
    shards : sequence of int
    system : dict
        `DescribedBundle` of the one that scored, as JSON.
    source, actor : str
    database : str
        `database_identity` of the one to write to; the process finds it by its environment.
    progress : callable
    """
    store = _worker_store(os.environ.get(URL_VARIABLE))
    if database_identity(store) != database:
        raise EngineError(
            "the worker's database is another one",
            where=URL_VARIABLE,
            hint="Set it to the same database on every machine.",
        )
    manifest = DatasetManifest.read(Path(folder))
    described = DescribedBundle.of_json(system)
    batch = _batch(Path(folder), manifest) if len(shards) > 1 else None
    stored = 0
    refused: list[dict[str, Any]] = []
    numbers: list[int] = []
    for done, number in enumerate(shards):
        content = read_shard(Path(folder), manifest, manifest.shards[number], root=Path(root))
        found = ingest(
            store,
            content.cases,
            content.scored,
            described,
            bundle=Path(bundle),
            root=Path(root),
            source=source,
            actor=actor,
            batch=batch,
        )
        stored += found.stored
        refused += [
            {"case_id": one.case_id, "what": one.error.what, "where": one.error.where,
             "hint": one.error.hint} for one in found.not_stored
        ]  # fmt: skip
        numbers += found.numbers
        progress("storing cases", done + 1, len(shards))
    return {"stored": stored, "not_stored": refused, "numbers": numbers}


def dataset_bundle(folder: str | Path, bundle: str | Path | None = None) -> Path:
    """Return where the bundle of a folder of scored cases lies.

    Parameters
    ----------
    folder : str or Path
    bundle : str or Path, optional
        Where it is said to lie; by default where it was when it scored.

    Raises
    ------
    PredictionsError
        If the folder is none of scored cases, or incomplete.
    """
    if bundle is not None:
        return user_path(bundle)
    return Path(DatasetManifest.read(user_path(folder)).bundle_path)


def database_identity(store: Store) -> str:
    """Return the hash of the first event of a database's ledger, '' where there is none.

    It tells databases apart, but not a database from a copy of it.
    """
    with store.reading() as session:
        first = session.scalar(select(Event.hash).order_by(Event.id).limit(1))
    return first or ""


def _bundle(folder: Path, digest: str) -> DescribedBundle:
    # Here, since it imports torch: processes that only store cases start faster without it.
    from triage.systems.bundle import read_manifest

    found = read_manifest(folder)
    if found.digest() != digest:
        raise BundleError(
            "another bundle lies here than the one that scored these cases",
            where=str(folder),
            hint="Name the folder of that bundle with --bundle.",
        )
    return DescribedBundle.of(found)


def _require_root(root: Path) -> None:
    if not root.is_dir():
        raise UsageError(
            "there is no such folder",
            where=f"--root {root}",
            hint="Name the folder of the images.",
        )


def _parts(folder: Path, manifest: DatasetManifest) -> list[list[int]]:
    """Numbers of the shards that one task stores, one after the other."""
    numbers = list(range(len(manifest.shards)))
    if len(numbers) > 1 and any(
        derived for shard in manifest.shards for _, _, derived in read_contents(folder, shard)
    ):
        return [numbers]
    return [[number] for number in numbers]


def _batch(folder: Path, manifest: DatasetManifest) -> Batch:
    return Batch(
        {
            (name, hashes)
            for shard in manifest.shards
            for name, hashes, _ in read_contents(folder, shard)
        }
    )


@contextmanager
def _database_for_workers(store: Store) -> Iterator[None]:
    """Let processes that are started meanwhile find the database by their environment.

    A URL may hold a password, which has no place in tasks: engines may keep or show these.
    """
    url = store.engine.url.render_as_string(hide_password=False)
    with environment_variables({URL_VARIABLE: url}):
        yield


@lru_cache(maxsize=1)
def _worker_store(url: str | None) -> Store:
    """One pool of connections for all tasks of a process."""
    return open_store(url)


def _together(found: Sequence[dict[str, Any]]) -> IngestResult:
    refused = [
        NotStored(one["case_id"], StoreError(one["what"], where=one["where"], hint=one["hint"]))
        for part in found
        for one in part["not_stored"]
    ]
    refused.sort(key=lambda one: one.case_id)
    numbers = tuple(number for part in found for number in part["numbers"])
    return IngestResult(sum(part["stored"] for part in found), tuple(refused), numbers)
