"""The verb that trains a challenger on reviewed labels and has it judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import (
    Backbones,
    Config,
    Db,
    Json,
    Members,
    RecipeName,
    Root,
    Spec,
    bars,
    cache_folder,
    say,
    store_at,
    summarise,
)
from pipelines.cli.engine_options import Address, Engine, Workers, engine_settings
from triage.accounts import Action
from triage.errors import UsageError

if TYPE_CHECKING:
    from triage.data.spec import DataSpec
    from triage.learning.retraining.result import RetrainResult
    from triage.learning.train import Settings


def retrain(
    spec: Spec,
    root: Root,
    policy: Annotated[Path, typer.Option("--policy", help="Retraining policy (YAML).")],
    out: Annotated[Path, typer.Option("--out", help="Challenger bundle to write.")],
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="The champion (a folder); none for the first training."),
    ] = None,
    annotated: Annotated[
        Path | None,
        typer.Option(
            "--annotated",
            help="Folder of further annotated volumes, with a table as the spec describes it.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check everything, say what would train, write nothing."),
    ] = False,
    recipe: RecipeName = "default",
    backbone: Backbones = None,
    members: Members = None,
    roles_seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the role draw of a first training.")
    ] = None,
    config: Config = None,
    engine: Engine = None,
    workers: Workers = 1,
    address: Address = None,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Train a challenger on reviewed labels and have the gate judge it; a killed run goes on.

    Example: triage retrain --bundle bundles/a --spec data_specs/derm_phantoms.yaml
    --root work/phantoms --policy data_specs/retrain_policy.yaml --out bundles/b
    """
    from triage.data.spec_files import load_spec
    from triage.gating.policy import load_gate_policy
    from triage.learning.retraining.dry_run import plan_lines, plan_retrain
    from triage.learning.retraining.pipeline import retrain as run
    from triage.learning.retraining.request import RetrainRequest

    runs_on = engine_settings(engine, workers, address)
    loaded, data = load_gate_policy(policy), load_spec(spec)
    chosen = {"backbone": backbone, "members": members, "config": config, "recipe": recipe}
    settings = _first_settings(data, root, chosen) if bundle is None else None
    if bundle and (backbone or members or config or roles_seed is not None or recipe != "default"):
        raise UsageError(
            "the settings are the champion's, so none can be given",
            where="--bundle",
            hint="Leave out --recipe, --backbone, --members, --config and --roles-seed.",
        )
    with store_at(db) as store:
        by = acting(store, as_name, password_stdin, Action.CHANGE_MODELS)  # before the long work
        request = RetrainRequest(
            spec=data,
            root=root,
            policy=loaded,
            out=out,
            bundle=bundle,
            settings=settings,
            roles_seed=roles_seed,
            annotated=annotated,
            actor=by.name,
            cache_folder=cache_folder(),
            engine=runs_on,
        )
        with bars(as_json) as report:
            if dry_run:
                plan = plan_retrain(request, store, report=report)
            else:
                result = run(request, store, report=report)
    if dry_run:
        say(as_json, plan.model_dump(mode="json"), *plan_lines(plan))
        return
    _say_result(as_json, result)


def _first_settings(spec: DataSpec, root: Path, chosen: dict[str, Any]) -> Settings:
    """Settings of a first training, which no champion gives."""
    from triage.learning.recipes import recipe_backbones
    from triage.learning.settings import settings_for

    recipe = chosen["recipe"]
    backbones = tuple(chosen["backbone"] or recipe_backbones(recipe, root))
    return settings_for(spec, backbones, chosen["config"], recipe=recipe, members=chosen["members"])


def _say_result(as_json: bool, result: RetrainResult) -> None:
    from triage.learning.retraining.result_lines import text_lines

    say(
        as_json,
        {**result.model_dump(mode="json"), "verdict": result.verdict},
        *summarise([_left_out(each) for each in result.left_out]),
        *text_lines(result),
        f"page: {result.out}.retrain_result.html",
    )
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _left_out(each: dict[str, str]) -> str:
    from triage.labels.reviewed_cases import LeftOutReason

    sentence = LeftOutReason(each["reason"]).sentence
    return f"left out: case {each['case']} of {each['source']}: {sentence}"
