"""Verbs on systems: train, evaluate, segment, retrain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.cli.console import (
    Backbones,
    Bundle,
    Config,
    Db,
    Json,
    Members,
    Root,
    Spec,
    bars,
    cache_folder,
    make_folder,
    say,
    store_at,
    summarise,
)
from triage.errors import ExitCode

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
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Train an ensemble and write it as a bundle; a killed run is resumed by the same command.

    Example: triage train --spec data_specs/derm_ham10000.yaml --root ../data --out bundles/ham
    """
    from triage.data.dataset import load_dataset
    from triage.data.spec_files import load_spec
    from triage.learning.default_backbones import default_backbones
    from triage.learning.settings import settings_for
    from triage.learning.train import train as run

    dataset = load_dataset(load_spec(spec), root, roles_seed)
    settings = settings_for(
        dataset.spec,
        tuple(backbone or default_backbones(root)),
        config,
        mode=mode,
        head=head,
        members=members,
        seed=seed,
        selection=selection,
        candidates=candidates,
        precision=precision,
    )
    with bars(as_json) as report:
        manifest = run(dataset, settings, out, cache_folder=cache_folder(), progress=report)
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
    if manifest.rejected:
        raise typer.Exit(ExitCode.SOME_REJECTED)


def evaluate(
    bundle: Bundle,
    spec: Spec,
    root: Root,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for evaluation.json and predictions.")
    ] = None,
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

    with bars(as_json) as report:
        run = evaluate_bundle(
            bundle, load_spec(spec), root, cache_folder=cache_folder(), report=report
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
    say(as_json, plain(run), overall, *tables, *([f"written to {out}"] if out else []))
    if run.rejected:
        raise typer.Exit(ExitCode.SOME_REJECTED)


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


def retrain(
    bundle: Bundle,
    spec: Spec,
    root: Root,
    policy: Annotated[Path, typer.Option("--policy", help="Promotion rule (YAML).")],
    out: Annotated[Path, typer.Option("--out", help="Challenger bundle to write.")],
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Train a challenger on reviewed labels, compare it with the champion, promote or refuse.

    Example: triage retrain --bundle bundles/a --spec data_specs/derm_phantoms.yaml
    --root work/phantoms --policy data_specs/retrain_policy.yaml --out bundles/b
    """
    from triage.data.spec_files import load_spec
    from triage.learning.promotion_gate import lacks_evidence_only, load_policy
    from triage.learning.retrain import retrain as run

    rule = load_policy(policy)
    with store_at(db) as store, bars(as_json) as report:
        result = run(
            bundle,
            load_spec(spec),
            root,
            rule,
            out,
            store,
            cache_folder=cache_folder(),
            report=report,
        )
    checks = [
        f"  {'holds' if check['holds'] else 'fails'}  {check['check']}"
        for check in result.summary["checks"]
    ]
    few = lacks_evidence_only(result.summary["checks"])
    reason = "not enough evidence: " if few else ""
    verdict = "promoted" if result.promoted else f"refused: {reason}the champion stays"
    trained = result.summary["labels"]["trained_on"]
    say(
        as_json,
        {
            "out": str(out),
            **result.summary,
            "left_out": [each.as_json() for each in result.left_out],
        },
        f"{out}: challenger trained with {trained} reviewed cases",
        *summarise(
            [
                f"  left out: case {each.case} of {each.source}: {each.reason.sentence}"
                for each in result.left_out
            ]
        ),
        *checks,
        f"{verdict}",
    )
    if not result.promoted:
        raise typer.Exit(ExitCode.NOT_ENOUGH_EVIDENCE if few else ExitCode.ANSWERED_NO)
    if result.left_out:
        raise typer.Exit(ExitCode.SOME_REJECTED)
