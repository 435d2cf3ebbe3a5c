"""Accounts for tests of the pages."""

from __future__ import annotations

from triage.accounts import SYSTEM_ACTOR, Role
from triage.accounts.accounts import Account, add_account, find_account, has_accounts
from triage.accounts.sessions import SessionToken, sign_in_oidc
from triage.store import Store

ISSUER = "https://provider.example"
ADMINISTRATOR = "Ada Admin"
PASSWORD = "a long enough phrase"


def account(
    store: Store,
    name: str,
    role: Role = Role.SENIOR_READER,
    *,
    password: str | None = None,
    issuer: str | None = ISSUER,
) -> Account:
    """Return the account of a name, added after an administrator if need be.

    Without a password it signs in through OpenID Connect, which hashes nothing and so is fast.
    """
    if not has_accounts(store):
        add_account(
            store,
            ADMINISTRATOR,
            Role.ADMINISTRATOR,
            by=SYSTEM_ACTOR,
            issuer=ISSUER,
            subject=ADMINISTRATOR,
        )
    if (found := find_account(store, name)) is not None:
        return found
    administrator = find_account(store, ADMINISTRATOR)
    assert administrator is not None
    return add_account(
        store,
        name,
        role,
        by=administrator.actor,
        password=password,
        issuer=None if password else issuer,
        subject=None if password else name,
    )


def session_for(store: Store, name: str) -> SessionToken:
    """Begin a session of an account that signs in through OpenID Connect."""
    found = account(store, name)
    assert found.issuer is not None
    assert found.subject is not None
    return sign_in_oidc(store, found.issuer, found.subject)
