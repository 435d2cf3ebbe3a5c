"""Checks of sessions for the server's event loop; a check is no use of the session."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from anyio import CapacityLimiter, to_thread

from triage.accounts.sessions import Session, SessionExpired, SessionLimits, session_of
from triage.store import Store
from triage.vocabulary.sign_in import ExpiryReason

WITHOUT_USE = SessionLimits(touch_every=timedelta(days=366))
"""Limits with which asking for a session does not count as its use."""
_CHECKS_AT_ONCE = 8


class SessionChecks:
    """Finds the session of a token.

    The time without use counts from the last run of a page: fetching a picture, or asking whether
    the session goes on, does not prolong it.

    Parameters
    ----------
    store : Store
    local_user : bool
        Whether sessions without an account are valid here.
    """

    def __init__(self, store: Store, *, local_user: bool) -> None:
        self._store = store
        self._local_user = local_user
        self._limiter = CapacityLimiter(_CHECKS_AT_ONCE)

    async def find(self, token: str | None) -> Session:
        """Return the session of a token.

        Raises
        ------
        SessionExpired
            If it is over, or was begun without an account where that is not possible.
        """
        if not token:
            raise SessionExpired(ExpiryReason.UNKNOWN)
        look = partial(session_of, self._store, token, limits=WITHOUT_USE)
        session = await to_thread.run_sync(look, limiter=self._limiter)
        if session.local and not self._local_user:
            raise SessionExpired(ExpiryReason.REVOKED)
        return session

    @staticmethod
    def has_ended(expired: SessionExpired) -> bool:
        """Whether there was a session."""
        return expired.reason is not ExpiryReason.UNKNOWN


def account_key(session: Session) -> str:
    """Return what tells one person's session from another's: the number of the account."""
    return str(session.account.id) if session.account is not None else "local"
