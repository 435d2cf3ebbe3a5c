"""Verbs on accounts."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.acting import (
    As,
    PasswordStdin,
    acting,
    read_password,
    refuse_name_without_accounts,
    signed_in,
)
from pipelines.cli.console import Db, Json, say, store_at
from triage.accounts import SYSTEM_ACTOR, Action, Actor, Role
from triage.errors import UsageError

if TYPE_CHECKING:
    from triage.accounts.accounts import Account

Name = Annotated[str, typer.Argument(help="Name of the account.")]
RoleOption = Annotated[Role, typer.Option("--role", help="What the account is for.")]
PrintedName = Annotated[
    str | None, typer.Option("--printed-name", help="Name on signatures; default: NAME.")
]
Issuer = Annotated[
    str | None,
    typer.Option("--oidc-issuer", help="Issuer of OpenID Connect, instead of a password."),
]
Subject = Annotated[
    str | None, typer.Option("--oidc-subject", help="The issuer's `sub` of the person.")
]


def user_add(
    name: Name,
    role: RoleOption,
    db: Db = None,
    printed_name: PrintedName = None,
    oidc_issuer: Issuer = None,
    oidc_subject: Subject = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Add an account. The first one is an administrator, and needs no --as.

    With --password-stdin the lines of standard input are the password of --as, if it is given, and
    that of the new account.

    Example: triage user add Ada --role administrator --db sqlite:///triage.db
    """
    from triage.accounts.accounts import add_account, check_new_account

    oidc = oidc_issuer is not None or oidc_subject is not None
    with ExitStack() as opened:
        by = SYSTEM_ACTOR
        missing = _is_missing(db)
        if missing:
            refuse_name_without_accounts(as_name)
        else:
            store = opened.enter_context(store_at(db, create=True))
            by = acting(store, as_name, password_stdin, Action.MANAGE_ACCOUNTS)
        password = None if oidc else read_password("the new account", password_stdin, new=True)
        check_new_account(
            name, role, password, oidc_issuer, oidc_subject, printed_name, first=by == SYSTEM_ACTOR
        )
        if missing:  # not made before everything has been checked
            store = opened.enter_context(store_at(db, create=True))
        account = add_account(
            store,
            name,
            role,
            by=by,
            password=password,
            issuer=oidc_issuer,
            subject=oidc_subject,
            printed_name=printed_name,
        )
    say(as_json, {"account": _as_json(account)}, f"{account.name}: added as {account.role}")


def user_list(db: Db = None, as_json: Json = False) -> None:
    """List the accounts.

    Example: triage user list --db sqlite:///triage.db
    """
    from triage.accounts.accounts import accounts

    with store_at(db) as store:
        found = accounts(store)
    lines = [
        f"{account.name}: {account.role}, prints as {account.printed_name}, signs in with "
        f"{' or '.join(_ways(account))}{', disabled' if account.disabled else ''}"
        for account in found
    ]
    say(
        as_json,
        {"accounts": [_as_json(account) for account in found]},
        *(lines or ["there is no account"]),
    )


def user_disable(
    name: Name,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Refuse an account from now on and end its sessions; what it did stays under its name.

    Example: triage user disable Rhea --db sqlite:///triage.db --as Ada
    """
    from triage.accounts.accounts import disable_account

    with store_at(db) as store:
        by = _manager(store, as_name, password_stdin)
        account = disable_account(store, name, by=by)
    say(as_json, {"account": _as_json(account)}, f"{account.name}: disabled")


def user_enable(
    name: Name,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Let an account sign in again that was disabled, or refused after wrong passwords.

    Example: triage user enable Rhea --db sqlite:///triage.db --as Ada
    """
    from triage.accounts.accounts import enable_account

    with store_at(db) as store:
        by = _manager(store, as_name, password_stdin)
        account = enable_account(store, name, by=by)
    say(as_json, {"account": _as_json(account)}, f"{account.name}: enabled")


def user_role(
    name: Name,
    role: RoleOption,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Give an account another role and end its sessions.

    Example: triage user role Rhea --role senior_reader --db sqlite:///triage.db --as Ada
    """
    from triage.accounts.accounts import set_role

    with store_at(db) as store:
        by = _manager(store, as_name, password_stdin)
        account = set_role(store, name, role, by=by)
    say(as_json, {"account": _as_json(account)}, f"{account.name}: is {account.role}")


def user_passwd(
    name: Name,
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Give an account another password and end its sessions: one's own, or as an administrator.

    With --password-stdin the lines of standard input are the password of --as and the new one.

    Example: triage user passwd Rhea --db sqlite:///triage.db --as Rhea
    """
    from triage.accounts.accounts import set_password

    with store_at(db) as store:
        needed = "the account itself, or one with the permission manage_accounts"
        by = _of_an_account(signed_in(store, as_name, password_stdin, needed))
        password = read_password("the account", password_stdin, new=True)
        account = set_password(store, name, password, by=by)
    say(as_json, {"account": _as_json(account)}, f"{account.name}: has another password")


def _manager(store: Any, as_name: str | None, password_stdin: bool) -> Actor:
    return _of_an_account(acting(store, as_name, password_stdin, Action.MANAGE_ACCOUNTS))


def _of_an_account(actor: Actor) -> Actor:
    if actor == SYSTEM_ACTOR:
        raise UsageError(
            "the case database has no account",
            hint="Add an administrator: triage user add NAME --role administrator.",
        )
    return actor


def _is_missing(db: str | None) -> bool:
    """Whether the database is a SQLite file that does not exist yet."""
    from triage.store.location import resolve_url, sqlite_file

    path = sqlite_file(resolve_url(db))
    return path is not None and not path.exists()


def _ways(account: Account) -> list[str]:
    ways = ["password"] if account.has_password else []
    return [*ways, "OpenID Connect"] if account.issuer else ways


def _as_json(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "printed_name": account.printed_name,
        "role": account.role,
        "disabled": account.disabled,
        "has_password": account.has_password,
        "oidc_issuer": account.issuer,
        "oidc_subject": account.subject,
    }
