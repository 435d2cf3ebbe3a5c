"""The tree of verbs, and how every error becomes one readable line and an exit code."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipelines.cli.audit import audit_plan, audit_register, audit_run
from pipelines.cli.audit_compare import audit_compare
from pipelines.cli.audit_verify import audit_verify
from pipelines.cli.benchmark import benchmark
from pipelines.cli.console import summarise
from pipelines.cli.convert import convert_checkpoint
from pipelines.cli.dataset import (
    dataset_diff,
    dataset_snapshot,
    dataset_verify,
    dataset_withdraw,
)
from pipelines.cli.db import db_backup, db_check, db_restore, db_upgrade
from pipelines.cli.demo import demo
from pipelines.cli.evaluate import evaluate
from pipelines.cli.gate import gate
from pipelines.cli.ingest import ingest
from pipelines.cli.inspect import inspect
from pipelines.cli.label import label_import
from pipelines.cli.label_errors import label_errors
from pipelines.cli.ledger import (
    ledger_checkpoint,
    ledger_keygen,
    ledger_rotate,
    ledger_verify,
)
from pipelines.cli.list import list_names
from pipelines.cli.policy import policy_set, policy_show
from pipelines.cli.pretrain import pretrain
from pipelines.cli.registry import (
    registry_approve,
    registry_list,
    registry_propose,
    registry_reject,
    registry_retire,
    registry_rollback,
)
from pipelines.cli.registry_export import registry_export
from pipelines.cli.registry_files import registry_diff, registry_sign, registry_verify
from pipelines.cli.registry_shadow import registry_shadow
from pipelines.cli.report import report
from pipelines.cli.retrain import retrain
from pipelines.cli.retrain_policy import (
    retrain_policy_plan,
    retrain_policy_record,
    retrain_policy_show,
    retrain_policy_sign,
)
from pipelines.cli.review_figures import review_figures
from pipelines.cli.score import score
from pipelines.cli.segment import segment
from pipelines.cli.select import select
from pipelines.cli.spec import spec_duplicates, spec_prepare, spec_validate
from pipelines.cli.train import train
from pipelines.cli.transfer import transfer
from pipelines.cli.ui import ui
from pipelines.cli.user import (
    user_add,
    user_disable,
    user_enable,
    user_list,
    user_passwd,
    user_role,
)
from triage import __version__
from triage.errors import ExitCode, SpecError, TriageError, nearest_name
from triage.printable import printable

PROGRAM = "triage"
DEBUG_VARIABLE = "TRIAGE_DEBUG"


class _PrintableGroup(TyperGroup):
    """Commands whose refusals of arguments, which quote them, print as one line."""

    def make_context(self, *given: Any, **named: Any) -> Any:
        """Parse the arguments of the group itself."""
        with _printable_refusals():
            return super().make_context(*given, **named)

    def invoke(self, ctx: Any) -> Any:
        """Parse the arguments of a verb and run it."""
        with _printable_refusals():
            return super().invoke(ctx)


@contextmanager
def _printable_refusals() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # What Typer raises for wrong arguments; newer versions bring a Click of their own, whose
        # classes have no public name.
        if isinstance(message := getattr(error, "message", None), str):
            vars(error)["message"] = printable(_with_suggestion(message))
        raise


_CHOICE = re.compile(r"'(?P<given>.*?)' is not one of (?P<known>'.*')\.?")


def _with_suggestion(message: str) -> str:
    """A refusal of an option's value, with the nearest of the values it may have."""
    message = message.removeprefix("Value error, ")
    found = _CHOICE.fullmatch(message)
    if found is None:
        return message
    near = nearest_name(found["given"], re.findall(r"'([^']*)'", found["known"]))
    return f"{message.removesuffix('.')}. Did you mean {near}?" if near else message


app = typer.Typer(
    cls=_PrintableGroup,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Medical image triage that says when it does not know.\n\n"
    "Exit codes: 0 done, 1 a defect, 2 wrong usage or input, 3 some inputs rejected and the rest "
    "done, 4 the answer is no, 5 not enough evidence, 130 interrupted.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"triage {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options that stand before a verb."""


spec_app = typer.Typer(no_args_is_help=True, help="Data specs.", rich_markup_mode=None)
app.add_typer(spec_app, name="spec")

db_app = typer.Typer(no_args_is_help=True, help="The case database.", rich_markup_mode=None)
app.add_typer(db_app, name="db")
db_app.command("upgrade")(db_upgrade)
db_app.command("check")(db_check)
db_app.command("backup")(db_backup)
db_app.command("restore")(db_restore)

dataset_app = typer.Typer(
    no_args_is_help=True, help="Versions of data sets.", rich_markup_mode=None
)
app.add_typer(dataset_app, name="dataset")
dataset_app.command("snapshot")(dataset_snapshot)
dataset_app.command("diff")(dataset_diff)
dataset_app.command("verify")(dataset_verify)
dataset_app.command("withdraw")(dataset_withdraw)

ledger_app = typer.Typer(no_args_is_help=True, help="The ledger of events.", rich_markup_mode=None)
app.add_typer(ledger_app, name="ledger")
ledger_app.command("keygen")(ledger_keygen)
ledger_app.command("checkpoint")(ledger_checkpoint)
ledger_app.command("rotate")(ledger_rotate)
ledger_app.command("verify")(ledger_verify)

label_app = typer.Typer(no_args_is_help=True, help="Labels of cases.", rich_markup_mode=None)
app.add_typer(label_app, name="label")
label_app.command("import")(label_import)
label_app.command("errors")(label_errors)

audit_app = typer.Typer(no_args_is_help=True, help="Audits of systems.", rich_markup_mode=None)
app.add_typer(audit_app, name="audit")
audit_app.command("plan")(audit_plan)
audit_app.command("register")(audit_register)
audit_app.command("run")(audit_run)
audit_app.command("compare")(audit_compare)
audit_app.command("verify")(audit_verify)

policy_app = typer.Typer(
    no_args_is_help=True, help="Review policies of sites.", rich_markup_mode=None
)
app.add_typer(policy_app, name="policy")
policy_app.command("show")(policy_show)
policy_app.command("set")(policy_set)

registry_app = typer.Typer(
    no_args_is_help=True,
    help="Which bundle is in use, and by whose decision.",
    rich_markup_mode=None,
)
app.add_typer(registry_app, name="registry")
registry_app.command("list")(registry_list)
registry_app.command("propose")(registry_propose)
registry_app.command("approve")(registry_approve)
registry_app.command("reject")(registry_reject)
registry_app.command("rollback")(registry_rollback)
registry_app.command("retire")(registry_retire)
registry_app.command("shadow")(registry_shadow)
registry_app.command("diff")(registry_diff)
registry_app.command("sign")(registry_sign)
registry_app.command("verify")(registry_verify)

registry_app.command("export")(registry_export)
retrain_policy_app = typer.Typer(
    no_args_is_help=True,
    help="The policy of retraining, its signature, and change control documents.",
    rich_markup_mode=None,
)
app.add_typer(retrain_policy_app, name="retrain-policy")
retrain_policy_app.command("show")(retrain_policy_show)
retrain_policy_app.command("sign")(retrain_policy_sign)
retrain_policy_app.command("plan")(retrain_policy_plan)
retrain_policy_app.command("record")(retrain_policy_record)

user_app = typer.Typer(no_args_is_help=True, help="Accounts.", rich_markup_mode=None)
app.add_typer(user_app, name="user")
user_app.command("add")(user_add)
user_app.command("list")(user_list)
user_app.command("disable")(user_disable)
user_app.command("enable")(user_enable)
user_app.command("role")(user_role)
user_app.command("passwd")(user_passwd)

spec_app.command("validate")(spec_validate)
spec_app.command("duplicates")(spec_duplicates)
spec_app.command("prepare")(spec_prepare)
for verb in (
    demo,
    inspect,
    pretrain,
    train,
    evaluate,
    segment,
    benchmark,
    transfer,
    score,
    ingest,
    retrain,
    gate,
    select,
    report,
    review_figures,
    ui,
):
    app.command()(verb)
app.command("list")(list_names)
app.command("convert-checkpoint")(convert_checkpoint)


def main() -> None:
    """Run the command line; every error is one readable line and an exit code."""
    as_json = "--json" in sys.argv
    try:
        app(standalone_mode=True, prog_name=PROGRAM)
    except TriageError as error:
        if as_json:
            problems = list(getattr(error, "problems", ()))
            print(json.dumps({"error": str(error), "problems": problems}))
        if isinstance(error, SpecError):
            error.problems = tuple(summarise(error.problems))  # a terminal is not endless
        print(f"triage: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == ExitCode.INTERRUPTED:  # Typer's answer to a keyboard interrupt
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
        sys.exit(ExitCode.DEFECT)
