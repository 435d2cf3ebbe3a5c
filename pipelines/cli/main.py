"""The tree of verbs, and how every error becomes one readable line and an exit code."""

from __future__ import annotations

import json
import os
import sys
import traceback

import typer

from pipelines.cli import clinic, comparing, data, learning, pretraining
from triage.data.validate import summarise
from triage.errors import SpecError, TriageError

INTERRUPTED = 130
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

spec_app.command("validate")(data.spec_validate)
spec_app.command("duplicates")(data.spec_duplicates)
spec_app.command("prepare")(data.spec_prepare)
for verb in (
    clinic.demo,
    data.inspect,
    pretraining.pretrain,
    learning.train,
    learning.evaluate,
    learning.segment,
    comparing.benchmark,
    comparing.transfer,
    clinic.score,
    learning.retrain,
    clinic.report,
    clinic.ui,
):
    app.command()(verb)


def main() -> None:
    """Run the command line; every error is one readable line and an exit code."""
    as_json = "--json" in sys.argv
    try:
        app(standalone_mode=True)
    except TriageError as error:
        if as_json:
            problems = list(getattr(error, "problems", ()))
            print(json.dumps({"error": str(error), "problems": problems}))
        if isinstance(error, SpecError):
            error.problems = tuple(summarise(error.problems))  # a terminal is not endless
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
