"""The verb that scores unlabelled cases."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from pipelines.cli.inbox import watch_table
from pipelines.cli.repeat import Every
from triage.accounts import SYSTEM_ACTOR, Action
from triage.errors import ExitCode

if TYPE_CHECKING:
    from triage.intake.ingest import IngestResult
    from triage.intake.score import ScoreResult
    from triage.intake.shadow import ShadowOutcome


def score(
    bundle: Bundle,
    manifest: Annotated[Path, typer.Option("--manifest", help="CSV with the column image.")],
    root: Root,
    out: Annotated[Path, typer.Option("--out", help="Predictions (Parquet) to write.")],
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
    from triage.intake.ingest import IngestResult, ingest, write_not_stored
    from triage.intake.score import score as run
    from triage.intake.score import stored_source
    from triage.intake.shadow import require_not_in_shadow, score_in_shadow

    shadow = None
    with store_at(db, create=True, wanted=db is not None) as store:
        by = SYSTEM_ACTOR
        if store is not None:  # before the long work
            by = acting(store, as_name, password_stdin, Action.ADD_CASES)
            require_not_in_shadow(store, bundle)
        with bars(as_json) as report:
            result = run(
                bundle,
                manifest,
                root,
                out,
                source=source,
                cache_folder=cache_folder(),
                report=report,
                runtime=runtime,
                precision=embedding_precision,
            )
        named, kept = result.source, IngestResult(0)
        if store is not None:
            named = named if source is not None else stored_source(store, result, root)
            kept = ingest(
                store,
                result.cases,
                result.scored,
                result.manifest,
                bundle=bundle,
                root=root,
                source=named,
                actor=by.name,
            )
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
    say(as_json, summary, *lines)
    if counts["rejected"] or kept.not_stored:
        raise typer.Exit(ExitCode.SOME_REJECTED)


def _lines(
    out: Path, result: ScoreResult, kept: IngestResult, shadow: ShadowOutcome | None
) -> list[str]:
    counts = result.counts
    lines = [f"{out}: {counts['read']} cases scored, {counts['rejected']} rejected"]
    lines += [f"  {name}: {n}" for name, n in counts.items() if name not in ("read", "rejected")]
    if counts["rejected"]:
        lines.append(f"  listed in {out}.rejected.csv")
    if kept.not_stored:
        lines.append(f"{len(kept.not_stored)} cases refused by the database, all others stored:")
        lines += [f"  {line}" for line in summarise(kept.lines())]
        lines.append(f"  listed in {out}.not_stored.csv")
    if shadow is not None:
        lines.append(shadow.line())
    lines += warning_lines(result.warnings)
    return lines
