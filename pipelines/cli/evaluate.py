"""The verb that measures a system on the test split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import (
    Bundle,
    EmbeddingPrecision,
    Json,
    Root,
    Runtime,
    Spec,
    bars,
    cache_folder,
    make_folder,
    say,
)
from triage.errors import ExitCode


def evaluate(
    bundle: Bundle,
    spec: Spec,
    root: Root,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for evaluation.json and predictions.")
    ] = None,
    runtime: Runtime = None,
    embedding_precision: EmbeddingPrecision = None,
    as_json: Json = False,
) -> None:
    """Measure a bundle on the test split, overall and per subgroup, with 95 % intervals.

    Example: triage evaluate --bundle bundles/ham --spec data_specs/derm_ham10000.yaml
    --root ../data
    """
    from pipelines.terminal.oct_tables import referral_table, tissue_table
    from pipelines.terminal.tables import overall_table, subgroup_table
    from triage.data.spec_files import load_spec
    from triage.learning.evaluate import as_json as plain
    from triage.learning.evaluate import evaluate_bundle, save_evaluation
    from triage.predictions import EXECUTION

    with bars(as_json) as report:
        run = evaluate_bundle(
            bundle,
            load_spec(spec),
            root,
            cache_folder=cache_folder(),
            report=report,
            runtime=runtime,
            precision=embedding_precision,
        )
    if out is not None:
        save_evaluation(run, make_folder(out, "Choose another --out."))
    note = run.dataset.spec.roles.note
    tables = [subgroup_table(run.evaluation, axis, axis, note) for axis in run.evaluation.axes]
    if run.tissue is not None:
        tables.insert(0, tissue_table(run.tissue, "Tissue maps against the annotation"))
    if run.referral is not None:
        tables.insert(0, referral_table(run.referral, note))
    overall = overall_table({run.manifest.head: run.evaluation}, run.dataset.spec.title, note)
    content = plain(run)
    notes = [f"note: {content[EXECUTION]}"] if EXECUTION in content else []
    say(as_json, content, overall, *tables, *notes, *([f"written to {out}"] if out else []))
    if run.rejected:
        raise typer.Exit(ExitCode.SOME_REJECTED)
