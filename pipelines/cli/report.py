"""The verb that writes the audit report of a bundle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import (
    Bundle,
    Json,
    Root,
    Spec,
    bars,
    cache_folder,
    say,
    store_at,
)
from triage.accounts import Action
from triage.errors import ExitCode


def report(
    bundle: Bundle,
    spec: Spec,
    root: Root,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report.")],
    db: Annotated[str | None, typer.Option("--db", help="Summarise reviews from here.")] = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Write the audit report of a bundle by our default plan: HTML, PDF, JSON, CSV, archive.

    The same as `triage audit run`, on the test split of the spec, with what only a bundle has.

    Example: triage report --bundle bundles/ham --spec data_specs/derm_ham10000.yaml
    --root ../data --out report
    """
    from triage.data.spec_files import load_spec
    from triage.learning.evaluate import evaluate_bundle
    from triage.reports.bundle_report import write_audit

    named = db is not None or "TRIAGE_DATABASE_URL" in os.environ
    with store_at(db, wanted=named) as store:
        if store is not None:  # before the long work
            acting(store, as_name, password_stdin, Action.VIEW_REVIEW_FIGURES)
        with bars(as_json) as progress:
            run = evaluate_bundle(
                bundle, load_spec(spec), root, cache_folder=cache_folder(), report=progress
            )
            files = write_audit(run, out, store, progress)
    written = {name: str(path) for name, path in files.items()}
    say(as_json, written, f"report: {files['html']}", f"archive: {files['archive']}")
    if run.rejected:
        raise typer.Exit(ExitCode.SOME_REJECTED)
