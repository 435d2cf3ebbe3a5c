"""The verb on images without labels: pretrain."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.cli.console import Config, Json, Root, Spec, bars, say
from pipelines.cli.engine_options import Address, Engine, Workers, engine_settings
from triage.errors import ExitCode


def pretrain(
    spec: Spec,
    root: Root,
    out: Annotated[Path, typer.Option("--out", help="Folder of the backbone to write.")],
    method: Annotated[
        Literal["simclr", "micle"] | None,
        typer.Option(help="Pairs of one image, or of one case (default: simclr)."),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="Where to begin (default: monai:resnet10_narrow@64, at random)."),
    ] = None,
    roles_seed: Annotated[int | None, typer.Option(min=0, help="Seed of the role draw.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="Seed of the training.")
    ] = None,
    config: Config = None,
    engine: Engine = None,
    workers: Workers = 1,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Train a backbone on the training images without their labels; a killed run is resumed.

    Example: triage pretrain --spec data_specs/derm_phantoms.yaml --root work/phantoms
    --method micle --out backbones/skin
    """
    from triage.data.dataset import load_dataset
    from triage.data.spec_files import load_spec
    from triage.learning.pretrain import pretrain as run
    from triage.models.contrastive.settings import load_settings
    from triage.models.contrastive.training_processes import joined_processes

    runs_on = engine_settings(engine, workers, address)
    dataset = load_dataset(load_spec(spec), root, roles_seed, for_training=False)
    settings = load_settings(config, method=method, backbone=backbone, seed=seed)
    with (
        joined_processes(settings.device) as processes,
        bars(as_json or not processes.first) as report,
    ):
        found = run(dataset, settings, out, processes=processes, engine=runs_on, progress=report)
    if processes.first:
        say(
            as_json,
            asdict(found),
            f"{out}: {settings.method} on {found.cases} cases, "
            f"loss {found.loss:.3f} on {found.held_out} held out",
            *(f"note: {note}" for note in found.notes),
            *(f"left out: {count} cases, {reason}" for reason, count in found.rejected.items()),
            f"use it with --backbone {found.backbone}",
        )
    if found.rejected:
        raise typer.Exit(ExitCode.SOME_REJECTED)
