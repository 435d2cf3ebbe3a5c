"""Verbs on cases: score, report, open the pages, and the whole way once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import (
    Backbones,
    Bundle,
    Config,
    Db,
    Json,
    Members,
    OptionalRoot,
    Root,
    Spec,
    bars,
    cache_folder,
    say,
    store_at,
    summarise,
    warning_lines,
)
from triage.errors import ExitCode


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
    as_json: Json = False,
) -> None:
    """Score unlabelled cases: one row a case, rejected cases listed beside it.

    Example: triage score --bundle bundles/ham --manifest new.csv --root photos --out new.parquet
    """
    from triage.intake.ingest import IngestResult, ingest, write_not_stored
    from triage.intake.score import score as run
    from triage.intake.score import stored_source

    with store_at(db, create=True, wanted=db is not None) as store:
        with bars(as_json) as report:
            result = run(
                bundle,
                manifest,
                root,
                out,
                source=source,
                cache_folder=cache_folder(),
                report=report,
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
            )
            write_not_stored(out, kept)
    counts = result.counts
    lines = [f"{out}: {counts['read']} cases scored, {counts['rejected']} rejected"]
    lines += [f"  {name}: {n}" for name, n in counts.items() if name not in ("read", "rejected")]
    if counts["rejected"]:
        lines.append(f"  listed in {out}.rejected.csv")
    if kept.not_stored:
        lines.append(f"{len(kept.not_stored)} cases refused by the database, all others stored:")
        lines += [f"  {line}" for line in summarise(kept.lines())]
        lines.append(f"  listed in {out}.not_stored.csv")
    lines += warning_lines(result.warnings)
    summary = {
        "out": str(out), "counts": counts, "source": named, "warnings": list(result.warnings),
        "stored": kept.stored, "not_stored": kept.lines(),
    }  # fmt: skip
    say(as_json, summary, *lines)
    if counts["rejected"] or kept.not_stored:
        raise typer.Exit(ExitCode.SOME_REJECTED)


def report(
    bundle: Bundle,
    spec: Spec,
    root: Root,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report.")],
    db: Annotated[str | None, typer.Option("--db", help="Summarise reviews from here.")] = None,
    as_json: Json = False,
) -> None:
    """Write one self-contained audit report (HTML) with its numbers (JSON).

    Example: triage report --bundle bundles/ham --spec data_specs/derm_ham10000.yaml
    --root ../data --out report
    """
    from triage.data.spec_files import load_spec
    from triage.learning.evaluate import evaluate_bundle
    from triage.reports.bundle_report import write_audit

    named = db is not None or "TRIAGE_DATABASE_URL" in os.environ
    with store_at(db, wanted=named) as store:
        with bars(as_json) as progress:
            run = evaluate_bundle(
                bundle, load_spec(spec), root, cache_folder=cache_folder(), report=progress
            )
        page, data = write_audit(run, out, store)
    say(as_json, {"html": str(page), "json": str(data)}, f"report: {page}", f"numbers: {data}")
    if run.rejected:
        raise typer.Exit(ExitCode.SOME_REJECTED)


def ui(
    db: Db = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8501,
    as_json: Json = False,
) -> None:
    """Open the reviewer's pages on 127.0.0.1 until interrupted.

    Example: triage ui --db sqlite:///triage.db
    """
    from triage.store import open_store
    from ui.launch import require_pages, run

    require_pages()
    store = open_store(db)
    url = store.engine.url.render_as_string(hide_password=False)
    store.close()
    address = f"http://127.0.0.1:{port}"
    say(as_json, {"address": address}, f"reviewer's pages: {address} (Ctrl-C stops)")
    raise typer.Exit(run(url, port))


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

    if not no_ui:
        require_pages()  # before minutes of training
    chosen = load_spec(spec or shipped_spec("derm_phantoms"))
    place = workdir / chosen.name
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
        f"  case database: {result.database} ({result.counts['cases waiting']} cases wait)",
        f"  open the pages: triage ui --db {result.database}",
    )
    if not no_ui:
        if not as_json:
            say(False, {}, f"reviewer's pages: http://127.0.0.1:{port} (Ctrl-C stops)")
        raise typer.Exit(serve(result.database, port))
