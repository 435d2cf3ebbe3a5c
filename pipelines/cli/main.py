"""The tree of verbs, and how every error becomes one readable line and an exit code."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from pipelines.cli import clinic, comparing, data, database, learning, pretraining
from pipelines.cli.console import summarise
from triage.errors import SpecError, TriageError
from triage.printable import printable

INTERRUPTED = 130
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
            vars(error)["message"] = printable(message)
        raise


app = typer.Typer(
    cls=_PrintableGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Medical image triage that says when it does not know.\n\n"
    "Exit codes: 0 fine, 2 wrong usage or input, 3 some inputs rejected.",
)
spec_app = typer.Typer(no_args_is_help=True, help="Data specs.", rich_markup_mode=None)
app.add_typer(spec_app, name="spec")

db_app = typer.Typer(no_args_is_help=True, help="The case database.", rich_markup_mode=None)
app.add_typer(db_app, name="db")
db_app.command("upgrade")(database.db_upgrade)

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
