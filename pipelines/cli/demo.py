"""The verb that runs every step once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.acting import require_no_accounts
from pipelines.cli.console import (
    Backbones,
    Config,
    Json,
    Members,
    OptionalRoot,
    RecipeName,
    bars,
    cache_folder,
    say,
)


def demo(
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Do not open the pages.")] = False,
    spec: Annotated[
        Path | None, typer.Option("--spec", help="Data spec; default: generated phantoms.")
    ] = None,
    root: OptionalRoot = None,
    workdir: Annotated[Path, typer.Option("--workdir", help="Where to write.")] = Path("workdir"),
    backbone: Backbones = None,
    members: Members = None,
    draws: Annotated[int, typer.Option(min=1, help="How often roles are drawn.")] = 1,
    cases: Annotated[int | None, typer.Option(min=400, help="Phantoms to generate.")] = None,
    config: Config = None,
    recipe: RecipeName = "default",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8501,
    as_json: Json = False,
) -> None:
    """Go the whole way once: data, training, evaluation, case database, report, pages.

    Example: triage demo --no-ui --spec data_specs/derm_ham10000.yaml --root ../data
    """
    from pipelines import demo as pipeline
    from pipelines.terminal.oct_tables import referral_table
    from pipelines.terminal.tables import draws_table, overall_table
    from triage.data.spec_files import load_spec, shipped_spec
    from ui.launch import require_pages
    from ui.launch import run as serve
    from ui.serving.settings import ServingSettings

    if not no_ui:
        require_pages()  # before minutes of training
    chosen = load_spec(spec or shipped_spec("derm_phantoms"))
    place = workdir / chosen.name
    require_no_accounts(f"sqlite:///{(place / 'triage.db').resolve()}")
    with bars(as_json) as progress:
        result = pipeline.demo(
            chosen,
            root,
            place,
            backbones=backbone or (),
            members=members,
            draws=draws,
            cases=cases,
            config=config,
            recipe=recipe,
            cache_folder=cache_folder(),
            report=progress,
        )
    first = {head: runs[0].evaluation for head, runs in result.runs.items()}
    tables = [overall_table(first, f"{chosen.title}: test split", chosen.roles.note)]
    tables += [
        referral_table(runs[0].referral, chosen.roles.note)
        for runs in result.runs.values()
        if runs[0].referral is not None
    ]
    if draws > 1:
        tables.append(draws_table(result.spread(), draws, chosen.roles.note))
    places = [f"  {name}: {where}" for name, where in result.places.items()]
    say(
        as_json,
        result.summary(),
        *tables,
        "Where everything is:",
        *places,
        "  the report is an audit: report.html, report.pdf, report.json, tables/, audit.zip",
        f"  case database: {result.database} ({result.counts['cases waiting']} cases wait)",
        f"  open the pages: triage ui --db {result.database}",
    )
    if not no_ui:
        if not as_json:
            say(False, {}, f"reviewer's pages: http://127.0.0.1:{port} (Ctrl-C stops)")
        raise typer.Exit(serve(result.database, ServingSettings(port=port)))
