"""The verb that scores unlabelled cases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import (
    Bundle,
    EmbeddingPrecision,
    Json,
    Root,
    Runtime,
    bars,
    cache_folder,
    say,
    store_at,
    summarise,
    warning_lines,
)
from pipelines.cli.engine_options import Address, Engine, Workers, engine_settings
from pipelines.cli.inbox import watch_table
from pipelines.cli.repeat import Every
from triage.accounts import SYSTEM_ACTOR, Action
from triage.errors import ExitCode

if TYPE_CHECKING:
    from triage.intake.ingest import IngestResult
    from triage.intake.score import ScoreResult
    from triage.intake.score_dataset import DatasetResult, ShardSettings
    from triage.intake.shadow import ShadowOutcome


def score(
    bundle: Bundle,
    manifest: Annotated[Path, typer.Option("--manifest", help="CSV with the column image.")],
    root: Root,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Predictions to write: a Parquet file, or a folder of shards (a name without "
            "a suffix).",
        ),
    ],
    db: Annotated[str | None, typer.Option("--db", help="Also store the cases here.")] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            help="Name of the place the cases come from; default: that of the bundle's spec.",
        ),
    ] = None,
    runtime: Runtime = None,
    embedding_precision: EmbeddingPrecision = None,
    shard_size: Annotated[
        int, typer.Option("--shard-size", min=1, max=20_000, help="Cases a shard.")
    ] = 500,
    engine: Engine = None,
    workers: Workers = 1,
    address: Address = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    every: Every = None,
    as_json: Json = False,
) -> None:
    """Score unlabelled cases: one row a case, rejected cases listed beside it.

    Example: triage score --bundle bundles/ham --manifest new.csv --root photos --out new.parquet
    """
    if every is not None:
        once = partial(score, **{**locals(), "every": None})
        raise typer.Exit(watch_table(once, manifest, bundle, every, password_stdin, as_json))
    from triage.intake.ingest import IngestResult, write_not_stored
    from triage.intake.score_dataset import ShardSettings
    from triage.intake.shadow import require_not_in_shadow, score_in_shadow

    where = engine_settings(engine, workers, address)
    settings = ShardSettings(shard_size, where, runtime, embedding_precision, cache_folder())
    shadow = None
    with store_at(db, create=True, wanted=db is not None) as store:
        by = SYSTEM_ACTOR
        if store is not None:  # before the long work
            by = acting(store, as_name, password_stdin, Action.ADD_CASES)
            require_not_in_shadow(store, bundle)
        asked = _Asked(bundle, manifest, root, out, source, settings)
        with bars(as_json) as report:
            result = asked.score(report)
        named, kept = result.source, IngestResult(0)
        if store is not None:
            with bars(as_json) as report:
                named, kept = asked.store(result, store, by.name, report)
            write_not_stored(out, kept)
            with bars(as_json) as report:  # the bundle in shadow, once all else is done
                shadow = score_in_shadow(
                    store, kept.numbers, cache_folder=cache_folder(), report=report
                )
    counts = result.counts
    lines = _lines(out, result, kept, shadow)
    summary = {
        "out": str(out), "counts": counts, "source": named, "warnings": list(result.warnings),
        "stored": kept.stored, "not_stored": kept.lines(),
        "shadow": None if shadow is None else {"scored": shadow.scored, "failure": shadow.failure},
    }  # fmt: skip
    if asked.into_folder:
        summary["shards"] = {"all": len(result.manifest.shards), "kept": result.kept}
    say(as_json, summary, *lines)
    if counts["rejected"] or kept.not_stored:
        raise typer.Exit(ExitCode.SOME_REJECTED)


@dataclass(frozen=True)
class _Asked:
    """What is to be scored, and where it goes: one table, or a folder of shards."""

    bundle: Path
    manifest: Path
    root: Path
    out: Path
    source: str | None
    settings: ShardSettings

    @property
    def into_folder(self) -> bool:
        """Whether it is a folder of shards: an existing one, or a new name without a suffix."""
        from triage.intake.case_source import user_path

        out = user_path(self.out)
        return out.is_dir() or not (out.suffix or out.exists())

    def score(self, report: Any) -> Any:
        """Return a `ScoreResult` or a `DatasetResult`."""
        from triage.intake.score import score as score_file
        from triage.intake.score_dataset import score_dataset

        if self.into_folder:
            return score_dataset(
                self.bundle, self.manifest, self.root, self.out, self.settings,
                source=self.source, report=report,
            )  # fmt: skip
        return score_file(
            self.bundle,
            self.manifest,
            self.root,
            self.out,
            source=self.source,
            cache_folder=self.settings.cache_folder,
            report=report,
            runtime=self.settings.runtime,
            precision=self.settings.precision,
            engine=self.settings.engine,
            shard_size=self.settings.shard_size,
        )

    def store(self, result: Any, store: Any, actor: str, report: Any) -> tuple[str, IngestResult]:
        """Store the cases; return the source they are stored under, and what became of them."""
        from triage.intake.ingest import ingest
        from triage.intake.ingest_dataset import ingest_dataset
        from triage.intake.score import known_source
        from triage.intake.scored_shard import read_shard

        if self.into_folder:
            first = result.manifest.shards[0]
            cases = read_shard(result.folder, result.manifest, first, root=self.root).cases
        else:
            cases = result.cases
        named = result.source
        if self.source is None:
            named = known_source(store, cases, self.root) or named
        where = {"bundle": self.bundle, "root": self.root, "source": named, "actor": actor}
        if self.into_folder:
            # SQLite takes one writer at a time.
            several = store.engine.dialect.name != "sqlite"
            settings = self.settings.engine if several else None
            return named, ingest_dataset(
                store, result.folder, settings=settings, report=report, **where
            )
        return named, ingest(store, result.cases, result.scored, result.manifest, **where)


def _lines(
    out: Path,
    result: ScoreResult | DatasetResult,
    kept: IngestResult,
    shadow: ShadowOutcome | None,
) -> list[str]:
    from triage.intake.case_source import user_path
    from triage.scored_dataset import NOT_STORED, REJECTED, list_beside

    counts = result.counts
    out = user_path(out)
    lines = [f"{out}: {counts['read']} cases scored, {counts['rejected']} rejected"]
    lines += [f"  {name}: {n}" for name, n in counts.items() if name not in ("read", "rejected")]
    if counts["rejected"]:
        lines.append(f"  listed in {list_beside(out, REJECTED)}")
    if kept.not_stored:
        lines.append(f"{len(kept.not_stored)} cases refused by the database, all others stored:")
        lines += [f"  {line}" for line in summarise(kept.lines())]
        lines.append(f"  listed in {list_beside(out, NOT_STORED)}")
    if shadow is not None:
        lines.append(shadow.line())
    lines += warning_lines(result.warnings)
    return lines
