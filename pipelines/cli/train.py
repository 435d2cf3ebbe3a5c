"""The verb that trains a system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.cli.console import (
    Backbones,
    Config,
    EmbeddingPrecision,
    Json,
    Members,
    RecipeName,
    Root,
    Runtime,
    Spec,
    bars,
    cache_folder,
    say,
)
from pipelines.cli.engine_options import Address, Engine, Workers, engine_settings
from triage.errors import ExitCode

if TYPE_CHECKING:
    from triage.systems.manifest import BundleManifest

Head = Literal[
    "softmax",
    "reject",
    "hod",
    "outlier_exposure",
    "energy_bounded",
    "binary",
    "ova_dm",
    "dm",
    "sngp",
    "heteroscedastic",
    "het_sngp",
    "duq",
    "inducing_points",
    "introspective",
]
"""The names of `triage.heads.HeadKind`, which would import torch."""


def train(
    spec: Spec,
    root: Root,
    out: Annotated[Path, typer.Option("--out", help="Bundle folder to write.")],
    backbone: Backbones = None,
    head: Annotated[Head | None, typer.Option(help="Head (default: hod).")] = None,
    members: Members = None,
    roles_seed: Annotated[int | None, typer.Option(min=0, help="Seed of the role draw.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="Seed of the first member.")
    ] = None,
    mode: Annotated[
        Literal["embed", "finetune"] | None,
        typer.Option(help="Heads on frozen embeddings, or end to end."),
    ] = None,
    selection: Annotated[
        Literal["uniform", "diverse"] | None,
        typer.Option(help="Which members are averaged (default: uniform)."),
    ] = None,
    candidates: Annotated[
        int | None, typer.Option(min=1, help="Pool for diverse selection.")
    ] = None,
    precision: Annotated[
        Literal["float32", "bfloat16"] | None,
        typer.Option(help="Arithmetic of fine-tuning (default: float32)."),
    ] = None,
    runtime: Runtime = None,
    embedding_precision: EmbeddingPrecision = None,
    config: Config = None,
    recipe: RecipeName = "default",
    engine: Engine = None,
    workers: Workers = 1,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Train an ensemble and write it as a bundle; a killed run is resumed by the same command.

    Example: triage train --spec data_specs/derm_ham10000.yaml --root ../data --out bundles/ham
    """
    from triage.data.dataset import load_dataset
    from triage.data.spec_files import load_spec
    from triage.learning.recipes import recipe_backbones
    from triage.learning.settings import settings_for
    from triage.learning.train import train as run

    runs_on = engine_settings(engine, workers, address)
    dataset = load_dataset(load_spec(spec), root, roles_seed)
    settings = settings_for(
        dataset.spec,
        tuple(backbone or recipe_backbones(recipe, root)),
        config,
        recipe=recipe,
        mode=mode,
        head=head,
        members=members,
        seed=seed,
        selection=selection,
        candidates=candidates,
        precision=precision,
        runtime=runtime,
        embedding_precision=embedding_precision,
    )
    with bars(as_json) as report:
        manifest = run(
            dataset, settings, out, cache_folder=cache_folder(), engine=runs_on, progress=report
        )
    _say_trained(as_json, out, manifest)
    if manifest.rejected:
        raise typer.Exit(ExitCode.SOME_REJECTED)


def _say_trained(as_json: bool, out: Path, manifest: BundleManifest) -> None:
    shown = ", ".join(f"{name} {value:.3f}" for name, value in manifest.metrics.items())
    say(
        as_json,
        {
            "bundle": str(out),
            "digest": manifest.digest(),
            "metrics": manifest.metrics,
            "rejected": manifest.rejected,
            "notes": manifest.notes,
        },
        f"{out}: {len(manifest.members)} members, {manifest.settings.mode}, {manifest.head}",
        f"on validation: {shown}",
        *(f"note: {note}" for note in manifest.notes),
    )
