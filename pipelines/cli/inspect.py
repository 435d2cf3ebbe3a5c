"""The verb that reports what each file is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.console import (
    Json,
    bars,
    make_folder,
    say,
)
from triage.errors import ExitCode

if TYPE_CHECKING:
    from triage.decoding.file_report import FileReport


def inspect(
    files: Annotated[list[Path], typer.Argument(help="Image files, or folders of OCT volumes.")],
    pixels: Annotated[
        Path | None,
        typer.Option(
            "--pixels",
            help="Folder for what the system sees, as 8-bit RGB PNG: <index>_<frame>.png, index of "
            "the file on the command line from 0, frame or B-scan from 0.",
        ),
    ] = None,
    any_class: Annotated[
        bool,
        typer.Option("--any-class", help="Also look at DICOM images that are no photographs."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what each file is (kind, size, device), or why it is refused.

    Example: triage inspect photo.jpg scan.dcm --pixels seen
    """
    from triage.decoding.inspect_file import inspect_file
    from triage.decoding.worker import default_pool

    if pixels is not None:
        make_folder(pixels, "Give --pixels another folder.")

    def look(numbered: tuple[int, Path]) -> FileReport:
        index, path = numbered
        place = None if pixels is None else pixels / str(index)
        return inspect_file(path, photographs_only=not any_class, pixels=place)

    reports = []
    with bars(as_json or len(files) == 1) as report:
        for found in default_pool().map(look, enumerate(files)):
            reports.append(found)
            report("reading files", len(reports), len(files))
    say(
        as_json,
        {"files": [found.model_dump(mode="json") for found in reports]},
        *map(_described, reports),
    )
    if not all(found.readable for found in reports):
        raise typer.Exit(ExitCode.SOME_REJECTED)


def _described(found: FileReport) -> str:
    """One line on a file for people."""
    shape = f"{found.width}x{found.height}" if found.width else "no geometry"
    facts = [found.kind or "unknown kind", shape, found.sop_class, found.device]
    verdict = "reads" if found.readable else f"refused ({found.reason})"
    described = ", ".join(part for part in facts if part)
    return f"{found.file}: {described}: {verdict}. {found.message}".strip()
