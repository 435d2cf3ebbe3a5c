"""How fast scored cases are stored, by one writer and by two: the ratio in one run.

    python -m tests.speed.ingest_writers 100000 [postgres|sqlite] [workers]

Cases are made up, without files. With `postgres` it starts a server of its own, with fsync on as a
server in use has it. Afterwards the cases are counted and the ledger is verified.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select, text

from tests.intake.make_scored import repeated_folder
from tests.store.databases import database_url
from tests.tiny import train_tiny, write_resnet
from triage.data.dataset import load_dataset
from triage.data.spec_files import load_spec, shipped_spec
from triage.engine import EngineSettings
from triage.intake.ingest_dataset import ingest_dataset
from triage.phantoms.skin import write_phantoms
from triage.store import Store, open_store, verify_ledger
from triage.store.tables import Case, Event, Image, Prediction
from triage.systems.bundle import load_system


def main(cases: int, kind: str = "postgres", workers: int = 2) -> None:
    """Print seconds and cases an hour for one writer and for several."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scored = scored_folder(folder, cases)
        took = {}
        for count in (1, workers):
            with _store(kind, folder, count) as store:
                begin = time.perf_counter()
                settings = EngineSettings(
                    engine="local" if count == 1 else "processes", workers=count
                )
                found = ingest_dataset(store, scored, settings=settings)
                took[count] = time.perf_counter() - begin
                _check(store, cases, found.stored)
                print(
                    f"{kind}, {count} writers: {cases} cases in {took[count]:.1f} s, "
                    f"{cases / took[count] * 3600:,.0f} an hour",
                    flush=True,
                )
                begin = time.perf_counter()
                again = ingest_dataset(store, scored, settings=settings)
                _check(store, cases, again.stored)
                print(f"  stored again in {time.perf_counter() - begin:.1f} s", flush=True)
        print(f"{workers} writers are {took[1] / took[workers]:.2f} times as fast as one")


def scored_folder(folder: Path, cases: int) -> Path:
    """Train a small bundle on phantoms, score them, and write shards of so many cases."""
    root = folder / "phantoms"
    write_phantoms(root, 200, 0, size=32, rare_fraction=0.4)
    dataset = load_dataset(load_spec(shipped_spec("derm_phantoms")), root)
    backbone = write_resnet(folder / "resnet")
    bundle = train_tiny(dataset, backbone, folder / "bundle", folder / "cache")
    system, _ = load_system(bundle.folder)
    known = dataset.of_split("test")
    scored = system.score(known, bundle.cache)
    return repeated_folder(folder / "scored", bundle.folder, known, scored, cases, root=root)


@contextmanager
def _store(kind: str, folder: Path, count: int) -> Iterator[Store]:
    place = folder / f"database{count}"
    place.mkdir()
    with database_url(kind, place) as url:
        store = open_store(url, create=True)
        if kind == "postgres":  # tests switch it off
            with store.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as direct:
                direct.execute(text("ALTER SYSTEM SET fsync = on"))
                direct.execute(text("SELECT pg_reload_conf()"))
        yield store
        begin = time.perf_counter()
        verified = verify_ledger(url)
        assert verified.intact, verified.chain.findings
        print(
            f"  ledger of {verified.chain.events} events verified in "
            f"{time.perf_counter() - begin:.1f} s"
        )
        store.close()


def _check(store: Store, cases: int, stored: int) -> None:
    assert stored == cases
    with store.reading() as session:
        for table in (Case, Image, Prediction):
            assert session.scalar(select(func.count()).select_from(table)) == cases
        assert session.scalar(select(func.count(func.distinct(Case.external_id)))) == cases
        assert session.scalar(select(func.count()).select_from(Event)) >= 3 * cases


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:3], *map(int, sys.argv[3:4]))
