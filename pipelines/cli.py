"""The command line: one Typer tree, `--json` on every verb.

Exit codes: 0 fine; 2 wrong usage or input; 3 some inputs rejected (the rest was done);
1 a defect of this software; 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from triage.errors import TriageError, UsageError

REJECTED = 3
INTERRUPTED = 130
CACHE_VARIABLE = "TRIAGE_CACHE"
DEBUG_VARIABLE = "TRIAGE_DEBUG"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Medical image triage that says when it does not know.\n\n"
    "Exit codes: 0 fine, 2 wrong usage or input, 3 some inputs rejected.",
)
spec_app = typer.Typer(no_args_is_help=True, help="Data specs.", rich_markup_mode=None)
app.add_typer(spec_app, name="spec")

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
        help="hf:<directory or hub name> or monai:<network>; repeat for several. "
        "Default: a folder `weights` near the data, else monai:resnet10_narrow.",
    ),
]
Members = Annotated[int | None, typer.Option("--members", min=1, help="Size of the ensemble.")]

_out = Console()


def main() -> None:
    """Run the command line; every error is one readable line and an exit code."""
    as_json = "--json" in sys.argv
    try:
        app(standalone_mode=True)
    except TriageError as error:
        if as_json:
            problems = list(getattr(error, "problems", ()))
            print(json.dumps({"error": str(error), "problems": problems}))
        print(f"triage: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # Typer's answer to a keyboard interrupt
            print("triage: interrupted; the same command goes on from here", file=sys.stderr)
        raise
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            traceback.print_exc()
        print(
            f"triage: a defect of this software ({type(error).__name__}); nothing half-written "
            f"was kept. Run again with {DEBUG_VARIABLE}=1 for details to report.",
            file=sys.stderr,
        )
        sys.exit(1)


def _cache() -> Path:
    named = os.environ.get(CACHE_VARIABLE)
    base = os.environ.get("XDG_CACHE_HOME")
    default = (Path(base) if base else Path.home() / ".cache") / "triage" / "embeddings"
    return _folder(Path(named) if named else default, f"Set {CACHE_VARIABLE} to another folder.")


def _folder(path: Path, mend: str) -> Path:
    """Make a folder before the work whose result goes there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be made ({error.strerror})", where=str(path), mend=mend
        ) from error
    return path


def _say(as_json: bool, value: dict[str, Any], *lines: Any) -> None:
    if as_json:
        print(json.dumps(value))
        return
    for line in lines:
        if isinstance(line, str):
            _out.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            _out.print(line)


@contextmanager
def _bars(as_json: bool) -> Iterator[Any]:
    from pipelines.progress import progress_bars

    with progress_bars(quiet=as_json) as report:
        yield report


@contextmanager
def _store(db: str | None, *, create: bool = False, wanted: bool = True) -> Iterator[Any]:
    if not wanted:
        yield None
        return
    from triage.store import open_store

    store = open_store(db, create=create)
    try:
        yield store
    finally:
        store.close()


@spec_app.command("validate")
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
        _say(as_json, {"spec": parsed.name, "problems": []}, f"{parsed.name}: the spec is valid")
        return
    with _bars(as_json) as report:
        problems, counts = validate_data(
            parsed, root, decode=decode, progress=lambda n, of: report("looking at images", n, of)
        )
    if problems and as_json:
        _say(True, {"spec": parsed.name, "problems": problems, "counts": counts})
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
    _say(as_json, summary, table, f"{parsed.name}: no problems")


@app.command()
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
    _say(as_json, {"files": [found.model_dump(mode="json") for found in reports]}, *lines)
    if not all(found.readable for found in reports):
        raise typer.Exit(REJECTED)


@app.command()
def train(
    spec: Spec,
    root: Root,
    out: Annotated[Path, typer.Option("--out", help="Bundle folder to write.")],
    backbone: Backbones = None,
    head: Annotated[Literal["hod", "reject", "softmax"], typer.Option(help="Head.")] = "hod",
    members: Members = None,
    roles_seed: Annotated[int | None, typer.Option(min=0, help="Seed of the role draw.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the first member.")] = 0,
    mode: Annotated[
        Literal["embed", "finetune"] | None,
        typer.Option(help="Heads on frozen embeddings, or end to end."),
    ] = None,
    selection: Annotated[
        Literal["uniform", "diverse"], typer.Option(help="Which members are averaged.")
    ] = "uniform",
    candidates: Annotated[
        int | None, typer.Option(min=1, help="Pool for diverse selection.")
    ] = None,
    precision: Annotated[
        Literal["float32", "bfloat16"], typer.Option(help="Arithmetic of fine-tuning.")
    ] = "float32",
    as_json: Json = False,
) -> None:
    """Train an ensemble and write it as a bundle; a killed run is resumed by the same command.

    Example: triage train --spec data_specs/derm_ham10000.yaml --root ../data --out bundles/ham
    """
    from pydantic import ValidationError

    from pipelines.train import train as run
    from pipelines.weights import default_backbones
    from triage.data.dataset import load_dataset
    from triage.data.spec_files import load_spec
    from triage.models.settings import default_settings

    dataset = load_dataset(load_spec(spec), root, roles_seed)
    try:
        settings = default_settings(
            tuple(backbone or default_backbones(root)),
            mode,
            head=head,
            members=members,
            seed=seed,
            selection=selection,
            candidates=candidates,
            precision=precision,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(first["msg"], where=f"--{'.'.join(map(str, first['loc']))}") from error
    with _bars(as_json) as report:
        manifest = run(dataset, settings, out, cache_folder=_cache(), progress=report)
    shown = ", ".join(f"{name} {value:.3f}" for name, value in manifest.metrics.items())
    _say(
        as_json,
        {
            "bundle": str(out),
            "digest": manifest.digest(),
            "metrics": manifest.metrics,
            "rejected": manifest.rejected,
        },
        f"{out}: {len(manifest.members)} members, {manifest.settings.mode}, {manifest.head}",
        f"on validation: {shown}",
    )
    if manifest.rejected:
        raise typer.Exit(REJECTED)


@app.command()
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
    from pipelines.evaluate import as_json as plain
    from pipelines.evaluate import evaluate_bundle, save_evaluation
    from pipelines.tables import overall_table, subgroup_table
    from triage.data.spec_files import load_spec

    with _bars(as_json) as report:
        run = evaluate_bundle(bundle, load_spec(spec), root, cache_folder=_cache(), report=report)
    if out is not None:
        save_evaluation(run, _folder(out, "Choose another --out."))
    note = run.dataset.spec.roles.note
    tables = [subgroup_table(run.evaluation, axis, axis, note) for axis in run.evaluation.axes]
    overall = overall_table({run.manifest.head: run.evaluation}, run.dataset.spec.title, note)
    _say(as_json, plain(run), overall, *tables, *([f"written to {out}"] if out else []))
    if run.rejected:
        raise typer.Exit(REJECTED)


@app.command()
def score(
    bundle: Bundle,
    manifest: Annotated[Path, typer.Option("--manifest", help="CSV with the column image.")],
    root: Root,
    out: Annotated[Path, typer.Option("--out", help="Predictions (Parquet) to write.")],
    db: Annotated[str | None, typer.Option("--db", help="Also store the cases here.")] = None,
    as_json: Json = False,
) -> None:
    """Score unlabelled cases: one row a case, rejected cases listed beside it.

    Example: triage score --bundle bundles/ham --manifest new.csv --root photos --out new.parquet
    """
    from pipelines.ingest import ingest
    from pipelines.score import score as run

    with _store(db, create=True, wanted=db is not None) as store:
        with _bars(as_json) as report:
            result = run(bundle, manifest, root, out, cache_folder=_cache(), report=report)
        if store is not None:
            ingest(
                store,
                result.cases,
                result.scored,
                result.manifest,
                bundle=bundle,
                root=root,
                source=result.source,
            )
    counts = result.counts
    lines = [f"{out}: {counts['read']} cases scored, {counts['rejected']} rejected"]
    lines += [f"  {name}: {n}" for name, n in counts.items() if name not in ("read", "rejected")]
    if counts["rejected"]:
        lines.append(f"  listed in {out}.rejected.csv")
    _say(as_json, {"out": str(out), "counts": counts}, *lines)
    if counts["rejected"]:
        raise typer.Exit(REJECTED)


@app.command()
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
    from pipelines.policy import load_policy
    from pipelines.retrain import retrain as run
    from triage.data.spec_files import load_spec

    rule = load_policy(policy)
    with _store(db) as store, _bars(as_json) as report:
        result = run(
            bundle, load_spec(spec), root, rule, out, store, cache_folder=_cache(), report=report
        )
    checks = [
        f"  {'holds' if check['holds'] else 'fails'}  {check['check']}"
        for check in result.summary["checks"]
    ]
    verdict = "promoted" if result.promoted else "refused: the champion stays"
    trained = result.summary["labels"]["trained_on"]
    _say(
        as_json,
        {"out": str(out), **result.summary},
        f"{out}: challenger trained with {trained} reviewed cases",
        *checks,
        f"{verdict}",
    )


@app.command()
def report(
    bundle: Bundle,
    spec: Spec,
    root: Root,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report.")],
    db: Annotated[str | None, typer.Option("--db", help="Summarise reviews from here.")] = None,
    as_json: Json = False,
) -> None:
    """Write one self-contained audit report (HTML) with its numbers (JSON).

    Example: triage report --bundle bundles/ham --spec data_specs/derm_ham10000.yaml
    --root ../data --out report
    """
    from pipelines.evaluate import evaluate_bundle
    from pipelines.report import write_audit
    from triage.data.spec_files import load_spec

    named = db is not None or "TRIAGE_DATABASE_URL" in os.environ
    with _store(db, wanted=named) as store:
        with _bars(as_json) as bars:
            run = evaluate_bundle(bundle, load_spec(spec), root, cache_folder=_cache(), report=bars)
        page, data = write_audit(run, out, store)
    _say(as_json, {"html": str(page), "json": str(data)}, f"report: {page}", f"numbers: {data}")
    if run.rejected:
        raise typer.Exit(REJECTED)


@app.command()
def ui(
    db: Db = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8501,
    as_json: Json = False,
) -> None:
    """Open the reviewer's pages on 127.0.0.1 until interrupted.

    Example: triage ui --db sqlite:///work/triage.db
    """
    from triage.store import open_store
    from ui.launch import run

    store = open_store(db)
    url = store.engine.url.render_as_string(hide_password=False)
    store.close()
    address = f"http://127.0.0.1:{port}"
    _say(as_json, {"address": address}, f"reviewer's pages: {address} (Ctrl-C stops)")
    raise typer.Exit(run(url, port))


@app.command()
def demo(
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Do not open the pages.")] = False,
    spec: Annotated[
        Path | None, typer.Option("--spec", help="Data spec; default: generated phantoms.")
    ] = None,
    root: OptionalRoot = None,
    workdir: Annotated[Path, typer.Option("--workdir", help="Where to write.")] = Path("workdir"),
    backbone: Backbones = None,
    members: Members = None,
    draws: Annotated[int, typer.Option(min=1, help="How often roles are drawn.")] = 1,
    cases: Annotated[int | None, typer.Option(min=100, help="Phantoms to generate.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
    as_json: Json = False,
) -> None:
    """Go the whole way once: data, training, evaluation, case database, report, pages.

    Example: triage demo --no-ui --spec data_specs/derm_ham10000.yaml --root ../data
    """
    from pipelines import demo as pipeline
    from pipelines.tables import draws_table, overall_table
    from triage.data.spec_files import load_spec, shipped_spec
    from ui.launch import run as serve

    chosen = load_spec(spec or shipped_spec("derm_phantoms"))
    place = workdir / chosen.name
    with _bars(as_json) as bars:
        result = pipeline.demo(
            chosen,
            root,
            place,
            backbones=backbone or (),
            members=members,
            draws=draws,
            cases=cases or pipeline.PHANTOM_CASES,
            cache_folder=_cache(),
            report=bars,
        )
    first = {head: runs[0].evaluation for head, runs in result.runs.items()}
    tables = [overall_table(first, f"{chosen.title}: test split", chosen.roles.note)]
    if draws > 1:
        tables.append(draws_table(result.spread(), draws, chosen.roles.note))
    places = [f"  {name}: {where}" for name, where in result.places.items()]
    _say(
        as_json,
        result.summary(),
        *tables,
        "Where everything is:",
        *places,
        f"  case database: {result.database} ({result.counts['cases waiting']} cases wait)",
        f"  open the pages: triage ui --db {result.database}",
    )
    if not no_ui:
        if not as_json:
            _say(False, {}, f"reviewer's pages: http://127.0.0.1:{port} (Ctrl-C stops)")
        raise typer.Exit(serve(result.database, port))


if __name__ == "__main__":
    main()
