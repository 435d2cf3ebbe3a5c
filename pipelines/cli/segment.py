"""The verb that cross-validates the segmentation of annotated scans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import (
    Config,
    Json,
    Root,
    bars,
    make_folder,
    say,
)


def segment(
    spec: Annotated[Path, typer.Argument(help="Segmentation spec (YAML).")],
    root: Root,
    folds: Annotated[int, typer.Option(min=2, max=100, help="Parts that are tested in turn.")] = 5,
    config: Config = None,
    out: Annotated[Path | None, typer.Option("--out", help="JSON file to write.")] = None,
    as_json: Json = False,
) -> None:
    """Train stage 1 on annotated scans and measure it on those left out, each group once.

    Example: triage segment data_specs/segmentation/rm_layers.yaml --root ../data/rm
    --config data_specs/training/oct_masks.yaml --out rm_layers.json
    """
    from pipelines.terminal.oct_tables import segmentation_tables
    from triage.learning.segmentation import cross_validate, save_run
    from triage.learning.settings import oct_settings
    from triage.public_sets.segmentation_spec import load_segmentation_spec

    settings = oct_settings(config)
    if out is not None:
        make_folder(out.parent, "Choose another --out.")
    with bars(as_json) as report:
        run = cross_validate(
            load_segmentation_spec(spec), root, settings, folds=folds, report=report
        )
    if out is not None:
        save_run(run, out)
    written = [f"written to {out}"] if out else []
    say(as_json, run.as_json(), *segmentation_tables(run), *written)
