"""Verbs on data: validate a spec, inspect files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import (
    REJECTED,
    Json,
    OptionalRoot,
    bars,
    say,
)


def spec_validate(
    spec: Annotated[Path, typer.Argument(help="Data spec (YAML).")],
    root: OptionalRoot = None,
    decode: Annotated[bool, typer.Option("--decode", help="Read every image too.")] = False,
    as_json: Json = False,
) -> None:
    """List every problem of a spec, and of its data when --root is given.

    Example: triage spec validate data_specs/derm_ham10000.yaml --root ../data
    """
    from pipelines.tables import plain_table
    from triage.data.spec_files import load_spec
    from triage.data.splits import EXCLUDED, SPLITS
    from triage.data.validate import summarise, validate_data
    from triage.errors import SpecError

    parsed = load_spec(spec)
    if root is None:
        say(as_json, {"spec": parsed.name, "problems": []}, f"{parsed.name}: the spec is valid")
        return
    with bars(as_json) as report:
        problems, counts = validate_data(
            parsed, root, decode=decode, progress=lambda n, of: report("looking at images", n, of)
        )
    if problems and as_json:
        say(True, {"spec": parsed.name, "problems": problems, "counts": counts})
        raise typer.Exit(2)
    if problems:
        raise SpecError(
            f"{len(problems)} problems", where=str(spec), problems=tuple(summarise(problems))
        )
    columns = (*SPLITS, EXCLUDED)
    rows = [
        (f"{name} ({parsed.by_name[name].role})", *(str(row.get(part, 0)) for part in columns))
        for name, row in sorted(counts.items())
    ]
    table = plain_table(parsed.title, ("condition", *columns), rows, parsed.roles.note)
    summary = {"spec": parsed.name, "problems": [], "counts": counts}
    say(as_json, summary, table, f"{parsed.name}: no problems")


def inspect(
    files: Annotated[list[Path], typer.Argument(help="Image files.")], as_json: Json = False
) -> None:
    """Say what each file is (kind, size, device), or why it is refused.

    Example: triage inspect photo.jpg scan.dcm
    """
    from triage.imaging.inspect import inspect_file

    reports = [inspect_file(path) for path in files]
    lines = []
    for found in reports:
        shape = f"{found.width}x{found.height}" if found.width else "no geometry"
        facts = [found.kind or "unknown kind", shape, found.sop_class, found.device]
        verdict = "reads" if found.readable else f"refused ({found.reason})"
        described = ", ".join(part for part in facts if part)
        lines.append(f"{found.file}: {described}: {verdict}. {found.message}".strip())
    say(as_json, {"files": [found.model_dump(mode="json") for found in reports]}, *lines)
    if not all(found.readable for found in reports):
        raise typer.Exit(REJECTED)
