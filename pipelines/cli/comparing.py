"""Verbs that compare: methods on one data set, and one system on two devices."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli.console import (
    Backbones,
    Config,
    Json,
    Members,
    OptionalRoot,
    Root,
    Spec,
    bars,
    cache_folder,
    make_folder,
    say,
)


def benchmark(
    spec: Spec,
    root: Root,
    out: Annotated[Path, typer.Option("--out", help="Folder for records, tables and page.")],
    methods: Annotated[
        str, typer.Option(help="all, or names separated by commas; energy@hod names the head.")
    ] = "all",
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, max=1000, help="Draws of roles and splits.")
    ] = 5,
    backbone: Backbones = None,
    members: Members = None,
    config: Config = None,
    far: Annotated[
        Path | None,
        typer.Option(help="Folder of images or volumes of another kind; else a stock corruption."),
    ] = None,
    shift: Annotated[
        list[str] | None,
        typer.Option(help="corruption:severity, column=level to hold out, or none; repeatable."),
    ] = None,
    image_text: Annotated[
        str | None, typer.Option(help="Image-text model: a directory or hub name.")
    ] = None,
    unknown_text: Annotated[
        list[str] | None, typer.Option(help="Sentence for what is out; repeat for several.")
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(help="Two scores, A,B, to compare in pairs; repeat for several."),
    ] = None,
    similar: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Likeness above which cases never straddle a split; 1: off."
        ),
    ] = 0.7,
    resamples: Annotated[
        int, typer.Option(min=2, max=100_000, help="Resamples behind the intervals.")
    ] = 1000,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Draws at once, each in a process of its own.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Compare scores, calibrators and sets on equal terms; a killed run goes on where it was.

    Example: triage benchmark --spec data_specs/derm_ham10000.yaml --root ../data
    --methods all --repeats 10 --out benchmarks/ham
    """
    import json

    from pipelines.terminal.benchmark_tables import tables
    from triage.benchmark.methods import parse_methods
    from triage.benchmark.pairs import parse_pairs
    from triage.benchmark.protocol import Protocol, parse_shifts
    from triage.benchmark.run import JSON, PAGE
    from triage.benchmark.run import benchmark as run
    from triage.data.spec_files import load_spec
    from triage.learning.default_backbones import default_backbones
    from triage.learning.settings import benchmark_settings
    from triage.modalities import MODALITIES

    chosen = parse_methods(methods)
    pairs = parse_pairs(compare or (), chosen)
    data = load_spec(spec)
    protocol = Protocol(
        data,
        root,
        benchmark_settings(data, backbone or default_backbones(root), config, members),
        shifts=parse_shifts(shift or MODALITIES[data.modality].default_shifts),
        far=far,
        image_text=image_text,
        unknown_texts=tuple(unknown_text or ()),
        similar=similar,
    )
    folder = make_folder(out, "Choose another --out.")
    given = {
        "spec": spec.name,
        "methods": methods,
        "repeats": repeats,
        "backbone": [name.rsplit("/", 1)[-1] for name in backbone or ()],
        "members": members,
        "config": config and config.name,
        "far": far and far.name,
        "shift": shift,
        "image-text": image_text and image_text.rsplit("/", 1)[-1],
        "unknown-text": unknown_text,
        "compare": compare,
        "similar": similar,
        "resamples": resamples,
        "workers": workers if workers > 1 else None,
    }
    with bars(as_json) as report:
        result = run(
            protocol,
            chosen,
            repeats,
            folder,
            compare=pairs,
            workers=workers,
            cache_folder=cache_folder(),
            n_resamples=resamples,
            command=_command(given),
            report=report,
        )
    say(
        as_json,
        json.loads(result.to_json()),
        *tables(result),
        *(f"skipped {one.key}: {one.reason}" for one in result.skipped),
        *(f"note: {note}" for note in result.notes),
        f"written to {folder / JSON} and {folder / PAGE}",
    )


def _command(given: dict[str, Any]) -> str:
    """The command for others to repeat: names of files and models, no folders of a machine."""
    words = ["triage benchmark"]
    for name, value in given.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                words.append(f"--{name} {shlex.quote(str(one))}")
    return " ".join(words)


def transfer(
    spec: Spec,
    root: OptionalRoot = None,
    new_root: Annotated[
        Path | None, typer.Option("--new-root", help="Folder of the new device's data.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for both bundles and the table.")
    ] = Path("transfer"),
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="A system trained on the old device.")
    ] = None,
    share: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Annotated volumes of the new device, as a share of the old's."
        ),
    ] = 0.1,
    cases: Annotated[
        int | None, typer.Option(min=100, help="Phantoms to generate of each device.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Measure a system on another device, teach stage 1 that device, and measure again.

    Example: triage transfer --spec data_specs/oct_phantoms.yaml --out transfer
    """
    from pipelines.terminal.oct_tables import transfer_table
    from triage.data.dataset import load_dataset
    from triage.data.spec_files import load_spec
    from triage.learning.settings import oct_settings
    from triage.learning.transfer import save_transfer
    from triage.learning.transfer import transfer as run
    from triage.phantoms.generators import device_folders

    chosen = load_spec(spec)
    settings = oct_settings(config)
    with bars(as_json) as report:
        if root is None or new_root is None:
            root, new_root = device_folders(chosen, out, cases, report, root, new_root)
        old, new = (load_dataset(chosen, folder) for folder in (root, new_root))
        found = run(old, new, settings, out, bundle=bundle, share=share, report=report)
    save_transfer(found, out)
    say(
        as_json,
        {"out": str(out), **found.as_json()},
        transfer_table(found),
        f"before adaptation {found.unseen_share:.0%} of the new device's volumes are refused as "
        f"unseen (AUROC {found.unseen_auroc:.3f})",
        f"written to {out}: transfer.json, device/, adapted/",
    )
