"""The verb that compares methods on one data set."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    make_folder,
    say,
)
from pipelines.cli.engine_options import Address, Engine, Workers, engine_settings

if TYPE_CHECKING:
    from triage.benchmark.results import BenchmarkResult

Out = Annotated[Path, typer.Option("--out", help="Folder for records, tables and page.")]
Methods = Annotated[
    str, typer.Option(help="all, or names separated by commas; energy@hod names the head.")
]
Repeats = Annotated[
    int, typer.Option("--repeats", min=1, max=1000, help="Draws of roles and splits.")
]
FirstDraw = Annotated[
    int, typer.Option("--first-draw", min=0, help="Number of the first draw, added to the seeds.")
]
Far = Annotated[
    Path | None,
    typer.Option(help="Folder of images or volumes of another kind; else a stock corruption."),
]
Shifts = Annotated[
    list[str] | None,
    typer.Option(help="corruption:severity, column=level to hold out, or none; repeatable."),
]
ImageText = Annotated[str | None, typer.Option(help="Image-text model: a directory or hub name.")]
UnknownTexts = Annotated[
    list[str] | None, typer.Option(help="Sentence for what is out; repeat for several.")
]
Compare = Annotated[
    list[str] | None,
    typer.Option(help="Two scores, A,B, to compare in pairs; repeat for several."),
]
Similar = Annotated[
    float,
    typer.Option(
        min=0.0, max=1.0, help="Likeness above which cases never straddle a split; 1: off."
    ),
]
Resamples = Annotated[int, typer.Option(min=2, max=100_000, help="Resamples behind the intervals.")]
Recommend = Annotated[
    Path | None,
    typer.Option("--recommend", help="Settings file to write: the best on validation cases."),
]


def benchmark(
    spec: Spec,
    root: Root,
    out: Out,
    methods: Methods = "all",
    repeats: Repeats = 5,
    first_draw: FirstDraw = 0,
    backbone: Backbones = None,
    members: Members = None,
    config: Config = None,
    recipe: RecipeName = "default",
    far: Far = None,
    shift: Shifts = None,
    image_text: ImageText = None,
    unknown_text: UnknownTexts = None,
    compare: Compare = None,
    similar: Similar = 0.7,
    resamples: Resamples = 1000,
    engine: Engine = None,
    workers: Workers = 1,
    address: Address = None,
    recommend: Recommend = None,
    runtime: Runtime = None,
    embedding_precision: EmbeddingPrecision = None,
    as_json: Json = False,
) -> None:
    """Compare scores, calibrators and sets on equal terms; a killed run can be resumed.

    Example: triage benchmark --spec data_specs/derm_ham10000.yaml --root ../data --out ham
    """
    from triage.benchmark.methods import parse_methods
    from triage.benchmark.protocol import Protocol, parse_shifts
    from triage.benchmark.run import benchmark as run
    from triage.benchmark.score_pairs import parse_pairs
    from triage.data.spec_files import load_spec
    from triage.learning.recipes import recipe_backbones
    from triage.learning.settings import benchmark_settings
    from triage.modalities import MODALITIES

    where = engine_settings(engine, workers, address)
    chosen = parse_methods(methods)
    pairs = parse_pairs(compare or (), chosen)
    data = load_spec(spec)
    execution = {"runtime": runtime, "embedding_precision": embedding_precision}
    networks = backbone or recipe_backbones(recipe, root)
    protocol = Protocol(
        data,
        root,
        benchmark_settings(data, networks, config, members, recipe, **execution),
        shifts=parse_shifts(shift or MODALITIES[data.modality].default_shifts),
        far=far, image_text=image_text, unknown_texts=tuple(unknown_text or ()),
        similar=similar, first_draw=first_draw,
    )  # fmt: skip
    folder = make_folder(out, "Choose another --out.")
    given = {
        "spec": spec.name, "methods": methods, "repeats": repeats, "first-draw": first_draw or None,
        "backbone": [name.rsplit("/", 1)[-1] for name in backbone or ()], "members": members,
        "config": config and config.name, "recipe": recipe if recipe != "default" else None,
        "far": far and far.name, "shift": shift, "unknown-text": unknown_text, "compare": compare,
        "image-text": image_text and image_text.rsplit("/", 1)[-1], "similar": similar,
        "resamples": resamples, "engine": engine, "workers": workers if workers > 1 else None,
        "recommend": recommend and recommend.name, "runtime": runtime,
        "embedding-precision": embedding_precision,
    }  # fmt: skip
    with bars(as_json) as report:
        result = run(
            protocol,
            chosen,
            repeats,
            folder,
            compare=pairs,
            engine=where,
            cache_folder=cache_folder(),
            n_resamples=resamples,
            command=_command(given),
            recommended=recommend,
            report=report,
        )
    _print_result(result, folder, as_json, recommend)


def _print_result(
    result: BenchmarkResult, folder: Path, as_json: bool, recommended: Path | None
) -> None:
    import json

    from pipelines.terminal.benchmark_tables import tables
    from triage.benchmark.run import JSON, PAGE

    say(
        as_json,
        json.loads(result.to_json()),
        *tables(result),
        *(f"skipped {one.key}: {one.reason}" for one in result.skipped),
        *(f"note: {note}" for note in result.notes),
        f"written to {folder / JSON} and {folder / PAGE}",
        *([f"recommended settings: {recommended}"] if recommended else []),
    )


def _command(given: dict[str, Any]) -> str:
    """The command for others to repeat: names of files and models, no folders of a machine."""
    words = ["triage benchmark"]
    for name, value in given.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                words.append(f"--{name} {shlex.quote(str(one))}")
    return " ".join(words)
