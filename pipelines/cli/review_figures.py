"""The verb that prints what follows from the record of reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import Db, Json, say, store_at
from triage.accounts import Action


def review_figures(
    db: Db = None,
    spec: Annotated[
        Path | None,
        typer.Option("--spec", help="Data spec (YAML): risk and urgency of each condition."),
    ] = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Print how readers and the AI work together: times, overrides, switches, agreement.

    Over cases, never by reader. Without --spec the truth has an urgency only where readers
    adjudicated.

    Example: triage review-figures --db sqlite:///triage.db --as Gov
    """
    from pipelines.terminal.review_tables import review_tables
    from triage.data.spec_files import load_spec
    from triage.review.figures import review_figures as computed

    loaded = None if spec is None else load_spec(spec)
    with store_at(db) as store:
        actor = acting(store, as_name, password_stdin, Action.VIEW_REVIEW_FIGURES)
        found = computed(store, actor, spec=loaded)
    say(as_json, found.as_json(), *review_tables(found))
