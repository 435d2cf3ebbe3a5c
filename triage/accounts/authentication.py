"""Authentication of who calls a verb: a name and a password, without a session."""

from __future__ import annotations

from datetime import datetime

from triage.accounts.account import account_of
from triage.accounts.actor import Actor
from triage.accounts.sign_in_check import with_password
from triage.store import Store
from triage.vocabulary.sign_in import SignInMethod


def authenticate(store: Store, name: str, password: str, *, at: datetime | None = None) -> Actor:
    """Return whom a name and a password prove to act.

    Raises
    ------
    SignInRefused
        As for `triage.accounts.sessions.sign_in`, with the same lockout.
    """
    return with_password(
        store,
        name,
        password,
        SignInMethod.COMMAND_LINE,
        lambda _session, account, _at: account_of(account).actor,
        at,
    )
