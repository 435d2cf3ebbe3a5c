"""The verb that chooses which cases to label next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import Db, Json, bars, cache_folder, say, store_at, summarise
from triage.accounts import Action
from triage.errors import UsageError

if TYPE_CHECKING:
    from triage.learning.select_cases import Selection

_Bundle = Annotated[
    Path | None,
    typer.Option("--bundle", help="Trained system (a folder); needed with a database."),
]
_Table = Annotated[
    Path | None,
    typer.Option("--predictions", help="Choose from this table (Parquet) without a database."),
]
_Balance = Annotated[
    str | None,
    typer.Option("--balance", help="Subgroup column whose levels share the places evenly."),
]
_Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes",
        help="Of cost: minutes a case takes to read. Default: as measured in the database.",
    ),
]


def select(
    bundle: _Bundle = None,
    db: Db = None,
    predictions: _Table = None,
    strategy: Annotated[
        str, typer.Option("--strategy", help="One of `triage list strategies`.")
    ] = "bald",
    n: Annotated[int, typer.Option("--n", min=1, help="How many cases.")] = 20,
    balance: _Balance = None,
    minutes: _Minutes = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of what is drawn.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Choose only; ask for no label.")
    ] = False,
    show_list: Annotated[
        bool, typer.Option("--list", help="Only print the labelling list as it stands.")
    ] = False,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Choose the cases whose labels are worth most, and put them at the head of the labelling list.

    Example: triage select --bundle bundles/a --strategy batchbald --n 30 --balance skin_type
    """
    from triage.learning.select_cases import Request, select_from_store, select_from_table
    from triage.predictions import Predictions

    request = Request(strategy, n, balance, seed, minutes)
    if show_list:
        _show_list(db, as_name, password_stdin, as_json)
        return
    if predictions is not None:
        if db is not None:
            raise UsageError(
                "a table of predictions is chosen from without a database",
                where="--predictions",
                hint="Leave out --predictions or --db.",
            )
        found = select_from_table(Predictions.load(predictions), request, bundle)
        _show(found, as_json, stores=False)
        return
    if bundle is None:
        raise UsageError(
            "the cases of a database are scored by a system",
            where="--bundle",
            hint="Name the system, or a table of predictions with --predictions.",
        )
    with store_at(db) as store:
        by = acting(store, as_name, password_stdin, Action.SELECT_CASES)
        with bars(as_json) as report:
            found = select_from_store(
                store,
                bundle,
                request,
                actor=by.name,
                dry_run=dry_run,
                cache_folder=cache_folder(),
                report=report,
            )
    _show(found, as_json, stores=not dry_run)


def _show(found: Selection, as_json: bool, *, stores: bool) -> None:
    """Print what was chosen."""
    listed = [
        f"  {each.value:.4g}  {each.case_id}"
        + (f" of {each.source}" if each.source else "")
        + (f", {each.group}" if each.group else "")
        for each in found.chosen
    ]
    stored = f"{found.requested} labels asked for" if stores else "nothing was stored"
    say(
        as_json,
        {**found.as_json(), "dry_run": not stores},
        f"{found.strategy}: {len(found.chosen)} of {found.pool} cases, by {found.unit}; {stored}",
        *summarise(listed),
        *(
            f"  left out: {count} ({reason.replace('_', ' ')})"
            for reason, count in found.left_out.items()
        ),
        *(f"  {note}" for note in found.notes),
    )


def _show_list(db: str | None, as_name: str | None, password_stdin: bool, as_json: bool) -> None:
    """Print the cases whose label is asked for, in their order."""
    from triage.learning.labelling_list import labelling_list

    with store_at(db) as store:
        acting(store, as_name, password_stdin, Action.SELECT_CASES)
        found = labelling_list(store)
    say(
        as_json,
        {"requests": [each.as_json() for each in found]},
        f"{len(found)} labels are asked for",
        *summarise([f"  {each.case_id} of {each.source}: {each.reason}" for each in found]),
    )
