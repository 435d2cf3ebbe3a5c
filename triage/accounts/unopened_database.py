"""Accounts of a database that cannot be opened as a store, since it is of another release.

Nothing is written: the tables of events may not be those of this release. So no event tells of the
check, and wrong passwords are not counted; an account that is refused for some time is refused.
"""

from __future__ import annotations

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from triage.accounts.accounts import account_of, is_name
from triage.accounts.actor import Actor
from triage.accounts.passwords import matches
from triage.accounts.sign_in_check import SignInRefused
from triage.errors import StoreError
from triage.store.account_tables import AccountRow
from triage.store.accounts import AccountRecord, account_with_key, any_account
from triage.store.base import utc_now
from triage.store.database_errors import errors_told
from triage.store.location import resolve_url
from triage.store.read_connection import DamagedFile, read_connection
from triage.vocabulary.reader_names import reader_key


def has_accounts_at(url: str | None) -> bool:
    """Whether a database has accounts; not if it is missing, damaged or no case database.

    Parameters
    ----------
    url : str, optional
        As for `triage.store.open_store`.
    """
    resolved = resolve_url(url)
    try:
        with errors_told(resolved), read_connection(resolved) as connection:
            if not inspect(connection).has_table(AccountRow.__tablename__):
                return False
            return any_account(Session(connection))
    except (StoreError, DamagedFile):
        return False  # what is done to the database next says why


def authenticate_at(url: str | None, name: str, password: str) -> Actor:
    """Return whom a name and a password prove to act, by the accounts of an unopened database.

    Raises
    ------
    SignInRefused
        As for `triage.accounts.authentication.authenticate`.
    """
    resolved = resolve_url(url)
    account: AccountRecord | None = None
    if is_name(name):
        with errors_told(resolved), read_connection(resolved) as connection:
            account = account_with_key(Session(connection), reader_key(name))
    right = matches(password, None if account is None else account.password_hash)
    if account is None or not right or account.disabled_at is not None:
        raise SignInRefused
    if account.refused_until is not None and utc_now() < account.refused_until:
        raise SignInRefused
    return account_of(account).actor
