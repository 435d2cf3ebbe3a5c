"""The verb that stores cases which were scored before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import Db, Json, bars, cache_folder, say, store_at, summarise
from pipelines.cli.engine_options import Address, Engine, Workers, engine_settings
from triage.accounts import Action
from triage.errors import ExitCode


def ingest(
    scored: Annotated[
        Path, typer.Option("--scored", help="Folder that `triage score --out FOLDER` wrote.")
    ],
    db: Db = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="Where the bundle lies now; default: where it scored."),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", help="Folder of the images now; default: where they were scored."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", help="Name of the place the cases come from; default: as scored."),
    ] = None,
    engine: Engine = None,
    workers: Workers = 1,
    address: Address = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Store the cases of a folder of scored cases in the case database; repeat it at will.

    Example: triage ingest --scored scored --db postgresql://triage@localhost/triage --workers 2
    """
    from triage.intake.ingest import write_not_stored
    from triage.intake.ingest_dataset import dataset_bundle, ingest_dataset
    from triage.intake.shadow import require_not_in_shadow, score_in_shadow

    settings = engine_settings(engine, workers, address)
    with store_at(db, create=True) as store:
        by = acting(store, as_name, password_stdin, Action.ADD_CASES)
        require_not_in_shadow(store, dataset_bundle(scored, bundle))
        with bars(as_json) as report:
            kept = ingest_dataset(
                store,
                scored,
                bundle=bundle,
                root=root,
                source=source,
                actor=by.name,
                settings=settings,
                report=report,
            )
        write_not_stored(scored, kept)
        with bars(as_json) as report:  # the bundle in shadow, once all else is done
            shadow = score_in_shadow(
                store, kept.numbers, cache_folder=cache_folder(), report=report
            )
    lines = [f"{scored}: {kept.stored} cases stored"]
    if kept.not_stored:
        lines.append(f"{len(kept.not_stored)} cases refused by the database, all others stored:")
        lines += [f"  {line}" for line in summarise(kept.lines())]
        lines.append(f"  listed in {scored}.not_stored.csv")
    if shadow is not None:
        lines.append(shadow.line())
    summary = {
        "scored": str(scored), "stored": kept.stored, "not_stored": kept.lines(),
        "shadow": None if shadow is None else {"scored": shadow.scored, "failure": shadow.failure},
    }  # fmt: skip
    say(as_json, summary, *lines)
    if kept.not_stored:
        raise typer.Exit(ExitCode.SOME_REJECTED)
