"""`triage score --out FOLDER`: a table of any length to a folder of shards, on any engine.

The table is checked whole, since cases may have rows far apart, and divided into shards. Each shard
is a task (`triage.intake.score_shard`), written whole or not at all. A finished shard is kept as
long as its key is the same: cases, sizes and times of their files, bundle, settings and version of
this software; so a command that is repeated after a kill goes on from there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from triage import __version__
from triage.backbones.runtime.execution import Precision, RuntimeName
from triage.data.csv_table import read_csv
from triage.data.manifest import RowCases
from triage.data.spec import DataSpec
from triage.decisions.capacity import alarms_of_counts
from triage.engine import EngineSettings, Task, open_executor
from triage.errors import PredictionsError, RejectReason, UsageError
from triage.file_lock import file_lock
from triage.hashing import hash_file, hash_json
from triage.intake.case_source import user_path
from triage.intake.case_table import unlabelled_rows
from triage.intake.shard_lists import write_lists
from triage.intake.shard_plan import state_of_files, write_plan
from triage.intake.shard_receipts import CaseProgress, ShardReceipts
from triage.intake.source_name import checked_source, source_of
from triage.progress import Progress
from triage.scored_dataset import (
    MANIFEST,
    MAX_SHARDS,
    READINGS,
    DatasetManifest,
    Shard,
    shard_names,
)
from triage.systems.bundle import load_bundle_spec, verify_bundle
from triage.systems.manifest import BundleManifest

SHARD_SIZE = 500
MAX_SHARD_SIZE = 20_000
TASK = "triage.intake.score_shard:score_shard"
_WORK, _LOCK = ".work", ".lock"
_MOST_DECODERS = 2


@dataclass(frozen=True)
class ShardSettings:
    """How a table is scored in shards.

    Parameters
    ----------
    shard_size : int
        Cases a shard.
    engine : EngineSettings
    runtime, precision : str, optional
        As for `triage.intake.score.score`.
    cache_folder : Path, optional
        Of the embedding cache.
    """

    shard_size: int = SHARD_SIZE
    engine: EngineSettings = field(default_factory=EngineSettings)
    runtime: RuntimeName | None = None
    precision: Precision | None = None
    cache_folder: Path | None = None


@dataclass(frozen=True)
class DatasetResult:
    """What scoring into a folder did.

    Parameters
    ----------
    folder : Path
    manifest : DatasetManifest
    bundle : BundleManifest
    warnings : tuple of str
    kept : int
        Shards that an earlier run had finished.
    """

    folder: Path
    manifest: DatasetManifest
    bundle: BundleManifest
    warnings: tuple[str, ...]
    kept: int

    @property
    def source(self) -> str:
        """Name of the place the cases come from."""
        return self.manifest.source

    @property
    def counts(self) -> dict[str, int]:
        """Cases read and rejected by reason."""
        reasons = self.manifest.rejected
        return {"read": self.manifest.scored, "rejected": sum(reasons.values()), **reasons}


def score_dataset(
    bundle: str | Path,
    table: str | Path,
    root: str | Path,
    out: str | Path,
    settings: ShardSettings | None = None,
    *,
    source: str | None = None,
    report: Progress = lambda *_: None,
    readings: Path | None = None,
) -> DatasetResult:
    """Score the cases of a manifest into a folder of shards; a repeated call goes on.

    Parameters
    ----------
    bundle, table, root : str or Path
        As for `triage.intake.score.score`.
    out : str or Path
        Folder; empty, absent, or one that this function wrote.
    settings : ShardSettings, optional
    source : str, optional
        Name of the place the cases come from; default: that of the bundle's spec.
    report : callable
        Gets the cases done of all.
    readings : Path, optional
        Folder for the readings of OCT volumes; by default within `out`.

    Raises
    ------
    SpecError
        If the table is unusable; lists every problem.
    UsageError
        If a folder is not there, or `out` holds something else, or another process writes it.
    BundleError, EngineError
        If a worker has not the bundle, or no worker answers.
    PredictionsError
        If the folder cannot be written to.
    """
    bundle, table, root, out = (user_path(path) for path in (bundle, table, root, out))
    settings = settings or ShardSettings()
    named = None if source is None else checked_source(source)
    require_folder(root)
    if not 1 <= settings.shard_size <= MAX_SHARD_SIZE:
        raise UsageError(f"is not from 1 to {MAX_SHARD_SIZE}", where="--shard-size")
    check_out(out)
    for name, path in (("--bundle", bundle), ("--root", root)):
        _require_utf8(name, path)
    sealed = verify_bundle(bundle)
    spec = load_bundle_spec(bundle)
    found: list[str] = []
    rows = unlabelled_rows(read_csv(table), root, spec, found, where=str(table))
    manifest = DatasetManifest(
        state="incomplete",
        code_version=__version__,
        bundle_name=sealed.name,
        bundle_digest=sealed.digest(),
        bundle_path=str(bundle.resolve()),
        modality=str(sealed.modality),
        table_sha256=hash_file(table),
        spec_hash=sealed.spec_hash,
        root=str(root.resolve()),
        source=named or source_of(spec),
        runtime=settings.runtime,
        precision=settings.precision,
        shard_size=settings.shard_size,
    )
    work = _Work(out, out / READINGS if readings is None else readings, root, manifest, settings)
    try:
        with file_lock(out / _LOCK, partial(_in_use, out)):
            tasks = work.prepare(rows)
            total = len(rows)
            del rows
            manifest, kept = work.run(tasks, total, report)
    except OSError as error:
        raise PredictionsError(
            f"cannot be written: {error.strerror or error}", where=str(out)
        ) from error
    warnings = _warnings(sealed, spec, manifest, found)
    return DatasetResult(out, manifest, sealed, warnings, kept)


def require_folder(root: Path) -> None:
    """Refuse a folder of images that is not there.

    Else every case would be rejected for its missing file, and stored so.
    """
    if not root.is_dir():
        raise UsageError(
            "there is no such folder", where=f"--root {root}", hint="Name the folder of the images."
        )


def _require_utf8(option: str, path: Path) -> None:
    """Refuse a path that the manifest of the folder cannot hold."""
    try:
        str(path.resolve()).encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(
            "has a name that is not UTF-8", where=f"{option} {path}", hint="Rename the folder."
        ) from None


def check_out(out: Path) -> None:
    """Refuse a folder for the shards that holds something else.

    Raises
    ------
    UsageError
    """
    if out.exists() and not out.is_dir():
        raise UsageError("is a file, not a folder", where=f"--out {out}")
    # The two hidden ones are what a run leaves that was killed before it wrote its manifest.
    ours = {_WORK, _LOCK}
    foreign = out.is_dir() and any(path.name not in ours for path in out.iterdir())
    if foreign and not (out / MANIFEST).exists():
        raise UsageError(
            "is a folder with other files in it",
            where=f"--out {out}",
            hint="Name a folder that does not exist yet, or one that `triage score` wrote.",
        )


def _in_use(out: Path, owner: str) -> UsageError:
    return UsageError(
        f"another scoring{owner} writes this folder",
        where=f"--out {out}",
        hint="Wait until it has finished, or end it: the same command goes on.",
    )


@dataclass(frozen=True)
class _Work:
    """The shards of one table, their tasks and their folder."""

    out: Path
    readings: Path
    root: Path
    manifest: DatasetManifest
    settings: ShardSettings

    @property
    def folder(self) -> Path:
        """Where the shards' plans and receipts lie until all is done."""
        return self.out / _WORK

    def prepare(self, rows: RowCases) -> list[Task]:
        """Write the plan of every shard and return their tasks, without keeping cases."""
        size = self.settings.shard_size
        if (count := -(-len(rows) // size)) > MAX_SHARDS:
            raise UsageError(
                f"makes {count} shards of {len(rows)} cases, more than {MAX_SHARDS}",
                where="--shard-size",
                hint="Give a larger one.",
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        return [
            self._task(number, rows, start, min(start + size, len(rows)))
            for number, start in enumerate(range(0, len(rows), size))
        ]

    def _task(self, number: int, rows: RowCases, start: int, stop: int) -> Task:
        cases = rows.take(start, stop)
        plan = self.folder / f"plan-{number:05d}.json"
        sha256 = write_plan(plan, cases, self.root)
        files = state_of_files(path for case in cases for path in case.images)
        settings, digest = self.settings, self.manifest.bundle_digest
        ways = [settings.runtime, settings.precision]
        key = hash_json([__version__, digest, sha256, files, str(self.root.resolve()), *ways])
        cache = settings.cache_folder
        return Task(
            TASK,
            {
                "bundle": self.manifest.bundle_path,
                "digest": digest,
                "plan": str(plan.absolute()),
                "plan_sha256": sha256,
                "number": number,
                "key": key,
                "root": str(self.root.absolute()),
                "out": str(self.out.absolute()),
                "readings": str(self.readings.absolute()),
                "runtime": settings.runtime,
                "precision": settings.precision,
                "cache": None if cache is None else str(cache.absolute()),
                "decoders": decoders_each(settings.engine),
            },
            name=f"shard {number}",
        )

    def run(
        self, tasks: Sequence[Task], total: int, report: Progress
    ) -> tuple[DatasetManifest, int]:
        """Score what is not finished, write the lists and the manifest."""
        progress = CaseProgress(report, total)
        receipts = ShardReceipts(self.folder, self.out, self.readings, progress)
        receipts.take_over()
        self.manifest.write(self.out)
        with open_executor(self.settings.engine) as executor:
            answers = executor.map(tasks, stage="shards", progress=progress, results=receipts)
        manifest = self.manifest.model_copy(
            update={
                "state": "complete",
                "shards": tuple(Shard.model_validate(one["shard"]) for one in answers),
                "execution": next((one["execution"] for one in answers if one["execution"]), ""),
            }
        )
        write_lists(self.out, manifest)
        manifest.write(self.out)
        self._clean(manifest)
        return manifest, receipts.kept

    def _clean(self, manifest: DatasetManifest) -> None:
        """Delete plans and receipts, and what earlier runs of more shards left."""
        shutil.rmtree(self.folder, ignore_errors=True)
        listed = {name for shard in manifest.shards for name in shard_names(shard.number)}
        for path in _shards_in(self.out):
            if path.name not in listed:
                path.unlink(missing_ok=True)


def _shards_in(folder: Path) -> Iterator[Path]:
    for pattern in ("part-*.parquet", "cases-*.parquet"):
        yield from folder.glob(pattern)


def decoders_each(engine: EngineSettings) -> int | None:
    """Processes that decode files for each worker: the cores are shared by the workers.

    None, the usual number, where the work is done in this process.
    """
    if engine.engine == "local":
        return None
    return max(1, min(_MOST_DECODERS, (os.cpu_count() or 1) // engine.workers))


def _warnings(
    sealed: BundleManifest, spec: DataSpec, manifest: DatasetManifest, found: Sequence[str]
) -> tuple[str, ...]:
    told = [*filter(None, [manifest.execution])]
    if sealed.lacks_image_kind:
        told.append(NO_GUARD)
    told += found
    if manifest.cases and manifest.rejected.get(RejectReason.MISSING, 0) == manifest.cases:
        told.append(ALL_MISSING)
    counts = [(shard.no_opinion, shard.urgent) for shard in manifest.shards]
    no_opinion, urgent = (sum(column) for column in zip(*counts, strict=True))
    return (*told, *alarms_of_counts(spec.capacity, manifest.scored, no_opinion, urgent))


NO_GUARD = (
    "the bundle has no guard against pictures of another kind (A1), as those of earlier "
    "releases: train it again to have one"
)
ALL_MISSING = "none of the files is below --root: check that it is the right folder"
