"""The verb that judges a challenger against the champion from two tables of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import Json, Spec, bars, say, store_at
from triage.accounts import Action
from triage.errors import ExitCode
from triage.vocabulary.learning import GateVerdict

if TYPE_CHECKING:
    from triage.gating.result import GateResult

_CODES = {
    GateVerdict.FAILS: ExitCode.ANSWERED_NO,
    GateVerdict.NOT_ENOUGH_EVIDENCE: ExitCode.NOT_ENOUGH_EVIDENCE,
}


def gate(
    spec: Spec,
    policy: Annotated[Path, typer.Option("--policy", help="Policy of retraining (YAML).")],
    predictions_a: Annotated[
        Path, typer.Option("--predictions-a", help="The champion's predictions (Parquet or CSV).")
    ],
    predictions_b: Annotated[
        Path, typer.Option("--predictions-b", help="The challenger's, on the same cases.")
    ],
    db: Annotated[
        str | None,
        typer.Option("--db", help="Database URL: counts the use of these cases; else none does."),
    ] = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Judge a challenger against the champion: exit code 0 passes, 4 fails, 5 lacks evidence.

    Tables need case_id and label; patient_id, condition, recommendation, ood_score and the columns
    of subgroups are used where they are there. What the gate asks is in the policy.

    Example: triage gate --spec data_specs/derm_phantoms.yaml
    --policy data_specs/retrain_policy.yaml --predictions-a champion.parquet
    --predictions-b challenger.parquet
    """
    from triage.data.spec_files import load_spec
    from triage.gating.gate import run_gate
    from triage.gating.gate_table import read_gate_table
    from triage.gating.judge import judge_with_hold_out
    from triage.gating.policy import load_gate_policy

    loaded, data = load_gate_policy(policy), load_spec(spec)
    with store_at(db, wanted=db is not None) as store:
        actor = None if store is None else acting(store, as_name, password_stdin, _ACTION)
        champion, challenger = (
            read_gate_table(path, data) for path in (predictions_a, predictions_b)
        )
        with bars(as_json) as progress:
            if store is None or actor is None:
                result = run_gate(loaded, data, champion, challenger, progress=progress)
            else:
                result = judge_with_hold_out(
                    store, loaded, data, champion, challenger, actor=actor.name, progress=progress
                ).result
    _say(as_json, result)
    if result.verdict in _CODES:
        raise typer.Exit(_CODES[result.verdict])


_ACTION = Action.CHANGE_MODELS


def _say(as_json: bool, result: GateResult) -> None:
    from pipelines.terminal.gate_lines import gate_lines, verdict_line

    value = result.model_dump(mode="json")
    say(as_json, value, *gate_lines(result), *result.notes, verdict_line(result))
