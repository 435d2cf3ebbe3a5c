"""Verbs on data specs: validate, prepare a public set, find near-duplicates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.console import (
    Backbones,
    Json,
    OptionalRoot,
    Root,
    bars,
    cache_folder,
    say,
    summarise,
    warning_lines,
)
from triage.errors import ExitCode

if TYPE_CHECKING:
    pass


def spec_validate(
    spec: Annotated[Path, typer.Argument(help="Data spec (YAML).")],
    root: OptionalRoot = None,
    decode: Annotated[
        bool, typer.Option("--decode", help="Read every image or volume too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List every problem of a spec, and of its data when --root is given.

    Example: triage spec validate data_specs/derm_ham10000.yaml --root ../data
    """
    from pipelines.terminal.tables import plain_table
    from triage.data.patient_split import EXCLUDED, SPLITS
    from triage.data.spec_files import load_spec
    from triage.data.validate import examine_data
    from triage.errors import SpecError

    parsed = load_spec(spec)
    if root is None:
        nothing: dict[str, Any] = {
            "spec": parsed.name,
            "patients": None,
            "problems": [],
            "warnings": [],
        }
        say(as_json, nothing, f"{parsed.name}: the spec is valid")
        return
    with bars(as_json) as report:
        found = examine_data(
            parsed, root, decode=decode, progress=lambda n, of: report("looking at images", n, of)
        )
    summary = {
        "spec": parsed.name,
        "patients": found.patients,
        "problems": list(found.problems),
        "warnings": list(found.warnings),
        "counts": found.counts,
    }
    if found.problems and as_json:
        say(True, summary)
        raise typer.Exit(ExitCode.WRONG_INPUT)
    if found.problems:
        say(False, {}, *warning_lines(found.warnings))
        raise SpecError(
            f"{len(found.problems)} problems",
            where=str(spec),
            problems=tuple(summarise(found.problems)),
        )
    columns = (*SPLITS, EXCLUDED)
    rows = [
        (f"{name} ({parsed.by_name[name].role})", *(str(row.get(part, 0)) for part in columns))
        for name, row in sorted(found.counts.items())
    ]
    table = plain_table(parsed.title, ("condition", *columns), rows, parsed.roles.note)
    done = f"{parsed.name}: no problems; {found.patients} patients"
    say(as_json, summary, table, *warning_lines(found.warnings), done)


def spec_prepare(
    name: Annotated[str, typer.Argument(help="Data spec of a public set, such as oct_octdl.")],
    root: Annotated[Path, typer.Argument(help="Folder of the unpacked set.")],
    as_json: Json = False,
) -> None:
    """Write the manifest of a public set of B-scans beside its images, as its spec expects it.

    Example: triage spec prepare oct_octdl ../data/octdl
    """
    from triage.public_sets import SETS, prepare_set

    manifest = prepare_set(name, root)
    found = SETS[name]
    say(
        as_json,
        {"manifest": str(manifest), "licence": found.licence, "source": found.source},
        f"{manifest}: written for {found.title}",
        f"licence: {found.licence}; cite {found.source}",
        f"mind: {found.leak}",
        f"next: triage spec validate data_specs/{name}.yaml --root {root}",
    )


SHOWN = 20


def spec_duplicates(
    spec: Annotated[Path, typer.Argument(help="Data spec (YAML).")],
    root: Root,
    backbone: Backbones = None,
    similar: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Likeness above which cases belong together."),
    ] = 0.7,
    out: Annotated[
        Path | None, typer.Option("--out", help="CSV of case_id and group to write.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List similar cases that the manifest does not join: they leak across splits.

    Example: triage spec duplicates data_specs/derm_fitzpatrick17k.yaml --root ../data
    """
    from pipelines.terminal.tables import plain_table
    from triage.data.dataset import load_dataset
    from triage.data.spec_files import load_spec
    from triage.learning.default_backbones import default_backbones
    from triage.learning.find_duplicates import find_duplicates, write_groups

    dataset = load_dataset(load_spec(spec), root, for_training=False)
    references = tuple(backbone or default_backbones(root))
    with bars(as_json) as report:
        found = find_duplicates(
            dataset, references, similar, cache_folder=cache_folder(), report=report
        )
    if out is not None:
        write_groups(found, out)
    condition = {case.case_id: str(case.condition) for case in found.dataset.cases}
    rows = [
        (f"{pair.likeness:.3f}", pair.case_a, condition[pair.case_a], pair.case_b,
         condition[pair.case_b])
        for pair in found.pairs[:SHOWN]
    ]  # fmt: skip
    columns = ("likeness", "case", "condition", "looks like", "condition")
    lines = [
        f"{len(found.pairs)} pairs of groups are similar (above {similar:g}); "
        f"{len(found.astride())} of them are astride the spec's splits"
    ]
    if found.indistinct():
        lines.append(
            f"the largest group would hold {found.largest():.0%} of all cases: these backbones "
            "do not tell the cases apart; try a higher --similar, or others"
        )
    if out is not None:
        lines.append(f"written to {out}: add the column to the manifest and name it in rows.group")
    table = [plain_table(f"The {len(rows)} most alike", columns, rows)] if rows else []
    summary = {
        "pairs": [pair._asdict() for pair in found.pairs],
        "astride": len(found.astride()),
        "largest_group": found.largest(),
        "rejected": found.rejected,
    }
    say(as_json, summary, *table, *lines)
    if found.rejected:
        raise typer.Exit(ExitCode.SOME_REJECTED)
