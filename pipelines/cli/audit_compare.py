"""Verb that compares two audits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.audit_options import AuditDb, Key, Predictions
from pipelines.cli.console import Json, bars, say, store_at
from triage.accounts import SYSTEM_ACTOR, Action

if TYPE_CHECKING:
    from triage.reports.run_comparison import ComparisonRun


def audit_compare(
    plan: Annotated[Path, typer.Argument(help="Plan of the first audit, from audit plan.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the reports.")],
    predictions: Predictions = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="Table of the second audit; else as the first.")
    ] = None,
    against_plan: Annotated[
        Path | None, typer.Option("--against-plan", help="Its plan; else that of the first.")
    ] = None,
    db: AuditDb = None,
    key: Key = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Compare two audits: two systems on the same cases, or two periods.

    Example: triage audit compare plan.yaml --predictions old.csv --against new.csv --out compared
    """
    from triage.reports.run_comparison import run_comparison

    with store_at(db, wanted=db is not None) as store:
        actor = SYSTEM_ACTOR
        if store is not None:
            actor = acting(store, as_name, password_stdin, Action.AUDIT)
        with bars(as_json) as progress:
            done = run_comparison(
                plan, out, predictions=predictions, against=against, against_plan=against_plan,
                store=store, key=key, actor=actor, progress=progress,
            )  # fmt: skip
    _say(as_json, done)


def _say(as_json: bool, done: ComparisonRun) -> None:
    from pipelines.terminal.audit_tables import files_line
    from pipelines.terminal.comparison_tables import comparison_lines

    report = done.report
    value = {
        "folder": str(done.folder),
        "files": list(done.files),
        "report": report.report_id,
        **report.model_dump(
            mode="json",
            include={"kind", "first", "second", "n_first", "n_second", "notes", "changes", "heal"},
        ),
    }
    say(as_json, value, *comparison_lines(report), files_line(done.folder, done.files))
