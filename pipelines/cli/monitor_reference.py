"""The verb that measures what accuracy without labels is estimated from."""

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

Severities = Annotated[
    list[int] | None,
    typer.Option(
        "--severity", min=1, max=5, help="Of each corruption; repeat. Default: 1, 3 and 5."
    ),
]


def monitor_reference(
    bundle: Bundle,
    spec: Spec,
    root: Root,
    out: Annotated[Path, typer.Option("--out", help="JSON file to write.")],
    corruption: Annotated[
        list[str] | None,
        typer.Option("--corruption", help="Stock corruption; repeat. Default: all moderate ones."),
    ] = None,
    severity: Severities = None,
    max_cases: Annotated[
        int, typer.Option("--max-cases", min=30, help="Cases of each split that are corrupted.")
    ] = 400,
    runtime: Runtime = None,
    embedding_precision: EmbeddingPrecision = None,
    as_json: Json = False,
) -> None:
    """Measure a bundle's accuracy, and how far estimates of it without labels are off.

    Example: triage monitor reference --bundle bundles/ham --spec data_specs/derm_ham10000.yaml
    --root ../data --out bundles/ham-monitoring.json
    """
    from pipelines.terminal.reference_tables import error_table, shift_table
    from triage.data.spec_files import load_spec
    from triage.learning.monitoring_reference import SEVERITIES, bundle_reference
    from triage.monitoring.bundle_reference import save_bundle_reference

    make_folder(out.absolute().parent, "Choose another --out.")
    with bars(as_json) as report:
        found = bundle_reference(
            bundle,
            load_spec(spec),
            root,
            corruptions=corruption or (),
            severities=severity or SEVERITIES,
            max_cases=max_cases,
            cache_folder=cache_folder(),
            report=report,
            runtime=runtime,
            precision=embedding_precision,
        )
    save_bundle_reference(found, out)
    known = found.accuracy
    say(
        as_json,
        # The resamples are in the file, for intervals.
        found.model_dump(mode="json", exclude={"accuracy": {"resamples"}}),
        shift_table(found),
        error_table(found),
        f"accuracy {known.accuracy:.3f}, mean confidence {known.mean_confidence:.3f}, of {known.n} "
        f"validation cases ({known.n_errors} errors)",
        f"written to {out}",
    )
    if found.rejected:
        raise typer.Exit(ExitCode.SOME_REJECTED)
