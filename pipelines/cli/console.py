"""What every verb shares: options, output, progress, the embedding cache, the case database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from triage.cache_folder import CACHE_VARIABLE, cache_path
from triage.errors import UsageError
from triage.printable import printable

Spec = Annotated[Path, typer.Option("--spec", help="Data spec (YAML).")]
Root = Annotated[Path, typer.Option("--root", help="Folder of the data.")]
OptionalRoot = Annotated[Path | None, typer.Option("--root", help="Folder of the data.")]
Bundle = Annotated[Path, typer.Option("--bundle", help="Trained system (a folder).")]
Db = Annotated[
    str | None,
    typer.Option("--db", help="Database URL; else TRIAGE_DATABASE_URL, else triage.db here."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, nothing else.")]
Backbones = Annotated[
    list[str] | None,
    typer.Option(
        "--backbone",
        help="hf:<directory or hub name>, lite:<0, 1 or 2>, timm-vit:<file>, "
        "file:<folder of `triage pretrain`>, monai:<network>, or "
        "for a benchmark of volumes oct:<bundle folder>; repeat for several. "
        "Default: a folder `weights` near the data, else monai:resnet10_narrow.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="Settings of training (YAML), such as network sizes."),
]
RecipeName = Annotated[
    Literal["default", "fast"],
    typer.Option("--recipe", help="fast: one small backbone, one pass a picture, five members."),
]
Runtime = Annotated[
    Literal["torch", "openvino"] | None,
    typer.Option(
        "--runtime",
        help="What runs the backbones of pictures; openvino is an extra. "
        "Default: what the bundle records, else torch.",
    ),
]
EmbeddingPrecision = Annotated[
    Literal["float32", "bfloat16"] | None,
    typer.Option(
        "--embedding-precision",
        help="Arithmetic of these backbones. Default: what the bundle records, else float32.",
    ),
]
Members = Annotated[int | None, typer.Option("--members", min=1, help="Size of the ensemble.")]

# Nothing in a name or a cell is markup, an emoji code or to be coloured.
_out = Console(markup=False, emoji=False, highlight=False)
_SHOWN = 20


def cache_folder() -> Path:
    """Return the folder of the embedding cache, made if need be."""
    return make_folder(cache_path(), f"Set {CACHE_VARIABLE} to another folder.")


def make_folder(path: Path, hint: str) -> Path:
    """Make a folder before the work whose result goes there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be made ({error.strerror})", where=str(path), hint=hint
        ) from error
    return path


def say(as_json: bool, value: dict[str, Any], *lines: Any) -> None:
    """Print one JSON object, or lines and tables for people.

    Parameters
    ----------
    as_json : bool
    value : dict
        Of plain JSON types.
    *lines : str or rich Table
        A text is one line: whatever in it does not print is shown as an escape. Tables are made
        by `pipelines.terminal.tables.plain_table`, which does the same with their cells.
    """
    if as_json:
        print(json.dumps(value))
        return
    for line in lines:
        if isinstance(line, str):
            _out.print(printable(line), soft_wrap=True)
        else:
            _out.print(line)


def summarise(problems: Sequence[str], shown: int = _SHOWN) -> list[str]:
    """Return the first problems and how many more there are, for a terminal."""
    rest = len(problems) - shown
    return [*problems[:shown], *([f"... and {rest} more"] if rest > 0 else [])]


def warning_lines(warnings: Sequence[str]) -> list[str]:
    """Return a headed list of warnings for a terminal, empty where there are none."""
    if not warnings:
        return []
    count = f"{len(warnings)} warning{'s' if len(warnings) > 1 else ''}"
    return [f"{count} (probably wrong; look at each):", *(f"  - {w}" for w in summarise(warnings))]


@contextmanager
def bars(as_json: bool) -> Iterator[Any]:
    """Show progress bars, unless the output is for a machine."""
    from pipelines.terminal.progress_bars import progress_bars

    with progress_bars(quiet=as_json) as report:
        yield report


@contextmanager
def store_at(db: str | None, *, create: bool = False, wanted: bool = True) -> Iterator[Any]:
    """Open the case database and close it afterwards; None where it is not wanted."""
    if not wanted:
        yield None
        return
    from triage.store import open_store

    store = open_store(db, create=create)
    try:
        yield store
    finally:
        store.close()
