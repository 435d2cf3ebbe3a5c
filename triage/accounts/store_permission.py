"""Permission of whoever acts on a case database, which may have no account yet."""

from __future__ import annotations

from triage.accounts.accounts import has_accounts
from triage.accounts.actor import SYSTEM_ACTOR, Actor
from triage.accounts.permissions import require
from triage.store import Store
from triage.vocabulary.roles import Action


def require_for(store: Store, actor: Actor, action: Action) -> None:
    """Check that an actor may act on a database.

    The software itself, as which the command line acts while there is no account, has no role; it
    may act only as long as there is none, because whoever can write to such a database is whoever
    could add the first account.

    Raises
    ------
    PermissionDenied
        If the actor's role does not allow the action, or there are accounts and it has no role.
    """
    if actor == SYSTEM_ACTOR and not has_accounts(store):
        return
    require(actor, action)
