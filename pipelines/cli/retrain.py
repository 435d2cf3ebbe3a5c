"""The verb that trains a challenger on reviewed labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import (
    Bundle,
    Db,
    Json,
    Root,
    Spec,
    bars,
    cache_folder,
    say,
    store_at,
    summarise,
)
from triage.accounts import Action
from triage.errors import ExitCode


def retrain(
    bundle: Bundle,
    spec: Spec,
    root: Root,
    policy: Annotated[Path, typer.Option("--policy", help="Promotion rule (YAML).")],
    out: Annotated[Path, typer.Option("--out", help="Challenger bundle to write.")],
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
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
    with store_at(db) as store:
        by = acting(store, as_name, password_stdin, Action.CHANGE_MODELS)  # before the long work
        with bars(as_json) as report:
            result = run(
                bundle,
                load_spec(spec),
                root,
                rule,
                out,
                store,
                actor=by.name,
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
