"""Verbs on the alarms of monitoring: list them, give one an owner, close one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.acting import As, PasswordStdin, acting
from pipelines.cli.console import Db, Json, say, store_at
from triage.accounts import Action
from triage.errors import UsageError
from triage.vocabulary.monitoring import ClosingReason

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from triage.store import Store

Number = Annotated[int, typer.Argument(help="Number of the alarm, as `monitor alarms` shows it.")]


def add_alarms(group: typer.Typer) -> None:
    """Add the verbs to their group."""
    group.command("alarms")(monitor_alarms)
    group.command("assign")(monitor_assign)
    group.command("close")(monitor_close)


def monitor_alarms(
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """List the alarms of monitoring: those without an owner first, closed ones last.

    Example: triage monitor alarms --db sqlite:///triage.db
    """
    from pipelines.terminal.monitoring_tables import alarm_table
    from triage.monitoring.alarm_rows import alarm_summary
    from triage.monitoring.alarms import alarms
    from triage.monitoring.monitoring_words import open_first

    with store_at(db) as store:
        acting(store, as_name, password_stdin, Action.MONITOR)
        with store.reading() as session:
            found = open_first(alarm_summary(row) for row in alarms(session))
    value = {"alarms": [one.model_dump(mode="json") for one in found]}
    say(as_json, value, alarm_table(found))


def monitor_assign(
    number: Number,
    to: Annotated[str, typer.Option("--to", help="Account that is responsible from now on.")],
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Give an alarm an owner; the same owner again changes nothing.

    Example: triage monitor assign 3 --to Gus --db sqlite:///triage.db --as Gus
    """
    from triage.monitoring.alarms import assign_alarm

    with store_at(db) as store:
        actor = acting(store, as_name, password_stdin, Action.HANDLE_ALARMS)
        owner = _owner(store, to)

        def work(session: Session) -> None:
            assign_alarm(session, number, owner, actor=actor.name)

        store.write(work)
    say(as_json, {"alarm": number, "owner": owner}, f"alarm {number}: assigned to {owner}")


def monitor_close(
    number: Number,
    reason: Annotated[ClosingReason, typer.Option("--reason", help="Why it is closed.")],
    comment: Annotated[str, typer.Option("--comment", help="What was found and done.")],
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Close an alarm that has an owner, with a reason and a comment.

    Example: triage monitor close 3 --reason acted_on --comment "Camera replaced." --as Gus
    """
    from triage.monitoring.alarms import close_alarm

    if not comment.strip():
        raise UsageError("the comment is empty", where="--comment", hint="Say what was found.")
    with store_at(db) as store:
        actor = acting(store, as_name, password_stdin, Action.HANDLE_ALARMS)

        def work(session: Session) -> None:
            close_alarm(session, number, reason, comment, actor=actor.name)

        store.write(work)
    value = {"alarm": number, "state": "closed", "reason": reason.value}
    say(as_json, value, f"alarm {number}: closed, {reason.value}")


def _owner(store: Store, name: str) -> str:
    """The name of an account; any name while there is no account.

    Raises
    ------
    UsageError
        If there are accounts and none has the name, or it is disabled.
    """
    from triage.accounts.accounts import accounts

    known = accounts(store)
    if not known:
        if not name.strip() or not name.isprintable():
            raise UsageError("this is no name of a person", where="--to", hint="Give a name.")
        return name.strip()
    from triage.accounts.accounts import find_account

    found = find_account(store, name)
    if found is None:
        raise UsageError(
            f"there is no account {name!r}", where="--to", hint="triage user list shows all."
        )
    if found.disabled:
        raise UsageError(
            f"the account {found.name!r} is disabled", where="--to", hint="Name another one."
        )
    return found.name
