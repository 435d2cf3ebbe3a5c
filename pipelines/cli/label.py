"""The verbs on labels: import from a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import Db, Json, say, store_at, summarise
from triage.accounts import Action
from triage.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from triage.labels.import_labels import ImportedLabels


def label_import(
    table: Annotated[
        Path, typer.Option("--csv", help="Labels: columns case_id, condition and others.")
    ],
    source: Annotated[
        Literal["histology", "adjudicated", "blind", "ai_visible"],
        typer.Option("--source", help="Where every label of the file comes from."),
    ],
    db: Db = None,
    spec: Annotated[
        Path | None,
        typer.Option(
            "--spec",
            help="Data spec whose conditions may be named; default: those of all bundles of the "
            "database.",
        ),
    ] = None,
    rejected: Annotated[
        Path | None,
        typer.Option(
            "--rejected",
            help="Where to list rejected rows; default: FILE.rejected.csv beside the file.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check; add nothing.")] = False,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Add labels from a CSV to cases of the database; the same file again adds nothing.

    Example: triage label import --csv histology.csv --source histology --db sqlite:///triage.db
    """
    from triage.data.spec_files import load_spec
    from triage.labels.import_labels import import_labels, write_rejected
    from triage.vocabulary.label_sources import LabelSource

    conditions = None if spec is None else load_spec(spec)
    with store_at(db) as store:
        by = acting(store, as_name, password_stdin, Action.ADD_LABEL)
        result = import_labels(
            store, table, LabelSource(source), by, spec=conditions, dry_run=dry_run
        )
    listed = rejected or table.with_name(f"{table.name}.rejected.csv")
    if result.rejected:
        try:
            write_rejected(listed, result)
        except OSError as error:
            raise UsageError(
                f"the rejected rows cannot be listed ({error.strerror}); the others were added",
                where=str(listed),
                hint="Name another file with --rejected, and run it again: it adds nothing twice.",
            ) from error
    summary = {
        "csv": str(table),
        "source": source,
        "dry_run": dry_run,
        "added": result.added,
        "present": result.present,
        "requests_closed": result.requests_closed,
        "kappa": result.kappa,
        "ignored_columns": list(result.ignored),
        "rejected": [
            {"row": one.number, "column": one.column, "reason": one.reason}
            for one in result.rejected
        ],
        "rejected_file": str(listed) if result.rejected else None,
    }
    say(as_json, summary, *_lines(result, table, listed, dry_run))
    if result.rejected:
        raise typer.Exit(ExitCode.SOME_REJECTED)


def _lines(result: ImportedLabels, table: Path, listed: Path, dry_run: bool) -> list[str]:
    """What an import did, for people."""
    would = "would be " if dry_run else ""
    return [
        f"{table}: {result.added} labels {would}added, {result.present} were there already, "
        f"{len(result.rejected)} rows rejected",
        *([f"{result.requests_closed} requests answered"] if result.requests_closed else []),
        *([] if result.kappa is None else [f"votes agree with Fleiss' kappa {result.kappa:.2f}"]),
        *([f"columns not used: {', '.join(result.ignored)}"] if result.ignored else []),
        *summarise([f"  row {one.number}, {one.column}: {one.reason}" for one in result.rejected]),
        *([f"{listed}: the rejected rows"] if result.rejected else []),
    ]
