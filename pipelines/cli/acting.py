"""Who calls a verb that acts on the record: an account, once the case database has any."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from triage.accounts import SYSTEM_ACTOR, Action, Actor, require
from triage.errors import UsageError
from triage.secret_file import secret_from_file

if TYPE_CHECKING:
    from triage.store import Store

PASSWORD_FILE_VARIABLE = "TRIAGE_PASSWORD_FILE"

As = Annotated[
    str | None,
    typer.Option("--as", help="Account that acts; needed once the case database has accounts."),
]
PasswordStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin", help="Read the password of --as from a line of standard input."
    ),
]


def acting(store: Store, as_name: str | None, password_stdin: bool, action: Action) -> Actor:
    """Return who acts, after checking the password and the permission.

    Parameters
    ----------
    store : Store
    as_name : str or None
        Given with ``--as``.
    password_stdin : bool
        Read the password from the next line of standard input; else it is asked for.
    action : Action

    Returns
    -------
    Actor
        `SYSTEM_ACTOR` while there is no account.

    Raises
    ------
    UsageError
        If ``--as`` or the password is not given although there are accounts, or ``--as`` is given
        although there are none.
    SignInRefused
        If the name or the password is not right.
    PermissionDenied
        If the account's role does not allow the action.
    """
    actor = signed_in(store, as_name, password_stdin, _with_permission(action))
    if actor != SYSTEM_ACTOR:
        require(actor, action)
    return actor


def acting_at(db: str | None, as_name: str | None, password_stdin: bool, action: Action) -> Actor:
    """Return who acts on a database as a whole, whatever release it is of; see `acting`.

    A database that is missing or cannot be read has no accounts to ask for: who can replace its
    file needs no permission of this software.
    """
    from triage.accounts.unopened_database import authenticate_at, has_accounts_at
    from triage.errors import StoreError
    from triage.store import open_store

    if not has_accounts_at(db):
        refuse_name_without_accounts(as_name)
        return SYSTEM_ACTOR
    try:
        store = open_store(db)
    except StoreError:
        name = required_name(as_name, _with_permission(action))
        actor = authenticate_at(db, name, read_password("--as", password_stdin))
        require(actor, action)
        return actor
    try:
        return acting(store, as_name, password_stdin, action)
    finally:
        store.close()


def require_no_accounts(db: str) -> None:
    """Refuse to put generated cases into a database that people have accounts in.

    Raises
    ------
    UsageError
    """
    from triage.accounts.unopened_database import has_accounts_at

    if has_accounts_at(db):
        raise UsageError(
            "the case database of this demo has accounts",
            where="--workdir",
            hint="Name another folder, or add cases with: triage score --db URL --as NAME.",
        )


def signed_in(store: Store, as_name: str | None, password_stdin: bool, needed: str) -> Actor:
    """Return who acts, after checking the password only; `needed` says which account it takes."""
    from triage.accounts.accounts import has_accounts
    from triage.accounts.authentication import authenticate

    if not has_accounts(store):
        refuse_name_without_accounts(as_name)
        return SYSTEM_ACTOR
    name = required_name(as_name, needed)
    return authenticate(store, name, read_password("--as", password_stdin))


def required_name(as_name: str | None, needed: str) -> str:
    """Return the name given with ``--as``.

    Raises
    ------
    UsageError
        If none is.
    """
    if as_name is None:
        raise UsageError(
            f"the case database has accounts, so this needs {needed}",
            where="--as",
            hint="Add --as NAME, and --password-stdin to give its password on standard input.",
        )
    return as_name


def refuse_name_without_accounts(as_name: str | None) -> None:
    """Refuse ``--as`` where nothing could check it.

    Raises
    ------
    UsageError
    """
    if as_name is not None:
        raise UsageError("the case database has no account", where="--as", hint="Leave out --as.")


def read_password(whose: str, password_stdin: bool, *, new: bool = False) -> str:
    """Read one password.

    Parameters
    ----------
    whose : str
        Option or argument that names the account, for the question and for messages.
    password_stdin : bool
        Read the next line of standard input; else take that of ``--as`` from the file that
        ``TRIAGE_PASSWORD_FILE`` names, where it is set, else ask on the terminal.
    new : bool
        Ask twice, since nobody sees what is typed.

    Raises
    ------
    UsageError
        If there is no such line, the file cannot be read, or there is nobody to ask.
    """
    if password_stdin:
        return _next_line(whose)
    if whose == "--as" and not new:
        kept = secret_from_file(PASSWORD_FILE_VARIABLE, "password of --as", UsageError)
        if kept is not None:
            return kept
    if not sys.stdin.isatty():
        raise UsageError(
            f"the password of {whose} cannot be asked for: standard input is no terminal",
            hint="Add --password-stdin and give each password on a line of its own: first that of "
            "--as, if it is given, then that of the account that is added or changed.",
        )
    kind = "New password" if new else "Password"
    try:
        password = getpass.getpass(f"{kind} of {whose}: ")
        again = getpass.getpass("The same again: ") if new else password
    except EOFError:
        raise UsageError(f"the password of {whose} was not given") from None
    if password != again:
        raise UsageError("the two passwords differ", hint="Try again.")
    return password


def _next_line(whose: str) -> str:
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError:
        raise UsageError(
            f"the password of {whose} is no text in the encoding of standard input"
        ) from None
    if not line:
        raise UsageError(
            f"standard input has no line with the password of {whose}",
            where="--password-stdin",
            hint="Give each password on a line of its own: first that of --as, if it is given, "
            "then that of the account that is added or changed.",
        )
    return line.removesuffix("\n").removesuffix("\r")


def _with_permission(action: Action) -> str:
    return f"one with the permission {action.value}"
